//! Which keys of cluster.yaml the resources are made from. What is made from all hosts has one key for all of them; what a
//! host is for is a key of how it joins and of its load balancer, and not of everything there.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use serde_json::{Value, json};

use crate::config::{
    CgroupDriver, Cluster, Component, Haproxy, Host, Keepalived, LoadBalancer, ManifestSource, Network, Packages, Role,
    RuntimeSource, SecretRef, Swap, pointer,
};
use crate::resource::{Key, MadeFrom};

/// Keys that are the same for every host, by what is made from them.
#[derive(Debug)]
pub(super) struct Keys {
    pub(super) version: Vec<Key>,
    /// Packages of Kubernetes and their repository.
    pub(super) packages: Vec<Key>,
    /// The container runtime's package.
    pub(super) runtime: Vec<Key>,
    /// The container runtime's configuration.
    pub(super) runtime_config: Vec<Key>,
    /// Kernel modules that cluster.yaml lists.
    pub(super) modules: Vec<Key>,
    /// Kernel modules of kube-proxy.
    pub(super) proxy_mode: Vec<Key>,
    /// Kernel parameters, one key each.
    pub(super) sysctls: Vec<Key>,
    pub(super) swap: Vec<Key>,
    /// Where the network plugin comes from.
    pub(super) network: Vec<Key>,
    /// The network plugin's manifest.
    pub(super) manifest: Vec<Key>,
    /// Ranges and addresses of all nodes.
    pub(super) routes: Vec<Key>,
    pub(super) pod_subnet: Vec<Key>,
    /// Who is a load balancer.
    pub(super) balancers: Vec<Key>,
    pub(super) endpoint: Vec<Key>,
    pub(super) port: Vec<Key>,
    /// Whether haproxy listens on the virtual IP alone.
    pub(super) bind: Vec<Key>,
    /// haproxy.cfg, backends included.
    pub(super) haproxy: Vec<Key>,
    /// keepalived.conf, peers included.
    pub(super) keepalived: Vec<Key>,
    /// What all load balancers of a group must have alike, and who they are.
    pub(super) group: Vec<Key>,
    /// What every kubeadm document has.
    pub(super) join: Vec<Key>,
    /// What only `kubeadm init` sets.
    pub(super) fixed: Vec<Key>,
    /// The settings of the cluster.
    pub(super) settings: Vec<Key>,
}

impl Keys {
    pub(super) fn of(cluster: &Cluster) -> Self {
        let kubernetes = &cluster.kubernetes;
        let (source, mirror) = match &kubernetes.packages {
            Packages::Preinstalled => ("preinstalled", None),
            Packages::Distro => ("distro", None),
            Packages::PkgsK8sIo { mirror } => ("pkgs.k8s.io", mirror.as_ref()),
        };
        let version = Key::new("/kubernetes/version", &kubernetes.version);
        let packages = Key::leaves("/kubernetes/packages", &json!({"source": source, "mirror": mirror}));
        let runtime = &cluster.container_runtime;
        let runtime_source = match runtime.source {
            RuntimeSource::Distro => "distro",
            RuntimeSource::Preinstalled => "preinstalled",
        };
        let runtime_source = Key::new("/containerRuntime/source", &runtime_source);
        let cgroup_driver = json!({"cgroupDriver": runtime.cgroup_driver.map(CgroupDriver::as_str)});
        let cgroup_driver = Key::leaves("/containerRuntime", &cgroup_driver).into_iter();
        let raw_driver = json!({"cgroupDriver": kubernetes.kubelet.get("cgroupDriver")});
        let cgroup_driver: Vec<Key> = cgroup_driver.chain(Key::leaves("/kubernetes/kubelet", &raw_driver)).collect();
        let image_repository = Key::leaves("/kubernetes/imageRepository", &json!(kubernetes.image_repository));
        let runtime_config = json!({"sandboxImage": runtime.sandbox_image, "extra": runtime.extra});
        let pause = [std::slice::from_ref(&version), &image_repository].concat();
        let network = network(&cluster.network);
        let bridge_dir = if cluster.network == Network::Bridge { packages.clone() } else { Vec::new() };
        let pod_subnet = vec![Key::new("/kubernetes/podSubnet", &kubernetes.pod_subnet)];
        let endpoint = vec![endpoint_address(cluster), port(cluster)];
        let balancers = balancers(cluster);
        let (haproxy, keepalived) = match &cluster.load_balancer {
            LoadBalancer::KeepalivedHaproxy { haproxy, keepalived } => {
                (self::haproxy(haproxy), self::keepalived(keepalived))
            }
            LoadBalancer::External => (Vec::new(), Vec::new()),
        };
        let backends = cluster.control_planes().flat_map(|host| [address(host), node_name(host)]);
        let peers: Vec<Key> = cluster.load_balancers().map(address).collect();
        let alike = |key: &&Key| {
            ["virtualRouterId", "advertInterval", "authPassword"].iter().any(|name| key.pointer().ends_with(name))
        };
        let alike: Vec<Key> = keepalived.iter().filter(alike).cloned().collect();
        // Sorted: the order of the hosts means nothing.
        let nodes: BTreeSet<Ipv4Addr> = cluster.nodes().map(|host| host.internal_address).collect();
        let nodes = Key::new("/hosts/*/internalAddress", &format!("{nodes:?}"));
        let ignored = Key::leaves("/kubernetes/ignorePreflightErrors", &listed(&kubernetes.ignore_preflight_errors));
        let swap = if cluster.host_config.swap == Swap::Off { "off" } else { "keep" };
        let swap = vec![Key::new("/hostConfig/swap", &swap)];
        let settings = [&endpoint[..], &ignored, &swap, &fixed(cluster)].concat();
        let join = [endpoint.clone(), ignored, vec![version.clone()]];
        Self {
            packages: [vec![version.clone()], packages].concat(),
            version: vec![version],
            runtime: vec![runtime_source.clone()],
            runtime_config: [
                Key::leaves("/containerRuntime", &runtime_config),
                vec![runtime_source],
                cgroup_driver,
                pause,
                network.clone(),
                bridge_dir,
            ]
            .concat(),
            modules: Key::leaves("/hostConfig/kernelModules", &listed(&cluster.host_config.kernel_modules)),
            proxy_mode: vec![Key::new("/kubernetes/proxyMode", &kubernetes.proxy_mode.as_str())],
            sysctls: Key::leaves("/hostConfig/sysctls", &json!(cluster.host_config.sysctls)),
            swap,
            routes: [network.clone(), pod_subnet.clone(), vec![nodes]].concat(),
            network,
            manifest: manifest(&cluster.network),
            bind: haproxy.iter().filter(|key| key.pointer().ends_with("/haproxy/bind")).cloned().collect(),
            haproxy: [haproxy, vec![port(cluster)], bound(cluster), backends.collect(), balancers.clone()].concat(),
            keepalived: [keepalived, vec![endpoint_address(cluster)], peers.clone(), balancers.clone()].concat(),
            group: [alike, vec![endpoint_address(cluster)], peers, balancers.clone()].concat(),
            port: [vec![port(cluster)], balancers.clone()].concat(),
            pod_subnet,
            balancers,
            endpoint,
            join: join.concat(),
            settings,
            fixed: [fixed(cluster), self::network(&cluster.network), vec![names(cluster)]].concat(),
        }
    }
}

impl Keys {
    /// The keys that decide whether something is declared at all. Where it is not, nothing else says what they are.
    pub(super) fn switches(&self) -> MadeFrom {
        let all = [&self.packages, &self.runtime, &self.proxy_mode, &self.swap, &self.network, &self.balancers];
        all.into_iter().flatten().cloned().collect()
    }
}

/// What a service must know of the node that it keeps running.
pub(super) fn served(host: &Host) -> [Key; 2] {
    [roles(host), node_name(host)]
}

/// What the host is for.
pub(super) fn roles(host: &Host) -> Key {
    let roles: Vec<&str> = host.roles.iter().map(|role| role.as_str()).collect();
    Key::new(of_host(host, "roles"), &roles.join(" "))
}

/// The address that the cluster uses.
pub(super) fn address(host: &Host) -> Key {
    Key::new(of_host(host, "internalAddress"), &host.internal_address)
}

pub(super) fn node_name(host: &Host) -> Key {
    Key::new(of_host(host, "nodeName"), &host.node_name)
}

/// Keys of a host that its member depends on.
pub(super) fn member(host: &Host) -> [Key; 3] {
    [roles(host), address(host), node_name(host)]
}

fn taints(host: &Host) -> Vec<Key> {
    let taints = host.taints.as_ref().map(|taints| taints.iter().map(ToString::to_string).collect::<Vec<_>>());
    Key::leaves(&of_host(host, "taints"), &json!(taints))
}

/// What a node is marked with. The taints of a control plane follow from its roles and the version.
pub(super) fn marks(host: &Host, keys: &Keys) -> Vec<Key> {
    let labels = Key::leaves(&of_host(host, "labels"), &json!(host.labels));
    let annotations = Key::leaves(&of_host(host, "annotations"), &json!(host.annotations));
    let version: &[Key] = if host.is_control_plane() { &keys.version } else { &[] };
    [&labels[..], &annotations, &taints(host), version, &[roles(host), node_name(host)]].concat()
}

/// What only this load balancer has.
pub(super) fn balancer(host: &Host) -> Vec<Key> {
    let interface = Key::leaves(&of_host(host, "interface"), &json!(host.interface));
    [interface, vec![Key::new(of_host(host, "priority"), &host.priority), node_name(host), address(host)]].concat()
}

fn of_host(host: &Host, key: &str) -> String {
    pointer(["hosts", &host.name, key])
}

/// All names of the control planes, for which an API server's certificate is made.
fn names(cluster: &Cluster) -> Key {
    let names = cluster
        .control_planes()
        .map(|host| format!("{} {} {} {}\n", host.name, host.node_name, host.address, host.internal_address));
    Key::new("/hosts/*/address", &names.collect::<String>())
}

/// A list as one value; an empty one is not set.
fn listed(items: &[String]) -> Value {
    if items.is_empty() { Value::Null } else { json!(items) }
}

fn endpoint_address(cluster: &Cluster) -> Key {
    let (address, prefix) = (&cluster.endpoint.address, cluster.endpoint.prefix_len);
    Key::new("/endpoint/address", &prefix.map_or_else(|| address.clone(), |prefix| format!("{address}/{prefix}")))
}

fn port(cluster: &Cluster) -> Key {
    Key::new("/endpoint/port", &cluster.endpoint.port)
}

/// haproxy may listen on the virtual IP alone.
fn bound(cluster: &Cluster) -> Vec<Key> {
    let bound = |haproxy: &Haproxy| haproxy.bind.is_some();
    match &cluster.load_balancer {
        LoadBalancer::KeepalivedHaproxy { haproxy, .. } if bound(haproxy) => {
            vec![endpoint_address(cluster)]
        }
        _ => Vec::new(),
    }
}

/// Those with the role, or all control planes where nobody has it.
fn balancers(cluster: &Cluster) -> Vec<Key> {
    let mode = match cluster.load_balancer {
        LoadBalancer::KeepalivedHaproxy { .. } => "keepalived-haproxy",
        LoadBalancer::External => "external",
    };
    let dedicated = cluster.hosts.iter().filter(|host| host.roles.contains(&Role::LoadBalancer));
    let dedicated: BTreeSet<&str> = dedicated.map(|host| host.name.as_str()).collect();
    vec![Key::new("/loadBalancer/mode", &mode), Key::new("/hosts/*/roles", &format!("{dedicated:?}"))]
}

fn network(network: &Network) -> Vec<Key> {
    let plugin = match network {
        Network::Bridge => "bridge",
        Network::None => "none",
        Network::Manifest { .. } => "manifest",
    };
    vec![Key::new("/network/plugin", &plugin)]
}

fn manifest(network: &Network) -> Vec<Key> {
    let Network::Manifest { source, sha256 } = network else { return Vec::new() };
    let (path, url) = match source {
        ManifestSource::Path(path) => (Some(path), None),
        ManifestSource::Url(url) => (None, Some(url)),
    };
    Key::leaves("/network/manifest", &json!({"path": path, "url": url, "sha256": sha256}))
}

fn haproxy(haproxy: &Haproxy) -> Vec<Key> {
    let (timeouts, check, extra) = (&haproxy.timeouts, &haproxy.health_check, &haproxy.extra);
    let stats = haproxy.stats.map(|stats| json!({"bind": stats.bind, "port": stats.port}));
    let value = json!({
        "bind": haproxy.bind,
        "maxconn": haproxy.maxconn,
        "timeouts": {
            "connect": timeouts.connect.as_millis(),
            "client": timeouts.client.as_millis(),
            "server": timeouts.server.as_millis(),
            "queue": timeouts.queue.as_millis(),
            "check": timeouts.check.as_millis(),
        },
        "healthCheck": {
            "path": check.path,
            "interval": check.interval.as_millis(),
            "fastInterval": check.fast_interval.as_millis(),
            "fall": check.fall,
            "rise": check.rise,
        },
        "stats": stats,
        "extra": {
            "global": listed(&extra.global),
            "defaults": listed(&extra.defaults),
            "frontend": listed(&extra.frontend),
            "backend": listed(&extra.backend),
        },
    });
    Key::leaves("/loadBalancer/haproxy", &value)
}

fn keepalived(keepalived: &Keepalived) -> Vec<Key> {
    // Where the password comes from, never the password.
    let password = keepalived.auth_password.as_ref().map(|reference| match reference {
        SecretRef::Env(name) => format!("env {name}"),
        SecretRef::File(path) => format!("file {}", path.display()),
        SecretRef::Command(words) => format!("command {}", words.join(" ")),
    });
    let check = &keepalived.check;
    let value = json!({
        "interface": keepalived.interface,
        "virtualRouterId": keepalived.virtual_router_id,
        "preempt": keepalived.preempt,
        "weight": keepalived.weight,
        "advertInterval": keepalived.advert_interval.as_millis(),
        "check": {"interval": check.interval.as_millis(), "fall": check.fall, "rise": check.rise},
        "authPassword": password,
    });
    Key::leaves("/loadBalancer/keepalived", &value)
}

/// The keys behind [`super::control_plane`]'s settings that only `kubeadm init` reads.
fn fixed(cluster: &Cluster) -> Vec<Key> {
    let kubernetes = &cluster.kubernetes;
    let etcd = &kubernetes.etcd;
    let set = |map: &serde_json::Map<String, Value>| Value::Object(map.clone());
    let mut api_server = component(&kubernetes.api_server);
    api_server["certSANs"] = listed(&kubernetes.cert_sans);
    let value = json!({
        "podSubnet": kubernetes.pod_subnet,
        "serviceSubnet": kubernetes.service_subnet,
        "dnsDomain": kubernetes.dns_domain,
        "imageRepository": kubernetes.image_repository,
        "proxyMode": kubernetes.proxy_mode.as_str(),
        "apiServer": api_server,
        "controllerManager": component(&kubernetes.controller_manager),
        "scheduler": component(&kubernetes.scheduler),
        "etcd": {
            "dataDir": etcd.data_dir,
            "heartbeatInterval": etcd.heartbeat_interval_ms,
            "electionTimeout": etcd.election_timeout_ms,
            "extraArgs": etcd.extra_args,
        },
        "kubelet": set(&kubernetes.kubelet),
        "kubeProxy": set(&kubernetes.kube_proxy),
        "skipPhases": listed(&kubernetes.skip_phases),
    });
    let cgroup_driver = json!({"cgroupDriver": cluster.container_runtime.cgroup_driver.map(CgroupDriver::as_str)});
    [Key::leaves("/kubernetes", &value), Key::leaves("/containerRuntime", &cgroup_driver)].concat()
}

fn component(component: &Component) -> Value {
    let volumes: Vec<String> = component.extra_volumes.iter().map(|volume| format!("{volume:?}")).collect();
    json!({"extraArgs": component.extra_args, "extraVolumes": listed(&volumes)})
}

#[cfg(test)]
mod tests;
