//! Tests of `node`.

use proptest::prelude::*;

use super::super::kubectl::ELECTION;
use super::super::kubectl::stage::Stage;
use super::*;
use crate::resource::{StepAct, Value as ScriptValue};

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn node(labels: &[(&str, &str)]) -> Node {
    Node { labels: map(labels), ..plain() }
}

fn plain() -> Node {
    Node {
        name: "w1".into(),
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        taints: BTreeMap::new(),
        role_taints: BTreeMap::new(),
    }
}

/// What kubectl v1.20.2 answers to the look's template.
const CAPTURED: &str = "node\nlabel beta.kubernetes.io/arch beta.kubernetes.io%2Farch amd64\n\
    label kubernetes.io/hostname kubernetes.io%2Fhostname cp1\n\
    label node-role.kubernetes.io/control-plane node-role.kubernetes.io%2Fcontrol-plane \nlabel zone zone a\n\
    annotation kubeadm.alpha.kubernetes.io/cri-socket kubeadm.alpha.kubernetes.io%2Fcri-socket \
    %2Frun%2Fcontainerd%2Fcontainerd.sock\n\
    annotation node.alpha.kubernetes.io/ttl node.alpha.kubernetes.io%2Fttl 0\n\
    taint node-role.kubernetes.io/master:NoSchedule node-role.kubernetes.io%2Fmaster%3ANoSchedule \n\
    taint dedicated:NoExecute dedicated%3ANoExecute db\n";

fn look(node: &Node, answer: &str) -> Observation<Observed> {
    let stage = Stage::control_plane();
    stage.command("kubectl", &format!("cat <<'END'\n{answer}END"));
    node.parse(&stage.run(&node.probe())).unwrap()
}

fn patch_of(steps: &[Step]) -> Value {
    let StepAct::Run(run) = &steps[0].act else { panic!("no script") };
    let found = run.script.values().iter().find(|(name, _)| *name == "PATCH");
    let Some((_, ScriptValue::Text(text))) = found else { panic!("no patch") };
    serde_json::from_str(text).unwrap()
}

/// The fields that the API server keeps, after a merge patch of metadata.
fn merged(mut on: BTreeMap<String, String>, patch: &Value) -> BTreeMap<String, String> {
    for (key, value) in patch.as_object().unwrap() {
        match value {
            Value::Null => on.remove(key),
            value => on.insert(key.clone(), value.as_str().unwrap().to_owned()),
        };
    }
    on
}

#[test]
fn the_look_reports_only_what_is_declared() {
    let declared = node(&[("zone", "b"), ("node-role.kubernetes.io/control-plane", "")]);
    let seen = look(&declared, CAPTURED);
    let expected = Observed {
        labels: map(&[("zone", "a"), ("node-role.kubernetes.io/control-plane", "")]),
        ..Observed::default()
    };
    assert_eq!(seen, Observation::Present(expected));
    let changes = declared.diff(seen.present().unwrap());
    assert_eq!(changes.iter().map(|c| (&*c.before, &*c.after)).collect::<Vec<_>>(), [("\"a\"", "\"b\"")]);
    assert_eq!(look(&declared, ""), Observation::Absent);
}

#[test]
fn what_mainstay_set_is_reported_although_it_is_no_longer_declared() {
    let owned =
        "owned %7B%22labels%22%3A%7B%22zone%22%3Anull%7D%2C%22taints%22%3A%7B%22dedicated%3ANoExecute%22%3Anull%7D%7D";
    let seen = look(&node(&[("ssd", "")]), &CAPTURED.replacen("node\n", &format!("node\n{owned}\n"), 1));
    let seen = seen.present().unwrap();
    assert_eq!((&seen.labels, &seen.taints), (&map(&[("zone", "a")]), &map(&[("dedicated:NoExecute", "db")])));
}

const MASTER: &str = "node-role.kubernetes.io/master:NoSchedule";

#[test]
fn the_taint_of_a_role_comes_and_goes_and_others_stay() {
    let with = |wanted: bool| Node { role_taints: BTreeMap::from([(MASTER.into(), wanted)]), ..plain() };
    let seen = look(&with(false), CAPTURED);
    assert_eq!(seen.present().unwrap().taints, map(&[(MASTER, "")]));
    assert_eq!(with(true).diff(seen.present().unwrap()), []);
    let changes = with(false).diff(seen.present().unwrap());
    assert_eq!((changes[0].before.as_str(), changes[0].after.as_str()), ("set", "(none)"));
    let calls = |node: &Node, there: &str| {
        let stage = Stage::control_plane();
        stage.command("kubectl", &format!("case $* in *' -o '*) cat <<'END'\n{there}END\n;; esac"));
        let steps = node.apply(Act::Update, &seen);
        let StepAct::Run(run) = &steps[0].act else { panic!("no script") };
        let output = stage.run(&run.script);
        assert_eq!(output.status, 0, "{output:?}");
        let calls = stage.calls();
        calls
            .lines()
            .find(|call| call.contains(" taint node "))
            .map(|call| call.split(" --overwrite ").nth(1).unwrap().to_owned())
    };
    let there = format!("{MASTER}=\ndedicated:NoExecute=db\n");
    assert_eq!(calls(&with(false), &there), Some(format!("{MASTER}-")));
    assert_eq!(calls(&with(true), &there), None);
    // It is made again where somebody else took it away in the meantime, and not taken away twice.
    assert_eq!(calls(&with(true), "other:NoSchedule=\n"), Some(MASTER.to_owned()));
    assert_eq!(calls(&with(false), ""), None);
    let declared = Node { taints: map(&[("dedicated:NoExecute", "web"), ("gpu:NoSchedule", "")]), ..with(false) };
    let all = format!("dedicated=web:NoExecute gpu:NoSchedule {MASTER}-");
    assert_eq!(calls(&declared, &there), Some(all));
}

#[test]
fn an_empty_value_is_not_the_same_as_none() {
    assert_eq!(node(&[("ssd", "")]).diff(&Observed::default()).len(), 1);
}

#[test]
fn looks_end_with_75_and_76_where_nothing_can_be_seen() {
    let bare = Stage::new();
    assert_eq!(node(&[]).parse(&bare.run(&node(&[]).probe())), Err(ProbeError::NotHere));
    let down = Stage::control_plane();
    down.command("kubectl", "echo refused >&2; exit 1");
    let output = down.run(&node(&[]).probe());
    assert_eq!(output.status, 76, "{output:?}");
    let odd = Stage::control_plane();
    odd.command("kubectl", "case $* in *readyz*) exit 0;; esac; echo forbidden >&2; exit 1");
    let output = odd.run(&node(&[]).probe());
    assert_eq!((output.status, &*output.stderr), (1, "forbidden\n"));
    assert!(down.calls().contains("--server https://10.0.0.1:6443 "), "{}", down.calls());
}

#[test]
fn an_election_of_etcd_does_not_end_a_look() {
    for error in ELECTION {
        let stage = Stage::control_plane();
        let once = format!(
            "if ! [ -e $0.asked ]; then touch $0.asked; echo 'Error from server: {error}' >&2; exit 1; fi; echo node"
        );
        stage.command("kubectl", &once);
        assert_eq!(node(&[]).parse(&stage.run(&node(&[]).probe())), Ok(Observation::Present(Observed::default())));
        stage.command("kubectl", &format!("case $* in *readyz*) exit 0;; esac; echo '{error}' >&2; exit 1"));
        assert_eq!(stage.run(&node(&[]).probe()).status, 1, "it does not go on for ever");
    }
}

#[test]
fn what_was_there_before_is_put_back() {
    let first = node(&[("zone", "b"), ("ssd", "")]);
    let before = Observed { labels: map(&[("zone", "a")]), ..Observed::default() };
    let there = map(&[("zone", "a"), ("kubernetes.io/hostname", "w1")]);
    let patch = patch_of(&first.apply(Act::Update, &Observation::Present(before.clone())));
    let labelled = merged(there.clone(), &patch["metadata"]["labels"]);
    assert_eq!(labelled, map(&[("zone", "b"), ("ssd", ""), ("kubernetes.io/hostname", "w1")]));

    // `zone` is no longer declared: it gets its old value back, though nobody hands it to the kind.
    let annotation = merged(BTreeMap::new(), &patch["metadata"]["annotations"]).remove(OWNED).unwrap();
    let second = node(&[("ssd", "")]);
    let seen = Observed { labels: map(&[("ssd", "")]), owned: serde_json::from_str(&annotation).unwrap(), ..before };
    assert_eq!(second.diff(&seen).len(), 1);
    let patch = patch_of(&second.apply(Act::Update, &Observation::Present(seen)));
    let labelled = merged(labelled, &patch["metadata"]["labels"]);
    assert_eq!(labelled, map(&[("zone", "a"), ("ssd", ""), ("kubernetes.io/hostname", "w1")]));

    let prior = Prior { before: Observation::Present(Observed::default()), kept: BTreeMap::new() };
    let patch = patch_of(&second.destroy(&prior));
    assert_eq!(merged(labelled, &patch["metadata"]["labels"]), there);
    assert_eq!(patch["metadata"]["annotations"][OWNED], Value::Null);
}

#[test]
fn destroy_of_a_node_that_is_gone_does_nothing() {
    let stage = Stage::control_plane();
    stage.command("kubectl", "");
    let prior = Prior { before: Observation::Absent, kept: BTreeMap::new() };
    let steps = node(&[("a", "b")]).destroy(&prior);
    let StepAct::Run(run) = &steps[0].act else { panic!("no script") };
    assert_eq!(stage.run(&run.script).status, 0);
    assert!(!stage.calls().contains("patch"), "{}", stage.calls());
}

#[test]
fn garbage_is_an_error() {
    for text in [
        "x",
        "node\nlabel",
        "node\ntoleration a b",
        "node\nlabel a %",
        "node\nlabel a %zz",
        "node\nlabel a %ff",
        "node\nannotation mainstay.dev/owned %7B",
        "label a b",
    ] {
        let output = Output { status: 0, stdout: text.into(), stderr: String::new() };
        assert!(node(&[]).parse(&output).is_err(), "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn values_survive_escape_and_look(value in "[ -~äß\n\t]{0,20}") {
        let escaped: String = value.bytes().map(|byte| match byte {
            b' ' => "+".to_owned(),
            byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        }).collect();
        let declared = Node { annotations: map(&[("a", &value)]), ..plain() };
        let seen = look(&declared, &format!("node\nannotation a a {escaped}\n"));
        prop_assert!(declared.diff(seen.present().unwrap()).is_empty(), "{seen:?}");
    }

    #[test]
    fn no_answer_makes_the_parser_panic(text in "(node\n)?(label|annotation|[ -~])*([ -~\n]){0,60}") {
        let _ = node(&[]).parse(&Output { status: 0, stdout: text, stderr: String::new() });
    }
}
