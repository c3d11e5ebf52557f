//! Changes of every key of cluster.yaml, as YAML to merge into the applied file.

use mainstay::config::Class;

/// A change of one key.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    /// The path of the key in the schema.
    pub(crate) key: &'static str,
    /// YAML to merge into `tests/edits/cluster.yaml` before the first apply.
    pub(crate) given: &'static str,
    /// YAML to merge into the applied file; `null` removes a key.
    pub(crate) to: &'static str,
    /// Keys that must change with it.
    pub(crate) beside: &'static [&'static str],
    /// The class of this change, if it is a lesser one than the class of the key.
    pub(crate) costs: Option<Class>,
    /// A change of the same key that must be refused because of etcd's quorum.
    pub(crate) refused: Option<&'static str>,
    /// Files that are moved together with the change.
    pub(crate) moves: Option<(&'static str, &'static str)>,
}

impl Change {
    fn given(self, given: &'static str) -> Self {
        Self { given, ..self }
    }

    fn beside(self, beside: &'static [&'static str]) -> Self {
        Self { beside, ..self }
    }

    fn costs(self, class: Class) -> Self {
        Self { costs: Some(class), ..self }
    }

    fn refused(self, refused: &'static str) -> Self {
        Self { refused: Some(refused), ..self }
    }

    fn moves(self, from: &'static str, to: &'static str) -> Self {
        Self { moves: Some((from, to)), ..self }
    }
}

fn change(key: &'static str, to: &'static str) -> Change {
    Change { key, given: "", to, beside: &[], costs: None, refused: None, moves: None }
}

/// Keys that cannot be changed on a simulated cluster, with the reason.
pub(crate) const EXEMPT: &[(&str, &str)] = &[
    ("hosts.<name>.interface", "a simulated host has one network interface"),
    ("loadBalancer.keepalived.interface", "a simulated host has one network interface"),
    ("network.manifest.url", "it needs a web server"),
];

/// Known failures: key, YAML and failure. The test fails when one of them passes; remove it then.
pub(crate) const KNOWN: &[(&str, &str, &str)] =
    &[("network.plugin", MANIFEST, "the pods of all nodes lose their network at once")];

/// Every change.
pub(crate) fn all() -> Vec<Change> {
    [top(), ssh(), hosts(), kubernetes(), components(), endpoint(), haproxy(), keepalived(), platform()].concat()
}

fn top() -> Vec<Change> {
    vec![
        change("apiVersion", "apiVersion: mainstay/v2"),
        change("kind", "kind: Clusters"),
        change("name", "name: production"),
        change("state.local.path", "state: {local: {path: states/prod.json}}").moves("state", "states"),
        change("fleet", "fleet: ssh"),
        change("rollout.maxUnavailable", "rollout: {maxUnavailable: 2}"),
        change("guards.preventDestroy", "guards: {preventDestroy: [cp1]}"),
        change("lifecycle.ignoreDrift", "lifecycle: {ignoreDrift: ['w1/host']}"),
        change("lifecycle.moved.from", "lifecycle: {moved: [{from: w8, to: w1}]}")
            .given("lifecycle: {moved: [{from: w9, to: w1}]}"),
        change("lifecycle.moved.to", "lifecycle: {moved: [{from: w9, to: w2}]}")
            .given("lifecycle: {moved: [{from: w9, to: w1}]}"),
        change(
            "lifecycle.moved.to",
            "{hosts: {w2: null, w3: {address: 10.0.0.22, nodeName: w2, roles: [worker]}}, lifecycle: {moved: [{from: w2, to: w3}]}}",
        )
        .beside(&["hosts", "lifecycle.moved.from"]),
    ]
}

/// For all hosts and for one host.
fn ssh() -> Vec<Change> {
    const KEYS: &[(&str, &str, &str)] = &[
        ("user", "", "{user: debian}"),
        ("port", "", "{port: 2222}"),
        ("identityFile", "", "{identityFile: keys/id}"),
        ("passphrase.env", "{identityFile: keys/id, passphrase: {env: ONE}}", "{passphrase: {env: OTHER}}"),
        ("passphrase.file", "{identityFile: keys/id, passphrase: {file: one}}", "{passphrase: {file: other}}"),
        (
            "passphrase.command",
            "{identityFile: keys/id, passphrase: {command: [one]}}",
            "{passphrase: {command: [two]}}",
        ),
        ("agent", "{identityFile: keys/id}", "{agent: false}"),
        ("knownHosts", "", "{knownHosts: known_hosts}"),
        ("hostKeyChecking", "", "{hostKeyChecking: accept-new}"),
        ("bastion.address", "{bastion: {address: jump.example.com}}", "{bastion: {address: jump2.example.com}}"),
        ("bastion.user", "{bastion: {address: jump.example.com}}", "{bastion: {user: jump}}"),
        ("bastion.port", "{bastion: {address: jump.example.com}}", "{bastion: {port: 2200}}"),
        ("bastion.identityFile", "{bastion: {address: jump.example.com}}", "{bastion: {identityFile: keys/jump}}"),
        ("sudo", "{user: root}", "{sudo: never}"),
        ("connectTimeout", "", "{connectTimeout: 20s}"),
        ("configFile", "", "{configFile: /dev/null}"),
    ];
    let text = |text: String| -> &'static str { text.leak() };
    let mut all = Vec::new();
    for (name, given, to) in KEYS {
        for (key, before, after) in [("ssh", "ssh: ", ""), ("hosts.<name>.ssh", "hosts: {w1: {ssh: ", "}}")] {
            let merged = |piece: &str| if piece.is_empty() { "" } else { text(format!("{before}{piece}{after}")) };
            all.push(change(text(format!("{key}.{name}")), merged(to)).given(merged(given)));
        }
    }
    all
}

fn hosts() -> Vec<Change> {
    vec![
        change("hosts", "hosts: {w3: {address: 10.0.0.23, roles: [worker]}}"),
        change("hosts", "hosts: {w2: null}"),
        change("hosts", "hosts: {cp3: null}").refused("hosts: {cp2: null, cp3: null}"),
        change("hosts.<name>.address", "hosts: {w1: {address: w1.example.org}}")
            .given("hosts: {w1: {internalAddress: 10.0.0.21}}"),
        change("hosts.<name>.address", "hosts: {cp2: {address: cp2.example.org}}")
            .given("hosts: {cp2: {internalAddress: 10.0.0.12}}"),
        change("hosts.<name>.internalAddress", "hosts: {w1: {internalAddress: 10.0.0.31}}"),
        change("hosts.<name>.internalAddress", "hosts: {cp2: {internalAddress: 10.0.0.42}}"),
        change("hosts.<name>.roles", "hosts: {cp3: {roles: [worker]}}")
            .refused("hosts: {cp2: {roles: [worker]}, cp3: {roles: [worker]}}"),
        change("hosts.<name>.roles", "hosts: {w1: {roles: [control-plane]}}"),
        change("hosts.<name>.roles", "hosts: {w2: {roles: [worker]}}")
            .given("hosts: {w1: {roles: [worker, load-balancer]}, w2: {roles: [worker, load-balancer]}}"),
        change("hosts.<name>.roles", "hosts: {cp1: {roles: [control-plane, worker]}}").costs(Class::Live),
        change("hosts.<name>.nodeName", "hosts: {w1: {nodeName: worker-1}}"),
        change("hosts.<name>.labels", "hosts: {w1: {labels: {disk: ssd}}}"),
        change("hosts.<name>.labels", "hosts: {cp1: {labels: {disk: ssd}}}")
            .given("hosts: {cp1: {labels: {disk: hdd}}}"),
        change("hosts.<name>.taints", "hosts: {w1: {taints: ['dedicated=db:NoSchedule']}}"),
        change("hosts.<name>.taints", "hosts: {cp1: {taints: []}}"),
        change("hosts.<name>.annotations", "hosts: {w1: {annotations: {example.com/rack: b7}}}"),
        change("hosts.<name>.priority", "hosts: {cp1: {priority: 50}}"),
    ]
}

fn kubernetes() -> Vec<Change> {
    vec![
        change("kubernetes.version", "kubernetes: {version: 1.31.5}"),
        change("kubernetes.version", "kubernetes: {version: 1.32.1}"),
        change("kubernetes.packages.source", "kubernetes: {packages: {source: distro}}"),
        change("kubernetes.packages.source", "kubernetes: {packages: {source: preinstalled}}"),
        change("kubernetes.packages.mirror", "kubernetes: {packages: {mirror: 'https://mirror.example.com/k8s'}}"),
        change("kubernetes.podSubnet", "kubernetes: {podSubnet: 10.245.0.0/16}"),
        change("kubernetes.serviceSubnet", "kubernetes: {serviceSubnet: 10.112.0.0/12}"),
        change("kubernetes.dnsDomain", "kubernetes: {dnsDomain: example.local}"),
        change("kubernetes.imageRepository", "kubernetes: {imageRepository: registry.example.com/k8s}"),
        change("kubernetes.proxyMode", "kubernetes: {proxyMode: ipvs}"),
        change("kubernetes.kubelet", "kubernetes: {kubelet: {maxPods: 50}}"),
        change("kubernetes.kubeProxy", "kubernetes: {kubeProxy: {conntrack: {maxPerCore: 0}}}"),
        change("kubernetes.ignorePreflightErrors", "kubernetes: {ignorePreflightErrors: [NumCPU]}"),
        change("kubernetes.skipPhases", "kubernetes: {skipPhases: [addon/coredns]}"),
    ]
}

fn components() -> Vec<Change> {
    const VOLUME: &[(&str, &str)] = &[
        ("name", "name: logs"),
        ("hostPath", "hostPath: /srv/other"),
        ("mountPath", "mountPath: /other"),
        ("readOnly", "readOnly: true"),
        ("pathType", "pathType: Directory"),
    ];
    let text = |text: String| -> &'static str { text.leak() };
    let mut all = vec![
        change("kubernetes.apiServer.certSANs", "kubernetes: {apiServer: {certSANs: [api.example.com]}}"),
        change("kubernetes.etcd.topology", "kubernetes: {etcd: {topology: external}}"),
        change("kubernetes.etcd.dataDir", "kubernetes: {etcd: {dataDir: /srv/etcd}}"),
        change("kubernetes.etcd.heartbeatInterval", "kubernetes: {etcd: {heartbeatInterval: 150ms}}"),
        change("kubernetes.etcd.electionTimeout", "kubernetes: {etcd: {electionTimeout: 2s}}"),
        change("kubernetes.etcd.extraArgs", "kubernetes: {etcd: {extraArgs: {quota-backend-bytes: 4294967296}}}"),
    ];
    for component in ["apiServer", "controllerManager", "scheduler"] {
        let key = |name: &str| text(format!("kubernetes.{component}.{name}"));
        let section = |keys: &str| text(format!("kubernetes: {{{component}: {{{keys}}}}}"));
        all.push(change(key("extraArgs"), section("extraArgs: {v: 4}")));
        for (name, other) in VOLUME {
            let whole = "name: audit, hostPath: /srv/audit, mountPath: /audit";
            // Duplicate keys are refused, so the change replaces the key.
            let changed = whole.split(", ").filter(|pair| !pair.starts_with(&format!("{name}:")));
            let changed: Vec<&str> = changed.chain([*other]).collect();
            let to = section(&format!("extraVolumes: [{{{}}}]", changed.join(", ")));
            let given = section(&format!("extraVolumes: [{{{whole}}}]"));
            all.push(change(key(&format!("extraVolumes.{name}")), to).given(given));
        }
    }
    all
}

fn endpoint() -> Vec<Change> {
    vec![
        change("endpoint.address", "endpoint: {address: 10.0.0.101}"),
        change("endpoint.port", "endpoint: {port: 9443}"),
        change("loadBalancer.mode", "loadBalancer: {mode: external}"),
        change("loadBalancer.runtime", "loadBalancer: {runtime: static-pod}"),
        change("loadBalancer.proxy", "loadBalancer: {proxy: nginx}"),
    ]
}

fn haproxy() -> Vec<Change> {
    let stats = "loadBalancer: {haproxy: {stats: {bind: 127.0.0.1}}}";
    vec![
        change("loadBalancer.haproxy.bind", "loadBalancer: {haproxy: {bind: 10.0.0.100}}")
            .given("hostConfig: {sysctls: {net.ipv4.ip_nonlocal_bind: 1}}"),
        change("loadBalancer.haproxy.maxconn", "loadBalancer: {haproxy: {maxconn: 8000}}"),
        change("loadBalancer.haproxy.timeouts.connect", "loadBalancer: {haproxy: {timeouts: {connect: 1s}}}"),
        change("loadBalancer.haproxy.timeouts.client", "loadBalancer: {haproxy: {timeouts: {client: 1h}}}"),
        change("loadBalancer.haproxy.timeouts.server", "loadBalancer: {haproxy: {timeouts: {server: 1h}}}"),
        change("loadBalancer.haproxy.timeouts.queue", "loadBalancer: {haproxy: {timeouts: {queue: 5s}}}"),
        change("loadBalancer.haproxy.timeouts.check", "loadBalancer: {haproxy: {timeouts: {check: 4s}}}"),
        change("loadBalancer.haproxy.healthCheck.path", "loadBalancer: {haproxy: {healthCheck: {path: /livez}}}"),
        change("loadBalancer.haproxy.healthCheck.interval", "loadBalancer: {haproxy: {healthCheck: {interval: 2s}}}"),
        change(
            "loadBalancer.haproxy.healthCheck.fastInterval",
            "loadBalancer: {haproxy: {healthCheck: {fastInterval: 500ms}}}",
        ),
        change("loadBalancer.haproxy.healthCheck.fall", "loadBalancer: {haproxy: {healthCheck: {fall: 4}}}"),
        change("loadBalancer.haproxy.healthCheck.rise", "loadBalancer: {haproxy: {healthCheck: {rise: 3}}}"),
        change("loadBalancer.haproxy.stats.bind", "loadBalancer: {haproxy: {stats: {bind: 0.0.0.0}}}").given(stats),
        change("loadBalancer.haproxy.stats.port", "loadBalancer: {haproxy: {stats: {port: 9404}}}").given(stats),
        change("loadBalancer.haproxy.extra.global", "loadBalancer: {haproxy: {extra: {global: [nbthread 2]}}}"),
        change(
            "loadBalancer.haproxy.extra.defaults",
            "loadBalancer: {haproxy: {extra: {defaults: [option tcp-smart-accept]}}}",
        ),
        change(
            "loadBalancer.haproxy.extra.frontend",
            "loadBalancer: {haproxy: {extra: {frontend: ['tcp-request connection reject if !{ src 10.0.0.0/8 }']}}}",
        ),
        change("loadBalancer.haproxy.extra.backend", "loadBalancer: {haproxy: {extra: {backend: [fullconn 2000]}}}"),
    ]
}

fn keepalived() -> Vec<Change> {
    let password = "loadBalancer.keepalived.authPassword";
    let text = |text: String| -> &'static str { text.leak() };
    let written = |place: &str| text(format!("loadBalancer: {{keepalived: {{authPassword: {place}}}}}"));
    let mut all: Vec<Change> = [
        ("env", "{env: ONE}", "{env: OTHER}"),
        ("file", "{file: one}", "{file: other}"),
        ("command", "{command: [/bin/cat, one]}", "{command: [/bin/cat, other]}"),
    ]
    .into_iter()
    .map(|(kind, given, to)| change(text(format!("{password}.{kind}")), written(to)).given(written(given)))
    .collect();
    all.extend([
        change("loadBalancer.keepalived.transport", "loadBalancer: {keepalived: {transport: multicast}}"),
        change("loadBalancer.keepalived.virtualRouterId", "loadBalancer: {keepalived: {virtualRouterId: 99}}"),
        change("loadBalancer.keepalived.preempt", "loadBalancer: {keepalived: {preempt: true}}"),
        change("loadBalancer.keepalived.weight", "loadBalancer: {keepalived: {weight: -60}}")
            .given("loadBalancer: {keepalived: {preempt: true}}"),
        change("loadBalancer.keepalived.advertInterval", "loadBalancer: {keepalived: {advertInterval: 1s}}"),
        change("loadBalancer.keepalived.check.interval", "loadBalancer: {keepalived: {check: {interval: 2s}}}"),
        change("loadBalancer.keepalived.check.fall", "loadBalancer: {keepalived: {check: {fall: 3}}}"),
        change("loadBalancer.keepalived.check.rise", "loadBalancer: {keepalived: {check: {rise: 3}}}"),
    ]);
    all
}

fn platform() -> Vec<Change> {
    vec![
        change("hostConfig.sysctls", "hostConfig: {sysctls: {vm.swappiness: 10}}"),
        change("hostConfig.kernelModules", "hostConfig: {kernelModules: [dummy]}"),
        change("hostConfig.swap", "hostConfig: {swap: keep}").given("kubernetes: {kubelet: {failSwapOn: false}}"),
        change("hostConfig.swap", "hostConfig: {swap: 'off'}")
            .given("{kubernetes: {kubelet: {failSwapOn: false}}, hostConfig: {swap: keep}}"),
        change("containerRuntime.kind", "containerRuntime: {kind: docker}"),
        change("containerRuntime.source", "containerRuntime: {source: preinstalled}"),
        change("containerRuntime.sandboxImage", "containerRuntime: {sandboxImage: registry.example.com/pause:3.10}"),
        change("containerRuntime.cgroupDriver", "containerRuntime: {cgroupDriver: cgroupfs}"),
        change("containerRuntime.extra", "containerRuntime: {extra: {debug: {level: info}}}"),
        change("network.plugin", "network: {plugin: none}").costs(Class::Live),
        change("network.plugin", MANIFEST).beside(&["network.manifest.path"]),
        change("network.manifest.path", "network: {manifest: {path: later/one.yaml}}").given(MANIFEST),
        change("network.manifest.sha256", SHA256).given(MANIFEST),
    ]
}

const MANIFEST: &str = "network: {plugin: manifest, manifest: {path: one.yaml}}";

/// The digest of `one.yaml`.
const SHA256: &str = "network: {manifest: {sha256: ab3252a5abfe89296de1246d3f610c261785bbe4a56ebd74e09a672d37caec4b}}";
