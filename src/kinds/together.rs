//! Test: what looks learn together with others is what each would have learnt alone, byte for byte. The digest over a
//! look's answer is what an act is held to, and an act looks alone.

use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;

use super::decode;
use super::rehearsal::stand_in;
use crate::resource::{Frame, LookScript, Output, Script, parse_frames};

const MARK: &str = "together0mark";

/// Answers as systemd does: an alias goes by the name of its unit, what is not there is not found.
const SYSTEMCTL: &str = r#"#!/bin/sh
shift
case $2 in Id,*) ids=yes ;; *) ids= ;; esac
shift 3
between=
for unit in "$@"; do
    printf "$between"
    between='\n'
    id=$unit load=loaded active=active boot=enabled
    case $unit in
    alias.service) id=real.service ;;
    broken.service) active=failed boot= ;;
    gone.service) load=not-found active=inactive boot= ;;
    esac
    [ -z "$ids" ] || echo "Id=$id"
    printf 'LoadState=%s\nActiveState=%s\nSubState=some\nUnitFileState=%s\n' "$load" "$active" "$boot"
done
"#;

fn look(kind: &str, attributes: &serde_json::Value) -> Script {
    decode(kind, attributes).unwrap().probe()
}

/// Files of all sorts, with names that a shell, a pattern or a table could take for something else.
fn files(room: &Path) -> Vec<Script> {
    for (name, content) in [
        ("plain", &b"text\n"[..]),
        ("plain|more", b"a|b"),
        ("empty", b""),
        ("bytes", b"\0\xff\n\n"),
        ("it's a \"file\" $(id)", b"x"),
        ("*", b"star"),
    ] {
        fs::write(room.join(name), content).unwrap();
    }
    fs::write(room.join("big"), vec![7; 300_000]).unwrap();
    fs::create_dir(room.join("folder")).unwrap();
    symlink("plain", room.join("link")).unwrap();
    symlink("nothing", room.join("dangling")).unwrap();
    let more = ["big", "folder", "link", "dangling", "missing", "nowhere/file", "plain/below", "pla"];
    let names = ["plain", "plain|more", "empty", "bytes", "it's a \"file\" $(id)", "*"].into_iter().chain(more);
    let file = |name: &str| {
        let path = room.join(name).display().to_string();
        look("file", &json!({ "path": path, "content": "x", "mode": "0644", "owner": "root:root" }))
    };
    names.map(file).collect()
}

fn everything(room: &Path) -> Vec<Script> {
    let mut all = files(room);
    let named = |kind: &str, names: &[&str], more: &serde_json::Value| -> Vec<Script> {
        let with = |name: &&str| {
            let mut attributes = more.clone();
            attributes["name"] = json!(name);
            look(kind, &attributes)
        };
        names.iter().map(with).collect()
    };
    all.extend(named(
        "sysctl",
        &["kernel.ostype", "kernel.osrelease", "net.ipv4.ip_local_port_range", "kernel.core_pattern", "no.such.one"],
        &json!({ "value": "1" }),
    ));
    // A folder, one that can only be written, one of several lines, and one that is never the same length for all.
    all.extend(named(
        "sysctl",
        &["kernel", "net.ipv4.route.flush", "dev.cdrom.info", "net.ipv4.tcp_rmem"],
        &json!({ "value": "1" }),
    ));
    all.extend(named("package", &["dpkg", "coreutils", "libc6", "base-files", "no-such-package", "dp"], &json!({})));
    let service = json!({ "enabled": true, "active": true, "onChange": "reload" });
    all.extend(named("service", &["real", "alias", "broken", "gone", "x.timer"], &service));
    all.extend(named("kernel_module", &["overlay", "br_netfilter", "no_such_module"], &json!({})));
    all
}

fn run(shell: &str, bin: &Path, text: &str) -> Output {
    let mut command = Command::new(shell);
    command.env("PATH", format!("{}:{}", bin.display(), std::env::var("PATH").unwrap()));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let (mut stdin, text) = (child.stdin.take().unwrap(), text.to_owned());
    let writer = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Output { status: output.status.code().unwrap(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

/// Status and standard output, over which the digest goes.
fn answers(output: &Output, wanted: usize) -> Vec<(i32, String)> {
    let parts = parse_frames(MARK, output, Some(wanted)).unwrap();
    parts.into_iter().map(|part| (part.output.status, part.output.stdout)).collect()
}

#[test]
fn looks_learn_the_same_together_and_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (room, bin) = (dir.path().join("room"), dir.path().join("bin"));
    fs::create_dir(&room).unwrap();
    fs::create_dir(&bin).unwrap();
    stand_in(bin.join("systemctl"), SYSTEMCTL);
    let all = everything(&room);
    for shell in ["sh", "bash"] {
        let alone: Vec<_> = all
            .iter()
            .map(|script| {
                let text = Frame::new(MARK).act(None, None, Some(script)).unwrap();
                answers(&run(shell, &bin, &text), 1).remove(0)
            })
            .collect();
        assert!(alone.iter().filter(|(status, _)| *status == 0).count() * 2 > all.len(), "most answer well: {alone:?}");
        // All of them, backwards, and every second, third and so on.
        for step in 1..=5 {
            let mut chosen: Vec<usize> = (0..all.len()).step_by(step).collect();
            if step % 2 == 0 {
                chosen.reverse();
            }
            let looks: Vec<LookScript> =
                chosen.iter().map(|&i| LookScript { label: i.to_string(), script: all[i].clone() }).collect();
            let output = run(shell, &bin, &Frame::new(MARK).looks(&looks).unwrap());
            for (&i, together) in chosen.iter().zip(answers(&output, chosen.len())) {
                assert_eq!(together, alone[i], "{shell}, one in {step}: {:?}", all[i]);
            }
        }
    }
}
