//! `swap`: no swap, now and after a reboot.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::resource::{Act, FieldChange, Kind, Observation, Output, Prior, ProbeError, Script, Step};

/// The wish that the host uses no swap, live or from /etc/fstab.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Swap {}

/// What a look sees of a host's [`Swap`]; never absent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SwapSeen {
    /// Swaps in use, as /proc/swaps names them, separated by blanks; `off` when there are none.
    pub live: String,
    /// Lines of /etc/fstab that bring swaps back at boot.
    pub fstab: String,
}

const OFF: &str = "off";

/// What a step keeps of each systemd unit that it masked: `masked.UNIT`.
const MASKED: &str = "masked.";

fn script(body: &'static str) -> Script {
    Script::new(body).set("SWAPS", "/proc/swaps").set("FSTAB", "/etc/fstab").set("SYSTEMD", "/run/systemd/system")
}

impl Kind for Swap {
    const NAME: &'static str = "swap";
    const PRINCIPAL: &'static str = "live";
    type Observed = SwapSeen;

    fn key(&self) -> Option<String> {
        None
    }

    fn probe(&self) -> Script {
        script(include_str!("swap/look.sh"))
    }

    fn parse(&self, output: &Output) -> Result<Observation<SwapSeen>, ProbeError> {
        if !output.success() {
            return Err(ProbeError::failed(output));
        }
        let unexpected = |line: &str| ProbeError::unexpected(format!("swap facts `{line}`"));
        let lines = output.stdout.strip_prefix("swap\n").ok_or_else(|| unexpected(&output.tail(1)))?;
        let (mut live, mut fstab) = (Vec::new(), Vec::new());
        for line in lines.split_terminator('\n') {
            match line.split_once(' ') {
                Some(("live", name)) if !name.is_empty() => live.push(name),
                Some(("fstab", entry)) if !entry.is_empty() => fstab.push(entry),
                _ => return Err(unexpected(line)),
            }
        }
        let live = if live.is_empty() { OFF.to_owned() } else { live.join(" ") };
        Ok(Observation::Present(SwapSeen { live, fstab: fstab.join("\n") }))
    }

    fn diff(&self, seen: &SwapSeen) -> Vec<FieldChange> {
        let live = FieldChange::compare("live", &seen.live, OFF);
        let fstab = FieldChange::compare("/etc/fstab", &seen.fstab, "").map(FieldChange::as_text);
        live.into_iter().chain(fstab).collect()
    }

    fn simulate(&self) -> SwapSeen {
        SwapSeen { live: OFF.to_owned(), fstab: String::new() }
    }

    fn apply(&self, _: Act, _: &Observation<SwapSeen>) -> Vec<Step> {
        vec![Step::run("turn swap off", script(include_str!("swap/off.sh")))]
    }

    fn destroy(&self, prior: &Prior<SwapSeen>) -> Vec<Step> {
        let Some(before) = prior.before.present().filter(|before| **before != self.simulate()) else {
            return Vec::new();
        };
        let masked: Vec<&str> = prior.kept.keys().filter_map(|name| name.strip_prefix(MASKED)).collect();
        let live = if before.live == OFF { "" } else { &before.live };
        let script = script(include_str!("swap/on.sh")).set("MASKED", masked.join(" ")).set("LIVE", live);
        vec![Step::run("turn swap on again", script)]
    }

    fn restored(&self, seen: &Observation<SwapSeen>, prior: &Prior<SwapSeen>) -> bool {
        let (Some(seen), Some(before)) = (seen.present(), prior.before.present()) else { return *seen == prior.before };
        // Compressed memory comes back with the next boot at the latest.
        let lasting = |seen: &SwapSeen| -> BTreeSet<String> {
            seen.live.split(' ').filter(|name| *name != OFF && !name.starts_with("/dev/zram")).map(Into::into).collect()
        };
        seen.fstab == before.fstab && lasting(before).is_subset(&lasting(seen))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::rehearsal::{Rehearsal, stand_in};
    use std::fs;

    const HEADER: &str = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";
    const FSTAB: &str = "# swap is commented swap\nUUID=1 / ext4 defaults 0 1\n/dev/sda2\tnone\tswap\tsw 0 0\n\
        /swapfile none swap\n#/dev/old none swap sw 0 0\nswap /mnt tmpfs swap=1 0 0\n  UUID=3 swap swap defaults\n";

    /// A host whose swapoff and swapon edit its own table of swaps.
    fn host(swaps: &str, fstab: &str) -> (tempfile::TempDir, Rehearsal) {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
        fs::write(path("swaps"), format!("{HEADER}{swaps}")).unwrap();
        fs::write(path("fstab"), fstab).unwrap();
        for (name, body) in [
            ("swapoff", "grep -v \"^$1 \" $S >$S.new; cat $S.new >$S; rm $S.new"),
            ("swapon", "[ \"$1\" = -a ] || echo \"$1 file 1 0 -2\" >>$S"),
        ] {
            stand_in(path(name), &format!("#!/bin/sh\nS={}\n{body}\n", path("swaps")));
        }
        let rehearsal =
            Rehearsal::default().with("SWAPS", path("swaps")).with("FSTAB", path("fstab")).with("SYSTEMD", "/nowhere");
        let rehearsal = rehearsal.path(dir.path().to_str().unwrap());
        (dir, rehearsal)
    }

    fn parse(text: &str) -> Result<Observation<SwapSeen>, ProbeError> {
        Swap {}.parse(&Output { status: 0, stdout: text.into(), stderr: String::new() })
    }

    #[test]
    fn swaps_go_and_come_back_with_their_lines() {
        let (dir, rehearsal) = host("/dev/sda2 partition 1 0 -2\n/swapfile file 1 0 -3\n", FSTAB);
        let (prior, _) = rehearsal.live(&Swap {});
        let before = prior.before.present().unwrap();
        assert_eq!(before.live, "/dev/sda2 /swapfile");
        assert_eq!(before.fstab, "/dev/sda2\tnone\tswap\tsw 0 0\n/swapfile none swap\n  UUID=3 swap swap defaults");
        assert_eq!(fs::read_to_string(dir.path().join("fstab")).unwrap(), FSTAB);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 4);
    }

    /// `swapoff` may take minutes, in which the run may be cut off: what it kept is not known then.
    #[test]
    fn a_unit_whose_masking_nobody_recorded_is_unmasked() {
        let (dir, rehearsal) = host("/dev/zram0 partition 1 0 100\n/dev/sda2 partition 1 0 -2\n", "");
        let at = |name: &str| dir.path().join(name);
        let systemctl = "cd ${0%/*}\ncase $1,$3 in\nmask,*) : >\"masked.$3\" ;;\n\
            unmask,*) shift 2; for n; do rm -f \"masked.$n\"; done ;;\n\
            show,LoadState) if [ -e \"masked.$5\" ]; then echo masked; else echo loaded; fi ;;\nesac";
        for (name, body) in [("systemctl", systemctl), ("systemd-escape", "echo \"${3#/}.swap\" | tr / -")] {
            stand_in(at(name), &format!("#!/bin/sh\n{body}\n"));
        }
        let rehearsal = rehearsal.with("SYSTEMD", dir.path().to_str().unwrap());
        let swapoff = fs::read_to_string(at("swapoff")).unwrap();
        stand_in(at("swapoff"), &format!("{swapoff}[ \"$1\" != /dev/sda2 ]\n"));
        let before = rehearsal.look(&Swap {}).unwrap();
        rehearsal.run(&Swap {}, &Swap {}.apply(Act::Update, &before)).unwrap_err();
        assert!(at("masked.dev-zram0.swap").exists() && at("masked.dev-sda2.swap").exists());
        let prior = Prior { before, kept: std::collections::BTreeMap::default() };
        rehearsal.run(&Swap {}, &Swap {}.destroy(&prior)).unwrap();
        assert!(!at("masked.dev-zram0.swap").exists() && !at("masked.dev-sda2.swap").exists());
    }

    #[test]
    fn a_host_without_swap_is_right_already_and_left_alone() {
        let (_dir, rehearsal) = host("", "UUID=1 / ext4 defaults 0 1\n");
        let seen = rehearsal.look(&Swap {}).unwrap();
        assert_eq!(Swap {}.diff(seen.present().unwrap()), []);
        let prior = Prior { before: seen, kept: std::collections::BTreeMap::default() };
        assert_eq!(Swap {}.destroy(&prior), []);
        assert!(rehearsal.with("SWAPS", "/nowhere").look(&Swap {}).is_ok());
    }

    #[test]
    fn live_and_lasting_are_told_apart() {
        let fields = |text: &str| {
            let seen = parse(text).unwrap();
            Swap {}.diff(seen.present().unwrap()).into_iter().map(|change| change.field).collect::<Vec<_>>()
        };
        assert_eq!(fields("swap\n"), [""; 0]);
        assert_eq!(fields("swap\nlive /dev/zram0\n"), ["live"]);
        assert_eq!(fields("swap\nfstab /s none swap\n"), ["/etc/fstab"]);
    }

    #[test]
    fn zram_may_wait_for_the_next_boot_and_others_may_not() {
        let prior = |text| Prior { before: parse(text).unwrap(), kept: std::collections::BTreeMap::default() };
        assert!(Swap {}.restored(&parse("swap\n").unwrap(), &prior("swap\nlive /dev/zram0\n")));
        assert!(!Swap {}.restored(&parse("swap\n").unwrap(), &prior("swap\nlive /swapfile\n")));
        assert!(!Swap {}.restored(&parse("swap\n").unwrap(), &prior("swap\nfstab /s none swap\n")));
    }

    #[test]
    fn garbage_is_an_error() {
        for text in ["", "swap", "live /x\n", "swap\nlive\n", "swap\n/dev/sda2\n", "swap\n\n"] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }
}
