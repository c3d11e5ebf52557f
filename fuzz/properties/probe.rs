//! The looks of every kind: "absent" is said of the answers that mean it and of no other, and whatever a look has
//! found can be compared, shown, traced, changed and put back.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use mainstay::config::load;
use mainstay::kinds::KINDS;
use mainstay::resource::{Act, AnyKind, Observation, Output, Prior, ScriptError, Slots, Step, StepAct};

use super::planning::{debian, graph};

/// Stands between what a look printed and what it complained of.
const STDERR: &str = "\n--- stderr\n";

/// Resources by kind, the first few of each.
static RESOURCES: LazyLock<BTreeMap<String, Vec<Arc<dyn AnyKind>>>> = LazyLock::new(|| {
    let mut all: BTreeMap<String, Vec<Arc<dyn AnyKind>>> = BTreeMap::new();
    let bridge = include_str!("../../examples/ha-3cp-2w/cluster.yaml");
    let manifest =
        bridge.replace("network: {plugin: bridge}", "network: {plugin: manifest, manifest: {path: net.yml}}");
    // Only records of earlier versions have these.
    let route = serde_json::json!({ "destination": "10.244.1.0/24", "via": "10.0.0.12" });
    all.insert("route".to_owned(), vec![mainstay::kinds::decode("route", &route).expect("a route is read")]);
    for text in [bridge, &manifest] {
        let cluster = load(text, "cluster.yaml", Path::new("/etc/prod")).expect("the example is good").cluster;
        let graph = graph(&cluster, &debian(&cluster)).expect("the example is planned");
        for item in graph.items() {
            let alike = all.entry(item.address.kind().to_owned()).or_default();
            if alike.len() < 4 {
                alike.push(Arc::clone(&item.resource));
            }
        }
    }
    for kind in KINDS.iter().map(|kind| kind.name) {
        assert!(
            all.contains_key(kind),
            "examples/ha-3cp-2w/cluster.yaml declares no {kind}: set its key there, or insert a {kind} into RESOURCES in \
             fuzz/properties/probe.rs"
        );
        means_absent(kind, "");
    }
    all
});

/// `KIND STATUS NUMBER`, then what its look printed; a kind or number that is none stands for one.
pub(super) fn check(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (head, said) = text.split_once('\n').unwrap_or((&text, ""));
    let mut words = head.split(' ');
    let name = words.next().unwrap_or_default();
    let status = words.next().and_then(|word| word.parse::<u8>().ok()).unwrap_or(0);
    let number = words.next().and_then(|word| word.parse::<usize>().ok()).unwrap_or(0);
    let chance = name.bytes().map(usize::from).sum::<usize>() % KINDS.len();
    let kind = KINDS.iter().find(|kind| kind.name == name).unwrap_or(&KINDS[chance]).name;
    let alike = &RESOURCES[kind];
    let (stdout, stderr) = said.split_once(STDERR).unwrap_or((said, ""));
    let output = Output { status: i32::from(status), stdout: stdout.to_owned(), stderr: stderr.to_owned() };
    holds(alike[number % alike.len()].as_ref(), &output);
}

fn holds(resource: &dyn AnyKind, output: &Output) {
    let kind = resource.name();
    match resource.parse(output) {
        Err(error) => assert!(!error.to_string().is_empty()),
        Ok(Observation::Absent) => {
            assert!(output.status == 0 && means_absent(kind, &output.stdout), "{kind}: absent, from {output:?}");
            usable(resource, &Observation::Absent);
        }
        Ok(seen @ Observation::Present(_)) => {
            assert_eq!(output.status, 0, "{kind}: something is seen although the look failed");
            usable(resource, &seen);
        }
    }
}

/// What the look of a kind prints where there is nothing, as its script says.
fn means_absent(kind: &str, stdout: &str) -> bool {
    match kind {
        "bridge_interface" | "file" | "package_repository" | "pod_routes" | "sysctl" => stdout == "absent\n",
        "kernel_module" => stdout == "available\n",
        "cluster_settings" => stdout.trim().is_empty(),
        "member" => stdout.trim() == "none",
        "manifest" => stdout.trim() == "absent",
        "node" => stdout.lines().all(str::is_empty),
        "package" => match stdout.lines().next().and_then(|line| line.strip_prefix("dpkg ")) {
            // What dpkg wishes, what is, and no fault; `n` is not installed, `c` is only configured.
            Some(line) => matches!(line.as_bytes(), [b'u' | b'i' | b'h' | b'r' | b'p', b'n' | b'c', b' ', b'|', ..]),
            None => stdout.trim_end() == "absent",
        },
        "route" => stdout.is_empty(),
        "service" => {
            let has = |property: &str| stdout.lines().filter(|line| *line == property).count() == 1;
            has("LoadState=not-found") && (has("ActiveState=inactive") || has("ActiveState=failed"))
        }
        "swap" => false,
        "virtual_ip" => stdout.trim() == "silent",
        _ => panic!("add to means_absent() in fuzz/properties/probe.rs what the probe of a {kind} prints for `Absent`"),
    }
}

/// Whatever was seen can be compared, shown and traced, and there are steps that can be sent.
fn usable(resource: &dyn AnyKind, seen: &Observation) {
    const READS: &str = "what a look yields can be read back";
    if let Observation::Present(value) = seen {
        resource.diff(value).expect(READS);
        resource.shown(value).expect(READS);
        resource.impossible(value).expect(READS);
    }
    if let Some(script) = resource.trace(seen) {
        script.render(&Slots::default()).expect("a trace can be sent");
    }
    for act in [Act::Create, Act::Update, Act::React, Act::Resume] {
        sent(&resource.apply(act, seen).expect(READS));
    }
    let prior = Prior { before: seen.clone(), kept: BTreeMap::new() };
    sent(&resource.destroy(&prior).expect(READS));
    // What mainstay itself had begun is nothing to put back.
    let begun = seen.present().is_some_and(|value| value["complete"] == false);
    assert!(begun || resource.restored(seen, &prior) == Ok(true), "{}: {seen:?} is restored", resource.name());
    resource.rereads(&prior).expect(READS);
}

fn sent(steps: &[Step]) {
    for step in steps {
        let script = match &step.act {
            StepAct::Mint { .. } => continue,
            StepAct::Run(run) => &run.script,
            StepAct::Wait(wait) => &wait.script,
        };
        match script.render(&Slots::default()) {
            Ok(_) | Err(ScriptError::EmptySlot { .. }) => {}
            Err(error) => panic!("{}: {error}", step.title),
        }
    }
}
