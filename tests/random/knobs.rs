//! Options of a cluster as small numbers, zero for what is left out; a case is a value, and shrinks towards zero.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// One option of cluster.yaml, or a few that go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Knob {
    Version,
    Packages,
    Balancer,
    Port,
    Password,
    Haproxy,
    Keepalived,
    Network,
    Sysctls,
    Modules,
    Swap,
    Runtime,
    Proxy,
    Components,
    Etcd,
    Names,
    Preflight,
    Rollout,
}

/// All of them.
pub(crate) const KNOBS: [Knob; 18] = [
    Knob::Version,
    Knob::Packages,
    Knob::Balancer,
    Knob::Port,
    Knob::Password,
    Knob::Haproxy,
    Knob::Keepalived,
    Knob::Network,
    Knob::Sysctls,
    Knob::Modules,
    Knob::Swap,
    Knob::Runtime,
    Knob::Proxy,
    Knob::Components,
    Knob::Etcd,
    Knob::Names,
    Knob::Preflight,
    Knob::Rollout,
];

/// A value for each knob.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Knobs(pub(crate) [u8; KNOBS.len()]);

/// Most are left alone.
pub(crate) fn knobs() -> impl Strategy<Value = Knobs> {
    let one = || prop_oneof![7 => Just(0_u8), 2 => 1..8_u8, 1 => any::<u8>()];
    proptest::array::uniform18(one()).prop_map(Knobs)
}

const VERSIONS: [&str; 7] = ["1.31.4", "1.30.2", "1.32.1", "1.33.0", "1.29.9", "1.36.0", "1.31.5"];

/// What kubeadm reads once: most changes of these are refused on a running cluster.
pub(crate) const FIXED: [Knob; 7] =
    [Knob::Version, Knob::Port, Knob::Names, Knob::Components, Knob::Etcd, Knob::Proxy, Knob::Runtime];

/// What may be handed over to somebody else and taken back.
pub(crate) const HANDED_OVER: [Knob; 5] = [Knob::Packages, Knob::Runtime, Knob::Balancer, Knob::Network, Knob::Swap];

impl Knobs {
    pub(crate) fn get(&self, knob: Knob) -> u8 {
        self.0[knob as usize]
    }

    pub(crate) fn set(&mut self, knob: Knob, value: u8) {
        self.0[knob as usize] = value;
    }

    /// Hands over what a knob of [`HANDED_OVER`] is about, or takes it back as `value` says.
    pub(crate) fn hand_over(&mut self, knob: Knob, value: u8) {
        let now = self.get(knob);
        let (theirs, ours) = match knob {
            Knob::Packages => (1, (value % 3 + 2) % 4),
            Knob::Balancer => (2, (value % 3 + 3) % 4),
            Knob::Network => (0, value % 3 + 1),
            _ => return self.set(knob, now ^ 1),
        };
        self.set(knob, if now % 4 == theirs { ours } else { theirs });
    }

    /// Whether one of the switches that a knob's value stands for is on.
    fn on(&self, knob: Knob, bit: u8) -> bool {
        self.get(knob) & (1 << bit) != 0
    }

    /// Whether somebody else's load balancer stands in front.
    pub(crate) fn is_external(&self) -> bool {
        self.get(Knob::Balancer) % 4 == 2
    }

    /// The keys at the top of cluster.yaml with what they hold.
    pub(crate) fn sections(&self, manifests: &Manifests) -> Vec<(&'static str, Value)> {
        let mut sections = vec![
            ("kubernetes", self.kubernetes()),
            ("endpoint", self.endpoint()),
            ("network", self.network(manifests)),
        ];
        let optional = [
            ("loadBalancer", self.load_balancer(manifests)),
            ("hostConfig", self.host_config()),
            ("containerRuntime", self.container_runtime()),
            ("rollout", self.rollout()),
        ];
        sections.extend(optional.into_iter().filter(|(_, value)| value.as_object().is_some_and(|it| !it.is_empty())));
        sections
    }

    fn endpoint(&self) -> Value {
        let port = match self.get(Knob::Port) % 4 {
            // Clients keep their port when the load balancers, whose port is another one by default, are handed over.
            0 if self.is_external() && self.get(Knob::Port) == 0 => 8443,
            0 => return json!({"address": self.address()}),
            1 => 9443,
            2 => 6443,
            _ => 10443,
        };
        json!({"address": self.address(), "port": port})
    }

    /// The virtual IP, in the network that the simulated hosts say they have.
    fn address(&self) -> &'static str {
        if self.on(Knob::Port, 2) { "10.0.0.251" } else { "10.0.0.250" }
    }

    fn load_balancer(&self, manifests: &Manifests) -> Value {
        if self.is_external() {
            return json!({"mode": "external"});
        }
        let (mut haproxy, mut keepalived) = (Map::new(), Map::new());
        let mut tune = |on: bool, key: &str, value: Value| drop(on.then(|| haproxy.insert(key.to_owned(), value)));
        tune(self.on(Knob::Haproxy, 0), "maxconn", json!(5000));
        let timeouts = json!({"connect": "400ms", "queue": "5s", "client": "1h", "server": "1h", "check": "4s"});
        tune(self.on(Knob::Haproxy, 1), "timeouts", timeouts);
        tune(self.on(Knob::Haproxy, 2), "stats", json!({"bind": "0.0.0.0", "port": 9404}));
        let lines = json!({
            "global": ["nbthread 2"],
            "defaults": ["option tcp-smart-accept"],
            "frontend": ["tcp-request connection reject if !{ src 10.0.0.0/8 }"],
            "backend": ["fullconn 2000"],
        });
        tune(self.on(Knob::Haproxy, 3), "extra", lines);
        let check = json!({"path": "/livez", "interval": "2s", "fastInterval": "500ms", "fall": 4, "rise": 3});
        tune(self.on(Knob::Haproxy, 4), "healthCheck", check);
        tune(self.on(Knob::Haproxy, 5), "bind", json!(self.address()));
        let mut tune = |on: bool, key: &str, value: Value| drop(on.then(|| keepalived.insert(key.to_owned(), value)));
        tune(self.get(Knob::Balancer) % 4 == 1, "preempt", json!(true));
        // Alone it is refused: a weight without preemption.
        tune(self.get(Knob::Balancer) % 4 == 3, "weight", json!(-60));
        tune(self.on(Knob::Keepalived, 0), "virtualRouterId", json!(77));
        tune(self.on(Knob::Keepalived, 1), "advertInterval", json!("2s"));
        tune(self.on(Knob::Keepalived, 2), "check", json!({"interval": "2s", "fall": 2, "rise": 3}));
        tune(self.on(Knob::Keepalived, 3), "interface", json!("eth0"));
        tune(self.get(Knob::Password) % 4 == 1, "authPassword", json!({"file": manifests.password}));
        tune(self.get(Knob::Password) % 4 == 2, "authPassword", json!({"file": manifests.other_password}));
        let mut whole = Map::new();
        for (key, part) in [("haproxy", haproxy), ("keepalived", keepalived)] {
            if !part.is_empty() {
                whole.insert(key.to_owned(), Value::Object(part));
            }
        }
        Value::Object(whole)
    }

    fn network(&self, manifests: &Manifests) -> Value {
        match self.get(Knob::Network) % 4 {
            0 => json!({"plugin": "none"}),
            1 => json!({"plugin": "bridge"}),
            2 => json!({"plugin": "manifest", "manifest": {"path": manifests.network}}),
            _ => json!({"plugin": "manifest", "manifest": {"path": manifests.other_network}}),
        }
    }

    fn kubernetes(&self) -> Value {
        let mut all = Map::new();
        let version = VERSIONS[usize::from(self.get(Knob::Version)) % VERSIONS.len()];
        let mut put = |key: &str, value: Value| drop(all.insert(key.to_owned(), value));
        put("version", json!(version));
        match self.get(Knob::Packages) % 4 {
            0 => {}
            1 => put("packages", json!({"source": "preinstalled"})),
            2 => put("packages", json!({"source": "distro"})),
            _ => put("packages", json!({"mirror": "https://mirror.example.com/kubernetes"})),
        }
        match self.get(Knob::Proxy) % 3 {
            0 => {}
            1 => put("proxyMode", json!("ipvs")),
            _ => put("proxyMode", json!("nftables")),
        }
        let volumes = json!([{
            "name": "audit", "hostPath": "/srv/audit", "mountPath": "/audit", "readOnly": true, "pathType": "Directory",
        }]);
        if self.on(Knob::Components, 0) {
            let arguments = json!({"audit-log-maxage": 30});
            put("apiServer", json!({"extraArgs": arguments, "extraVolumes": volumes, "certSANs": ["api.example.com"]}));
        }
        if self.on(Knob::Components, 1) {
            let arguments = json!({"terminated-pod-gc-threshold": 100});
            put("controllerManager", json!({"extraArgs": arguments, "extraVolumes": volumes}));
        }
        if self.on(Knob::Components, 2) {
            put("scheduler", json!({"extraArgs": {"v": 2}, "extraVolumes": volumes}));
        }
        if self.on(Knob::Components, 3) || self.get(Knob::Swap) % 2 == 1 {
            put("kubelet", json!({"maxPods": 200, "failSwapOn": self.get(Knob::Swap).is_multiple_of(2)}));
        }
        if self.on(Knob::Components, 4) {
            put("kubeProxy", json!({"conntrack": {"maxPerCore": 0}}));
        }
        match self.get(Knob::Etcd) % 3 {
            0 => {}
            1 => put(
                "etcd",
                json!({"dataDir": "/var/lib/etcd-fast", "heartbeatInterval": "300ms", "electionTimeout": "3s"}),
            ),
            _ => put("etcd", json!({"extraArgs": {"quota-backend-bytes": "4294967296"}})),
        }
        if self.on(Knob::Names, 0) {
            put("dnsDomain", json!("sim.example"));
        }
        if self.on(Knob::Names, 1) {
            put("podSubnet", json!("10.200.0.0/16"));
        }
        if self.on(Knob::Names, 2) {
            put("imageRepository", json!("registry.example.com/kubernetes"));
        }
        if self.on(Knob::Names, 3) {
            put("serviceSubnet", json!("10.112.0.0/12"));
        }
        if self.on(Knob::Preflight, 0) {
            put("ignorePreflightErrors", json!(["NumCPU", "Mem"]));
        }
        if self.on(Knob::Preflight, 1) {
            put("skipPhases", json!(["addon/coredns"]));
        }
        Value::Object(all)
    }

    fn host_config(&self) -> Value {
        let mut all = Map::new();
        let sysctls = self.get(Knob::Sysctls);
        let mut parameters = Map::new();
        if self.on(Knob::Haproxy, 5) && !self.is_external() && sysctls != 7 {
            parameters.insert("net.ipv4.ip_nonlocal_bind".into(), json!(1));
        }
        for (bit, name) in ["vm.max_map_count", "fs.inotify.max_user_instances"].into_iter().enumerate() {
            if sysctls & (1 << bit) != 0 {
                parameters.insert(name.to_owned(), json!(8192 + u32::from(sysctls / 4)));
            }
        }
        if !parameters.is_empty() {
            all.insert("sysctls".into(), Value::Object(parameters));
        }
        let modules: Vec<&str> = ["nf_conntrack", "dummy"]
            .into_iter()
            .enumerate()
            .filter(|(bit, _)| self.get(Knob::Modules) & (1 << bit) != 0)
            .map(|it| it.1)
            .collect();
        if !modules.is_empty() {
            all.insert("kernelModules".into(), json!(modules));
        }
        if self.get(Knob::Swap) % 2 == 1 {
            all.insert("swap".into(), json!("keep"));
        }
        Value::Object(all)
    }

    fn container_runtime(&self) -> Value {
        let mut all = Map::new();
        if self.on(Knob::Runtime, 0) {
            all.insert("source".into(), json!("preinstalled"));
        }
        if self.on(Knob::Runtime, 1) {
            all.insert("cgroupDriver".into(), json!("cgroupfs"));
        }
        if self.on(Knob::Runtime, 2) {
            all.insert("extra".into(), json!({"debug": {"level": "info"}}));
        }
        if self.on(Knob::Runtime, 3) {
            all.insert("sandboxImage".into(), json!("registry.example.com/kubernetes/pause:3.10"));
        }
        Value::Object(all)
    }
}

impl Knobs {
    fn rollout(&self) -> Value {
        match self.get(Knob::Rollout) % 4 {
            0 => json!({}),
            1 => json!({"maxUnavailable": 2}),
            2 => json!({"maxUnavailable": "34%"}),
            _ => json!({"maxUnavailable": "100%"}),
        }
    }
}

/// Real files that a cluster.yaml refers to; one set for the process.
#[derive(Debug)]
pub(crate) struct Manifests {
    pub(crate) password: String,
    pub(crate) other_password: String,
    pub(crate) network: String,
    pub(crate) other_network: String,
}
