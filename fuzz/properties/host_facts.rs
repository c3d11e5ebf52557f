//! Base facts of a host: whole and each once, or an error; and any facts can be planned with.

use std::path::Path;
use std::sync::LazyLock;

use mainstay::config::{Cluster, load};
use mainstay::resource::{HostFacts, HostName, Output};

use super::planning::{debian, graph};

const KEYS: [&str; 13] = [
    "hostname",
    "os",
    "os_version",
    "kernel",
    "architecture",
    "package_manager",
    "cpus",
    "memory_kib",
    "cgroup_version",
    "haproxy_confined",
    "systemd",
    "uid",
    "epoch",
];

static CLUSTER: LazyLock<Cluster> = LazyLock::new(|| {
    let text = include_str!("../../examples/ha-3cp-2w/cluster.yaml");
    load(text, "cluster.yaml", Path::new("/etc/prod")).expect("the example is good").cluster
});

pub(super) fn check(bytes: &[u8]) {
    let stdout = String::from_utf8_lossy(bytes).into_owned();
    let Ok(facts) = HostFacts::parse(&Output { status: 0, stdout: stdout.clone(), stderr: String::new() }) else {
        return;
    };
    for key in KEYS {
        let told = stdout.lines().filter(|line| line.split(' ').next() == Some(key)).count();
        assert_eq!(told, 1, "`{key}` is told {told} times");
    }
    let mut all = debian(&CLUSTER);
    all.insert(HostName::new("cp1"), facts);
    let _ = graph(&CLUSTER, &all);
}
