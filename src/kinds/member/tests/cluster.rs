//! Tests of what is done to the rest of the cluster, and of what is cleaned up at the end.

use std::collections::BTreeMap;

use super::*;

/// As etcd 3.4 answered through its JSON interface.
pub(super) const MEMBERS: &str = r#"{"header":{"cluster_id":"12102231493559379567","member_id":"2677674080080550774","raft_term":"6"},"members":[{"ID":"2677674080080550774","name":"cp1","peerURLs":["https://10.0.0.1:2380"],"clientURLs":["https://10.0.0.1:2379"]},{"ID":"4209223238120489024","name":"n2","peerURLs":["https://10.0.0.2:2380"],"clientURLs":["https://10.0.0.2:2379"]},{"ID":"14886647071372629257","name":"n22","peerURLs":["https://10.0.0.22:2380"],"clientURLs":["https://10.0.0.22:2379"]}]}"#;

/// As etcd 3.6 answers, which has a space after each comma.
const MEMBERS_OF_3_6: &str = r#"{"header":{"cluster_id":"15175007851246364069", "member_id":"9849247334817182950", "raft_term":"2"}, "members":[{"ID":"6263037055662970531", "name":"n2", "peerURLs":["https://10.0.0.2:2380"], "clientURLs":["https://10.0.0.2:2379"]}, {"ID":"7333977097504277566", "name":"n22", "peerURLs":["https://10.0.0.22:2380"], "clientURLs":["https://10.0.0.22:2379"]}, {"ID":"9849247334817182950", "name":"cp1", "peerURLs":["https://10.0.0.1:2380"], "clientURLs":["https://10.0.0.1:2379"]}]}"#;

/// As an API server tells of a node, in short.
const NODE: &str = r#"{"kind":"Node","metadata":{"name":"n2"},"status":{"conditions":[{"type":"DiskPressure","status":"False"},{"type":"Ready","status":"True","message":"kubelet is posting ready status"}]}}"#;

/// A kubectl that answers for a healthy cluster with these etcd members, and keeps what it is sent.
pub(super) fn answers(stage: &Stage, members: &str, more: &str) {
    let sent = stage.path("/sent").display().to_string();
    let body = format!(
        "case $* in\n{more}\n*' --raw /health'*) echo '{{\"health\":\"true\"}}';;\n\
         *member/list*) cat >/dev/null; echo '{members}';;\n*' -f -'*) cat >>{sent};;\n\
         *' get --raw /api/v1/nodes/'*) echo '{NODE}';;\nesac"
    );
    stage.command("kubectl", &body);
}

#[test]
fn exactly_one_member_is_removed() {
    let steps = join(MemberRole::ControlPlane).apply(Act::Create, &Observation::Absent);
    let forget = step(&steps, "remove n2 from");
    let stage = whole(None);
    answers(&stage, MEMBERS, "");
    assert_eq!(stage.run_with(forget, &slots(BARE)).status, 0);
    assert_eq!(std::fs::read_to_string(stage.path("/sent")).unwrap(), "{\"ID\":\"4209223238120489024\"}\n");
    assert!(stage.calls().contains(" delete --raw /api/v1/nodes/n2"));

    // etcd 3.6 writes its answer differently.
    let stage = whole(None);
    answers(&stage, MEMBERS_OF_3_6, "");
    assert_eq!(stage.run_with(forget, &slots(BARE)).status, 0);
    assert_eq!(std::fs::read_to_string(stage.path("/sent")).unwrap(), "{\"ID\":\"6263037055662970531\"}\n");

    // One that never started has no name yet.
    let stage = whole(None);
    answers(&stage, &MEMBERS.replace("\"name\":\"n2\",", ""), "");
    assert_eq!(stage.run_with(forget, &slots(BARE)).status, 0);
    assert_eq!(std::fs::read_to_string(stage.path("/sent")).unwrap(), "{\"ID\":\"4209223238120489024\"}\n");

    // A host that turned out to have joined keeps its member.
    let stage = whole(None);
    answers(&stage, MEMBERS, "");
    assert_eq!(stage.run_with(forget, &slots("mainstay-finished")).status, 0);
    assert_eq!(stage.calls(), "");

    // A cluster that is beyond help can still be destroyed; nothing else goes on over it.
    let stage = whole(None);
    stage.command("sleep", "");
    answers(&stage, MEMBERS, "*readyz*) exit 1;;");
    let prior = Prior { before: Observation::Absent, kept: BTreeMap::new() };
    let leaving = join(MemberRole::ControlPlane).destroy(&prior);
    assert_eq!(stage.run(step(&leaving, "remove n2 from")).status, 0);
    assert!(!stage.calls().contains("delete --raw /api/v1/nodes"));

    // A member list that cannot be read is a failure, not an empty list.
    let stage = whole(None);
    answers(&stage, MEMBERS, "*member/list*) exit 1;;");
    assert_ne!(stage.run_with(forget, &slots(BARE)).status, 0);
    assert!(!stage.calls().contains("delete --raw /api/v1/nodes"));
}

#[test]
fn the_gate_waits_for_every_member_to_vote() {
    let steps = join(MemberRole::ControlPlane).apply(Act::Create, &Observation::Absent);
    let gate = |members: &str, more: &str| {
        let stage = whole(None);
        answers(&stage, members, more);
        let output = stage.run(step(&steps, "every etcd member votes"));
        (output.status == 0, output.stdout.trim().to_owned())
    };
    assert_eq!(gate(MEMBERS, ""), (true, String::new()));
    assert_eq!(gate(MEMBERS_OF_3_6, ""), (true, String::new()));
    assert_eq!(gate(MEMBERS, r#"*' --raw /health'*) echo '{"health":"true","reason":""}';;"#), (true, String::new()));
    let learner = MEMBERS.replacen("2379\"]}", "2379\"],\"isLearner\":true}", 1);
    assert_eq!(gate(&learner, ""), (false, "an etcd member does not vote yet".into()));
    let unstarted = MEMBERS.replace("\"name\":\"cp1\",", "");
    assert_eq!(gate(&unstarted, ""), (false, "an etcd member has not started yet".into()));
    let without = MEMBERS.replace("\"name\":\"n2\"", "\"name\":\"n3\"");
    assert_eq!(gate(&without, ""), (false, "n2 is not among the etcd members".into()));
    assert_eq!(gate(MEMBERS, "*readyz*) exit 1;;"), (false, "the API server on 10.0.0.1:6443 is not ready".into()));
    assert_eq!(
        gate(MEMBERS, "*/nodes/n2*) echo 'Error from server (NotFound): nodes \"n2\" not found' >&2; exit 1;;"),
        (false, "the kubelet has not registered node n2".into())
    );
    assert!(!gate(MEMBERS, "*' --raw /health'*) echo '{\"health\":\"false\"}';;").0);
}

#[test]
fn a_node_of_the_same_name_must_not_be_ready() {
    let steps = join(MemberRole::Worker).apply(Act::Create, &Observation::Absent);
    let departed = |more: &str| {
        let stage = whole(None);
        answers(&stage, MEMBERS, more);
        stage.run_with(step(&steps, "no Ready node is named n2"), &slots(BARE)).status
    };
    assert_eq!(departed(""), 1);
    let unready = NODE.replace(r#""Ready","status":"True""#, r#""Ready","status":"Unknown""#);
    assert_eq!(departed(&format!("*/nodes/n2*) echo '{unready}';;")), 0);
    assert_eq!(departed("*/nodes/n2*) echo 'Error from server (NotFound): nodes \"n2\" not found' >&2; exit 1;;"), 0);
    // Whoever does not answer, or answers otherwise, does not say that it is gone.
    assert_eq!(departed(&format!("*/nodes/n2*) echo '{}';;", NODE.replace("\":\"", "\": \""))), 1);
    assert_eq!(departed("*/nodes/n2*) echo 'Unable to connect to the server' >&2; exit 1;;"), 1);
    assert_eq!(departed("*/nodes/n2* | *readyz*) echo 'Unable to connect to the server' >&2; exit 1;;"), 76);
}

#[test]
fn tokens_of_other_joins_are_left_alone() {
    let base64 = |text: &str| {
        let output =
            std::process::Command::new("sh").arg("-c").arg(format!("printf '%s' '{text}' | base64 -w0")).output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    };
    let (ours, measure) =
        (base64(Member::TOKEN_DESCRIPTION), base64("Proxy for managing TTL for the kubeadm-certs secret"));
    let list =
        format!("t-join|n2|{ours}\nt-other|w9|{ours}\nt-init||{ours}\nt-measure||{measure}\nt-hand||\nt-hand2||aGk=");
    let deleted = |kind: &Member| {
        let stage = whole(None);
        stage.command("kubectl", &format!("case $* in *' get secrets '*) echo '{list}';; esac"));
        let steps = kind.apply(Act::Create, &Observation::Absent);
        assert_eq!(stage.run(step(&steps, "delete the bootstrap tokens")).status, 0);
        let calls = stage.calls();
        let names =
            calls.lines().filter_map(|line| line.split_once(" delete --raw /api/v1/namespaces/kube-system/secrets/"));
        let names = names.map(|(_, name)| name.to_owned());
        names.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(deleted(&join(MemberRole::Worker)), "t-join t-init");
    assert_eq!(deleted(&join(MemberRole::ControlPlane)), "kubeadm-certs t-join t-init t-measure");
}

#[test]
fn the_hash_of_the_ca_is_what_openssl_says() {
    let steps = join(MemberRole::Worker).apply(Act::Create, &Observation::Absent);
    let stage = Stage::new();
    // Made by kubeadm v1.20.2 (RSA), and by openssl (P-256, two certificates in the file).
    for (pem, hash) in [
        (include_str!("../ca_rsa.pem"), include_str!("../ca_rsa.sha256")),
        (include_str!("../ca_ec.pem"), include_str!("../ca_ec.sha256")),
    ] {
        stage.file("/etc/kubernetes/pki/ca.crt", pem);
        let output = stage.run(step(&steps, "read the CA"));
        assert_eq!((output.status, output.stdout.trim()), (0, hash.trim()), "{output:?}");
    }
    for garbage in ["", "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n", "x"] {
        stage.file("/etc/kubernetes/pki/ca.crt", garbage);
        assert_ne!(stage.run(step(&steps, "read the CA")).status, 0, "{garbage}");
    }
}

/// From a node with kube-proxy, and a rule of the operator's own.
const RULES: &str = r#"*filter
:INPUT ACCEPT [0:0]
:KUBE-FIREWALL - [0:0]
:KUBE-SERVICES - [0:0]
:MINE - [0:0]
-A INPUT -j MINE
-A INPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A INPUT -j KUBE-FIREWALL
-A KUBE-FIREWALL -m comment --comment "kubernetes firewall for dropping marked packets" -j DROP
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
-A PREROUTING -j MINE
COMMIT"#;

#[test]
fn what_reset_leaves_is_taken_away_and_nothing_else() {
    let stage = Stage::new();
    let restored = stage.path("/restored").display().to_string();
    stage.command("iptables-save", &format!("cat <<'END'\n{RULES}\nEND"));
    stage.command("iptables-restore", &format!("cat >{restored}"));
    for command in ["ip6tables-save", "ip6tables-restore", "nft", "ipset"] {
        stage.command(command, "");
    }
    stage.command("nft", "exit 1");
    stage.command("ip", "exit 1");
    for path in ["/var/lib/kubelet/pki/x", "/var/lib/cni/networks/x", "/etc/kubernetes/mine", NOTE] {
        stage.file(path, "");
    }
    std::fs::create_dir_all(stage.path("/var/lib/etcd")).unwrap();
    let kept = BTreeMap::from([("paths".to_owned(), "/var/lib/cni".to_owned())]);
    let steps = join(MemberRole::Worker).destroy(&Prior { before: Observation::Absent, kept });
    let output = stage.run(step(&steps, "clean up after"));
    assert_eq!(output.status, 0, "{output:?}");
    let expected = "*filter\n:KUBE-FIREWALL - [0:0]\n:KUBE-SERVICES - [0:0]\n\
        -D INPUT -m conntrack --ctstate NEW -m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES\n\
        -D INPUT -j KUBE-FIREWALL\n-X KUBE-FIREWALL\n-X KUBE-SERVICES\nCOMMIT\n";
    assert_eq!(std::fs::read_to_string(&restored).unwrap(), expected);
    assert!(stage.calls().contains("iptables-restore -w 10 --noflush"));
    assert!(stage.has("/var/lib/cni/networks/x"), "was there before");
    assert!(stage.has("/etc/kubernetes/mine") && !stage.has("/etc/kubernetes/pki"));
    assert!(!stage.has("/var/lib/kubelet") && !stage.has("/var/lib/etcd"));
}

/// Without the note the host would look bare, and what is left would be nobody's.
#[test]
fn a_cleaning_that_fails_leaves_the_note() {
    let stage = Stage::new();
    for command in ["iptables-save", "ip6tables-save", "ipset", "nft", "ip"] {
        stage.command(command, "exit 1");
    }
    stage.command("rm", "case $* in *one-file-system*kubelet) exit 1;; esac; exec /bin/rm \"$@\"");
    stage.file("/var/lib/kubelet/pods/x", "");
    stage.file(NOTE, "join leaving\n");
    let kept = BTreeMap::from([("paths".to_owned(), String::new())]);
    let steps = join(MemberRole::Worker).destroy(&Prior { before: Observation::Absent, kept });
    assert_ne!(stage.run(step(&steps, "clean up after")).status, 0);
    assert_eq!(look(&join(MemberRole::Worker), &stage), Ok(seen(false, MemberRole::Worker)));
    stage.command("rm", "exec /bin/rm \"$@\"");
    assert_eq!(stage.run(step(&steps, "clean up after")).status, 0);
    assert_eq!(look(&join(MemberRole::Worker), &stage), Ok(Observation::Absent));
    assert!(!stage.has("/var/lib/kubelet") && !stage.has("/etc/kubernetes"));
}

#[test]
fn without_knowledge_of_before_only_empty_directories_go() {
    let stage = Stage::new();
    for command in ["iptables-save", "ip6tables-save", "dpkg-query", "ipset"] {
        stage.command(command, "exit 1");
    }
    stage.command("nft", "exit 1");
    stage.command("ip", "exit 1");
    stage.file("/var/lib/kubelet/precious", "");
    std::fs::create_dir_all(stage.path("/var/lib/etcd")).unwrap();
    let steps = join(MemberRole::Worker).destroy(&Prior { before: Observation::Absent, kept: BTreeMap::new() });
    assert_eq!(stage.run(step(&steps, "clean up after")).status, 0);
    assert!(stage.has("/var/lib/kubelet/precious") && !stage.has("/var/lib/etcd"));
}

/// No member, but the endpoint.
pub(super) const SILENT: &[u32] = &[0];

pub(super) fn member(n: u32, more: &str) -> String {
    format!(
        "{{\"ID\":\"{n}\",\"name\":\"n{n}\",\"peerURLs\":[\"https://10.0.0.{n}:2380\"],\
         \"clientURLs\":[\"https://10.0.0.{n}:2379\"]{more}}}"
    )
}

/// What kubectl answers where these members, or the endpoint, are silent.
pub(super) fn silence(silent: &[u32]) -> String {
    if silent == SILENT {
        return "*'admin.conf '*' --raw /readyz') exit 1;;".to_owned();
    }
    let down = |n| format!("*'--server https://10.0.0.{n}:2379 get --raw /health'*) exit 1;; ");
    silent.iter().map(down).collect()
}

/// Resetting the last member that runs beside a silent one takes the API away from what stays.
#[test]
fn a_reset_leaves_etcd_its_majority() {
    let reset_of = |note: &str, members: &[String], silent: &[u32], scope: &str| {
        let stage = whole(Some(note));
        answers(&stage, &format!("{{\"members\":[{}]}}", members.join(",")), &silence(silent));
        stage.command("kubeadm", "");
        let mut slots = slots(BARE);
        slots.put(Slots::SCOPE, Secret::new(scope));
        let prior = Prior { before: Observation::Absent, kept: [].into() };
        let steps = join(MemberRole::ControlPlane).destroy(&prior);
        let output = stage.run_with(step(&steps, "kubeadm reset"), &slots);
        let reset = stage.calls().contains("kubeadm reset -f");
        assert_eq!(output.status == 0, reset, "{output:?}");
        let sent = std::fs::read_to_string(stage.path("/sent")).unwrap_or_default();
        if stage.calls().contains("kubeadm reset -f --kubeconfig /dev/null") {
            return format!("offline {}", sent.trim());
        }
        assert_eq!(sent, "");
        if reset { String::new() } else { output.stderr }
    };
    let reset = |members: &[String], silent: &[u32], scope: &str| reset_of("join done\n", members, silent, scope);
    let three = [member(1, ""), member(2, ""), member(3, "")];
    assert_eq!(reset(&three, &[], Slots::PART), "");
    let told = reset(&three, &[3], Slots::PART);
    assert!(
        told.starts_with("of 2 other etcd members 1 run: without this member etcd would lose its majority"),
        "{told}"
    );
    // Where all goes, kubeadm is kept from waiting for members that cannot agree.
    assert_eq!(reset(&three, &[], Slots::WHOLE), "");
    assert_eq!(reset(&three, &[3], Slots::WHOLE), "offline ");
    assert_eq!(reset(&three[1..2], &[], Slots::WHOLE), "");
    assert_eq!((reset(&[], &[], Slots::PART), reset(&[], &[], Slots::WHOLE)), (String::new(), "offline ".into()));
    // Where nobody answers, this may be the last of the data, unless what is here was never finished.
    let told = reset(&[], SILENT, Slots::PART);
    assert!(told.starts_with("neither etcd here nor the API at its endpoint answers"), "{told}");
    for unfinished in ["join begun\n", "init leaving\n"] {
        assert_eq!(reset_of(unfinished, &[], SILENT, Slots::PART), "");
    }
    // Where the endpoint does not answer, etcd itself lets the member go.
    assert_eq!(reset(&three[..2], SILENT, Slots::PART), "offline {\"ID\":\"2\"}");
    assert_eq!(reset(&three[..2], SILENT, Slots::WHOLE), "offline {\"ID\":\"2\"}");
    assert_eq!(reset(&three[1..2], SILENT, Slots::PART), "");
    // One of two goes, and the last one; a learner and one that was taken out already are missed by nobody.
    assert_eq!(reset(&three[..2], &[], Slots::PART), "");
    assert_ne!(reset(&three[..2], &[1], Slots::PART), "");
    assert_eq!(reset(&three[1..2], &[], Slots::PART), "");
    let learner = [member(1, ""), member(2, ",\"isLearner\":true"), member(3, "")];
    assert_eq!(reset(&learner, &[3], Slots::PART), "");
    assert_eq!(reset(&[member(1, ""), member(3, "")], &[3], Slots::PART), "");
}
