//! SSH against a server inside the test: who is let in, whom we trust, how scripts end.

use std::fmt::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use russh::keys::ssh_key::EcdsaCurve;
use russh::keys::{Algorithm, PrivateKey};
use tempfile::TempDir;

use super::environment::Environment;
use super::server_for_tests::{Doing, Server, key_of, new_key, start_agent, write_key};
use super::{SshPool, SshShell};
use crate::fleet::shell::{Answer, Shell};
use crate::fleet::{Bastion, FleetError, HostKeyChecking, Reach};
use crate::resource::{HostName, Secret};

const TIMEOUT: Duration = Duration::from_secs(20);

/// An operator with a home directory and a key.
struct Operator {
    home: TempDir,
    key: PrivateKey,
}

impl Operator {
    fn new() -> Self {
        let operator = Self { home: TempDir::new().unwrap(), key: new_key() };
        std::fs::create_dir(operator.path(".ssh")).unwrap();
        write_key(&operator.key, &operator.path("key"));
        operator
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn trust(&self, servers: &[&Server]) {
        let lines: String = servers.iter().map(|server| server.known_hosts_line()).collect();
        std::fs::write(self.path("known_hosts"), lines).unwrap();
    }

    fn reach(&self, server: &Server) -> Reach {
        Reach {
            address: "127.0.0.1".into(),
            port: Some(server.address.port()),
            user: Some("root".into()),
            identity_file: Some(self.path("key")),
            known_hosts: Some(self.path("known_hosts")),
            connect_timeout_ms: Some(5_000),
            ..Reach::default()
        }
    }

    fn environment(&self) -> Environment {
        Environment { home: Some(self.home.path().to_owned()), user: Some("me".into()), ..Environment::default() }
    }

    fn shell(&self, reach: &Reach) -> SshShell {
        SshPool::new(self.environment()).shell(&HostName::new("cp1"), reach).unwrap()
    }

    async fn trusting(doing: Doing) -> (Self, Server, SshShell) {
        let operator = Self::new();
        let server = Server::start(doing, &operator.key).await;
        operator.trust(&[&server]);
        let shell = operator.shell(&operator.reach(&server));
        (operator, server, shell)
    }
}

fn text(answer: Result<Answer, FleetError>) -> String {
    let answer = answer.unwrap();
    assert_eq!(answer.status, 0, "{answer:?}");
    String::from_utf8(answer.stdout).unwrap()
}

async fn fault(shell: &SshShell) -> String {
    shell.run("echo in", TIMEOUT).await.unwrap_err().to_string()
}

#[tokio::test]
async fn a_script_runs_and_both_streams_and_the_status_come_back() {
    for doing in [Doing::Shell, Doing::StatusFirst] {
        let (_operator, server, shell) = Operator::trusting(doing).await;
        let answer = shell.run("echo out; echo err >&2; exit 3", TIMEOUT).await.unwrap();
        assert_eq!((answer.status, &answer.stdout[..], &answer.stderr[..]), (3, &b"out\n"[..], &b"err\n"[..]));
        assert_eq!(text(shell.run("echo again", TIMEOUT).await), "again\n");
        assert_eq!(server.count("connected"), 1, "one connection for all scripts");
        assert_eq!(server.count("/bin/sh"), 2, "the command is a constant");
    }
}

#[tokio::test]
async fn large_scripts_and_answers_pass_at_the_same_time() {
    let (_operator, _server, shell) = Operator::trusting(Doing::Shell).await;
    // Each line is answered while the rest is still on its way.
    let line = format!("printf '%s\\n' '{}'\n", "x'\\''`$(id)` \u{e9}".repeat(40));
    let script = line.repeat(4000);
    let answer = text(shell.run(&script, TIMEOUT).await);
    assert!(answer == format!("{}\n", "x'`$(id)` \u{e9}".repeat(40)).repeat(4000));
}

#[tokio::test]
async fn a_command_that_never_reads_does_not_hang() {
    let (_operator, _server, shell) = Operator::trusting(Doing::NeverReads).await;
    let answer = shell.run(&"# a comment\n".repeat(500_000), TIMEOUT).await.unwrap();
    assert_eq!(answer.status, 7);
}

#[tokio::test]
async fn an_output_that_stays_open_is_left_after_a_grace_period() {
    let (_operator, server, shell) = Operator::trusting(Doing::LingersOn).await;
    assert_eq!(text(shell.run(":", TIMEOUT).await), "said");
    eventually(|| server.count("closed") == 1).await;
}

#[tokio::test]
async fn at_most_eight_channels_are_open_and_all_are_closed() {
    let (_operator, server, shell) = Operator::trusting(Doing::Shell).await;
    server.refuse_next(3);
    let shell = std::sync::Arc::new(shell);
    let mut scripts = tokio::task::JoinSet::new();
    for number in 0..40 {
        let shell = shell.clone();
        scripts.spawn(async move { text(shell.run(&format!("sleep 0.05; echo {number}"), TIMEOUT).await) });
    }
    assert_eq!(scripts.join_all().await.len(), 40);
    eventually(|| server.open().0 == 0).await;
    assert_eq!(server.open().1, 8);
    assert_eq!((server.count("connected"), server.count("refused a session")), (1, 3));
}

#[tokio::test]
async fn a_script_that_takes_too_long_is_stopped() {
    let (operator, server, shell) = Operator::trusting(Doing::Shell).await;
    let file = operator.path("goes-on");
    let script = format!("while :; do echo >>'{}'; sleep 0.1; done", file.display());
    let error = shell.run(&script, Duration::from_secs(1)).await.unwrap_err();
    assert!(matches!(error, FleetError::Timeout { seconds: 1, .. }), "{error}");
    assert!(error.to_string().contains(&format!("cp1 (127.0.0.1:{})", server.address.port())), "{error}");
    eventually(|| server.count("signal TERM") == 1 && server.open().0 == 0).await;
    let written = || std::fs::metadata(&file).map_or(0, |file| file.len());
    let ended = async {
        let mut before = 0;
        while written() != before {
            before = written();
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_mins(1), ended).await.is_ok(), "the script went on");
    // Where it does go on, it holds a session; what follows does without that one.
    assert_eq!(text(shell.run("echo next", TIMEOUT).await), "next\n");
    assert_eq!(server.count("connected"), 2);
}

#[tokio::test]
async fn a_script_whose_caller_is_gone_is_stopped() {
    let (_operator, server, shell) = Operator::trusting(Doing::Shell).await;
    let run = shell.run("sleep 30", TIMEOUT);
    let _ = tokio::time::timeout(Duration::from_millis(500), run).await;
    eventually(|| server.count("signal TERM") == 1 && server.open().0 == 0).await;
}

#[tokio::test]
async fn a_connection_lost_in_a_script_is_an_error_and_nothing_is_sent_again() {
    let (_operator, server, shell) = Operator::trusting(Doing::HangsUp).await;
    let error = shell.run("echo x", TIMEOUT).await.unwrap_err();
    assert!(matches!(error, FleetError::Lost { .. }), "{error}");
    assert!(error.to_string().contains("power cut"), "{error}");
    assert_eq!((server.count("connected"), server.count("got a part of a script")), (1, 1));
}

#[tokio::test]
async fn a_connection_found_dead_is_opened_anew() {
    let (_operator, server, shell) = Operator::trusting(Doing::Shell).await;
    assert_eq!(text(shell.run("echo one", TIMEOUT).await), "one\n");
    server.kick().await;
    assert_eq!(text(shell.run("echo two", TIMEOUT).await), "two\n");
    assert_eq!(server.count("connected"), 2);
}

#[tokio::test]
async fn connections_dropped_by_a_busy_host_are_tried_again() {
    let (_operator, server, shell) = Operator::trusting(Doing::Shell).await;
    server.drop_next(3);
    assert_eq!(text(shell.run("echo in", TIMEOUT).await), "in\n");
    assert_eq!(server.count("connected"), 4);
}

#[tokio::test]
async fn a_host_that_never_answers_is_given_up_and_named() {
    let operator = Operator::new();
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    let reach = Reach {
        address: "127.0.0.1".into(),
        port: Some(port),
        identity_file: Some(operator.path("key")),
        connect_timeout_ms: Some(300),
        ..Reach::default()
    };
    let said = fault(&operator.shell(&reach)).await;
    assert_eq!(said, format!("cp1 (127.0.0.1:{port}): cannot connect: no answer within 300ms"));
    drop(silent);
    let said = fault(&operator.shell(&reach)).await;
    assert!(said.contains("Connection refused"), "{said}");
}

#[tokio::test]
async fn an_unknown_host_key_is_refused_before_anything_is_sent() {
    let operator = Operator::new();
    let server = Server::start(Doing::Shell, &operator.key).await;
    let said = fault(&operator.shell(&operator.reach(&server))).await;
    let shown = server.key.public_key().fingerprint(russh::keys::HashAlg::Sha256).to_string();
    let file = operator.path("known_hosts").display().to_string();
    for part in ["cp1 (127.0.0.1:", "host key refused", &shown, &file, "ssh-keyscan -t ed25519 -p"] {
        assert!(said.contains(part), "{part} in {said}");
    }
    assert_eq!(server.log(), ["connected"]);
}

#[tokio::test]
async fn a_changed_host_key_is_refused_even_when_new_ones_are_accepted() {
    let operator = Operator::new();
    let server = Server::start(Doing::Shell, &operator.key).await;
    let ecdsa = key_of(Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 });
    for known in [new_key(), ecdsa] {
        let line = format!("[127.0.0.1]:{} {}", server.address.port(), known.public_key().to_openssh().unwrap());
        std::fs::write(operator.path("known_hosts"), line).unwrap();
        let reach = Reach { host_key_checking: HostKeyChecking::AcceptNew, ..operator.reach(&server) };
        let said = fault(&operator.shell(&reach)).await;
        let before = known.public_key().fingerprint(russh::keys::HashAlg::Sha256).to_string();
        for part in [before.as_str(), "known_hosts:1", "ssh-keygen -R '[127.0.0.1]:"] {
            assert!(said.contains(part), "{part} in {said}");
        }
    }
    assert_eq!(server.log(), ["connected", "connected"]);
}

#[tokio::test]
async fn a_new_host_key_is_recorded_when_that_is_asked_for() {
    let operator = Operator::new();
    let server = Server::start(Doing::Shell, &operator.key).await;
    std::fs::write(operator.path("known_hosts"), "# no newline at the end").unwrap();
    let reach = Reach { host_key_checking: HostKeyChecking::AcceptNew, ..operator.reach(&server) };
    assert_eq!(text(operator.shell(&reach).run("echo in", TIMEOUT).await), "in\n");
    let strict = operator.reach(&server);
    assert_eq!(text(operator.shell(&strict).run("echo in", TIMEOUT).await), "in\n");
    let file = std::fs::read_to_string(operator.path("known_hosts")).unwrap();
    assert_eq!(file.lines().count(), 2, "{file}");
}

#[tokio::test]
async fn a_host_with_several_keys_shows_the_known_one() {
    let operator = Operator::new();
    let ecdsa = key_of(Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 });
    let server = Server::start_with(Doing::Shell, &operator.key, ecdsa).await;
    operator.trust(&[&server]);
    assert_eq!(text(operator.shell(&operator.reach(&server)).run("echo in", TIMEOUT).await), "in\n");
}

#[tokio::test]
async fn whoever_is_not_let_in_learns_what_was_tried() {
    let operator = Operator::new();
    let server = Server::start(Doing::Shell, &new_key()).await;
    operator.trust(&[&server]);
    let said = fault(&operator.shell(&operator.reach(&server))).await;
    let shown = operator.key.public_key().fingerprint(russh::keys::HashAlg::Sha256).to_string();
    for part in ["login as root failed", "key file ", &shown, "the host accepts "] {
        assert!(said.contains(part), "{part} in {said}");
    }
}

#[tokio::test]
async fn encrypted_keys_need_their_passphrase() {
    let operator = Operator::new();
    let locked = operator.key.encrypt(&mut russh::keys::key::safe_rng(), "open sesame").unwrap();
    write_key(&locked, &operator.path("key"));
    let server = Server::start(Doing::Shell, &operator.key).await;
    operator.trust(&[&server]);
    let reach = operator.reach(&server);
    let said = fault(&operator.shell(&reach)).await;
    assert!(said.contains("is encrypted; set MAINSTAY_SSH_PASSPHRASE"), "{said}");
    let wrong = Reach { passphrase: Some(Secret::new("wrong")), ..reach.clone() };
    let said = fault(&operator.shell(&wrong)).await;
    assert!(said.contains("the passphrase does not open key file") && !said.contains("wrong"), "{said}");
    assert!(server.log().is_empty(), "nobody connects before the key is there");
    let right = Reach { passphrase: Some(Secret::new("open sesame")), ..reach.clone() };
    assert_eq!(text(operator.shell(&right).run("echo in", TIMEOUT).await), "in\n");
    let environment = Environment { passphrase: Some(Secret::new("open sesame")), ..operator.environment() };
    let shell = SshPool::new(environment).shell(&HostName::new("cp1"), &reach).unwrap();
    assert_eq!(text(shell.run("echo in", TIMEOUT).await), "in\n");
}

#[tokio::test]
async fn the_agent_is_asked_only_when_that_is_wanted() {
    let operator = Operator::new();
    let server = Server::start(Doing::Shell, &operator.key).await;
    operator.trust(&[&server]);
    let socket = operator.path("agent");
    start_agent(&socket, vec![new_key(), operator.key.clone()]);
    let pool = || SshPool::new(Environment { agent: Some(socket.clone()), ..operator.environment() });
    let without = Reach { identity_file: None, ..operator.reach(&server) };
    let said = fault(&pool().shell(&HostName::new("cp1"), &without).unwrap()).await;
    assert!(said.contains("set `ssh.identityFile` or `ssh.agent: true`"), "{said}");
    let with = Reach { agent: true, ..without };
    let shell = pool().shell(&HostName::new("cp1"), &with).unwrap();
    assert_eq!(text(shell.run("echo in", TIMEOUT).await), "in\n");
    // A locked key file is no obstacle when the agent holds the key.
    let locked = operator.key.encrypt(&mut russh::keys::key::safe_rng(), "open sesame").unwrap();
    write_key(&locked, &operator.path("key"));
    let named = Reach { agent: true, ..operator.reach(&server) };
    let shell = pool().shell(&HostName::new("cp1"), &named).unwrap();
    assert_eq!(text(shell.run("echo in", TIMEOUT).await), "in\n");
    std::fs::remove_file(&socket).unwrap();
    let said = fault(&pool().shell(&HostName::new("cp1"), &named).unwrap()).await;
    assert!(said.contains("the SSH agent at ") && said.contains("is encrypted"), "{said}");
}

#[tokio::test]
async fn default_key_files_are_tried_and_a_missing_named_one_is_an_error() {
    let operator = Operator::new();
    let server = Server::start(Doing::Shell, &operator.key).await;
    operator.trust(&[&server]);
    let named = Reach { identity_file: Some("~/nothing".into()), ..operator.reach(&server) };
    let said = fault(&operator.shell(&named)).await;
    assert!(said.contains("nothing does not exist"), "{said}");
    let unnamed = Reach { identity_file: None, ..operator.reach(&server) };
    let said = fault(&operator.shell(&unnamed)).await;
    assert!(said.contains("no key file in ~/.ssh"), "{said}");
    write_key(&new_key(), &operator.path(".ssh/id_ed25519"));
    write_key(&operator.key, &operator.path(".ssh/id_rsa"));
    assert_eq!(text(operator.shell(&unnamed).run("echo in", TIMEOUT).await), "in\n");
    assert_eq!(server.log()[1..3], ["turned away root", "let in root"]);
}

#[tokio::test]
async fn other_users_go_through_sudo_and_its_refusal_is_told() {
    let (operator, server, _) = Operator::trusting(Doing::NoSudo).await;
    let reach = Reach { user: Some("ops".into()), ..operator.reach(&server) };
    let error = operator.shell(&reach).run("echo in", TIMEOUT).await.unwrap_err();
    assert!(matches!(error, FleetError::Sudo { .. }), "{error}");
    assert!(
        error.to_string().ends_with("user ops cannot use sudo without a password: sudo: a password is required"),
        "{error}"
    );
    assert_eq!(server.count("sudo -n -- /bin/sh"), 1);
    let look = Reach { sudo: crate::fleet::Sudo::Look, ..reach.clone() };
    let _ = operator.shell(&look).run("exit 0", TIMEOUT).await;
    assert_eq!(server.count(&format!("sudo -n -- {}", crate::fleet::Sudo::LOOK)), 1);
    let never = Reach { sudo: crate::fleet::Sudo::Never, ..reach };
    let _ = operator.shell(&never).run("echo in", TIMEOUT).await;
    assert_eq!(server.count("/bin/sh"), 1);
}

#[tokio::test]
async fn hosts_behind_a_jump_host_share_its_connection_and_its_key_is_checked() {
    let operator = Operator::new();
    let jump = Server::start(Doing::Shell, &operator.key).await;
    let (one, two) =
        (Server::start(Doing::Shell, &operator.key).await, Server::start(Doing::Shell, &operator.key).await);
    operator.trust(&[&one, &two]);
    let port = Some(jump.address.port());
    let bastion = Bastion { address: "127.0.0.1".into(), user: Some("hop".into()), port, identity_file: None };
    let behind = |server: &Server| Reach {
        address: "localhost".into(),
        bastion: Some(bastion.clone()),
        host_key_checking: HostKeyChecking::Strict,
        ..operator.reach(server)
    };
    let said = fault(&operator.shell(&behind(&one))).await;
    assert!(said.contains(&format!("cp1 (127.0.0.1:{}): host key refused", jump.address.port())), "{said}");
    operator.trust(&[&jump]);
    let said = fault(&operator.shell(&behind(&one))).await;
    assert!(said.contains("has no key for `[localhost]:") && said.contains("must run on the jump host"), "{said}");
    operator.trust(&[&jump, &one, &two]);
    let known = std::fs::read_to_string(operator.path("known_hosts")).unwrap();
    let mut both = String::new();
    for line in known.lines() {
        let (names, key) = line.split_once(' ').unwrap();
        let port = names.rsplit_once(':').unwrap().1;
        writeln!(both, "[127.0.0.1]:{port},[localhost]:{port} {key}").unwrap();
    }
    std::fs::write(operator.path("known_hosts"), both).unwrap();
    let mut pool = SshPool::new(operator.environment());
    let shells =
        [("cp1", &one), ("cp2", &two)].map(|(name, server)| pool.shell(&HostName::new(name), &behind(server)).unwrap());
    let (a, b) = tokio::join!(shells[0].run("echo a", TIMEOUT), shells[1].run("echo b", TIMEOUT));
    assert_eq!((text(a).as_str(), text(b).as_str()), ("a\n", "b\n"));
    assert_eq!((jump.count("connected"), jump.count("let in hop"), jump.count("forward to localhost")), (3, 2, 3));
    jump.kick().await;
    assert_eq!(text(shells[0].run("echo c", TIMEOUT).await), "c\n");
    for shell in &shells {
        shell.close().await;
    }
    pool.close().await;
}

#[tokio::test]
async fn a_jump_host_that_cannot_reach_the_host_is_named() {
    let operator = Operator::new();
    let jump = Server::start(Doing::Shell, &operator.key).await;
    operator.trust(&[&jump]);
    let port = Some(jump.address.port());
    let bastion = Bastion { address: "127.0.0.1".into(), user: None, port, identity_file: None };
    let reach = Reach { port: Some(1), bastion: Some(bastion), ..operator.reach(&jump) };
    let said = fault(&operator.shell(&reach)).await;
    assert!(said.contains("cp1 (127.0.0.1:1 through 127.0.0.1:"), "{said}");
    assert!(said.contains("cannot reach it"), "{said}");
}

#[tokio::test]
async fn the_config_file_gives_what_cluster_yaml_leaves_open() {
    let operator = Operator::new();
    let server = Server::start(Doing::Shell, &operator.key).await;
    operator.trust(&[&server]);
    let config = format!(
        "Host lab-*\n  HostName 127.0.0.1\n  Port {}\n  User root\n  IdentityFile ~/gone\n  IdentityFile ~/key\n",
        server.address.port()
    );
    std::fs::write(operator.path(".ssh/config"), config).unwrap();
    let reach =
        Reach { address: "lab-cp1".into(), known_hosts: Some(operator.path("known_hosts")), ..Reach::default() };
    assert_eq!(text(operator.shell(&reach).run("echo in", TIMEOUT).await), "in\n");
}

async fn eventually(holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !holds() {
        assert!(Instant::now() < deadline, "did not come about in a minute");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
