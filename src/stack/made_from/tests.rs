//! Every resource that an edit of cluster.yaml changes names the edited key.

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::config::{CgroupDriver, HaproxyStats, ProxyMode, Taint, TaintEffect};
use crate::resource::{Declarations, Declared};
use crate::stack::fixture::{self, Known};
use crate::stack::{Inputs, assign_pod_ranges};

type Edit = (&'static [&'static str], fn(&mut Cluster));

fn haproxy(cluster: &mut Cluster) -> &mut Haproxy {
    match &mut cluster.load_balancer {
        LoadBalancer::KeepalivedHaproxy { haproxy, .. } => haproxy,
        LoadBalancer::External => panic!("no haproxy"),
    }
}

fn keepalived(cluster: &mut Cluster) -> &mut Keepalived {
    match &mut cluster.load_balancer {
        LoadBalancer::KeepalivedHaproxy { keepalived, .. } => keepalived,
        LoadBalancer::External => panic!("no keepalived"),
    }
}

fn manifest(path: &str) -> Network {
    Network::Manifest { source: ManifestSource::Path(path.into()), sha256: None }
}

/// Edits, and the keys that alone may be named for what changes by them.
const EDITS: &[Edit] = &[
    (&["/kubernetes/version"], |c| c.kubernetes.version = semver::Version::new(1, 33, 0)),
    (&["/kubernetes/packages"], |c| c.kubernetes.packages = Packages::PkgsK8sIo { mirror: Some("https://m".into()) }),
    (&["/kubernetes/packages"], |c| c.kubernetes.packages = Packages::Distro),
    (&["/kubernetes/podSubnet"], |c| c.kubernetes.pod_subnet = "10.200.0.0/16".parse().unwrap()),
    (&["/kubernetes/serviceSubnet"], |c| c.kubernetes.service_subnet = "10.200.0.0/16".parse().unwrap()),
    (&["/kubernetes/dnsDomain"], |c| c.kubernetes.dns_domain = "x.local".into()),
    (&["/kubernetes/imageRepository"], |c| c.kubernetes.image_repository = Some("r.example.org".into())),
    (&["/kubernetes/proxyMode"], |c| c.kubernetes.proxy_mode = ProxyMode::Ipvs),
    (&["/kubernetes/apiServer/extraArgs/v"], |c| {
        c.kubernetes.api_server.extra_args.insert("v".into(), "4".into());
    }),
    (&["/kubernetes/apiServer/certSANs"], |c| c.kubernetes.cert_sans.push("api.example.org".into())),
    (&["/kubernetes/etcd/heartbeatInterval"], |c| c.kubernetes.etcd.heartbeat_interval_ms = Some(200)),
    (&["/kubernetes/kubelet/maxPods"], |c| drop(c.kubernetes.kubelet.insert("maxPods".into(), json!(50)))),
    (&["/kubernetes/kubelet/cgroupDriver"], |c| {
        c.kubernetes.kubelet.insert("cgroupDriver".into(), json!("cgroupfs"));
    }),
    (&["/kubernetes/kubeProxy/mode"], |c| drop(c.kubernetes.kube_proxy.insert("mode".into(), json!("ipvs")))),
    (&["/kubernetes/ignorePreflightErrors"], |c| c.kubernetes.ignore_preflight_errors.push("NumCPU".into())),
    (&["/kubernetes/skipPhases"], |c| c.kubernetes.skip_phases.push("addon/kube-proxy".into())),
    (&["/endpoint/address"], |c| {
        c.endpoint.address = "10.0.0.101".into();
        c.endpoint.vip = "10.0.0.101".parse().ok();
    }),
    (&["/endpoint/address"], |c| c.endpoint.prefix_len = Some(24)),
    (&["/endpoint/port"], |c| c.endpoint.port = 9443),
    (&["/loadBalancer/haproxy/maxconn"], |c| haproxy(c).maxconn = 3000),
    (&["/loadBalancer/haproxy/timeouts/connect"], |c| haproxy(c).timeouts.connect = Duration::from_secs(2)),
    (&["/loadBalancer/haproxy/healthCheck/path"], |c| haproxy(c).health_check.path = "/livez".into()),
    (&["/loadBalancer/haproxy/stats"], |c| {
        haproxy(c).stats = Some(HaproxyStats { bind: [127, 0, 0, 1].into(), port: 9000 });
    }),
    (&["/loadBalancer/haproxy/extra/global"], |c| haproxy(c).extra.global.push("nbthread 2".into())),
    (&["/loadBalancer/haproxy/bind", "/endpoint/address"], |c| haproxy(c).bind = c.endpoint.vip.or(haproxy(c).bind)),
    (&["/loadBalancer/keepalived/virtualRouterId"], |c| keepalived(c).virtual_router_id = 7),
    (&["/loadBalancer/keepalived/advertInterval"], |c| keepalived(c).advert_interval = Duration::from_secs(1)),
    (&["/loadBalancer/keepalived/check/fall"], |c| keepalived(c).check.fall = 3),
    (&["/loadBalancer/mode"], |c| c.load_balancer = LoadBalancer::External),
    (&["/hostConfig/sysctls/net.core.somaxconn"], |c| {
        c.host_config.sysctls.insert("net.core.somaxconn".into(), "1".into());
    }),
    (&["/hostConfig/sysctls/net.ipv4.ip_forward"], |c| {
        c.host_config.sysctls.insert("net.ipv4.ip_forward".into(), "0".into());
    }),
    (&["/hostConfig/kernelModules"], |c| c.host_config.kernel_modules.push("dummy".into())),
    (&["/hostConfig/swap"], |c| c.host_config.swap = Swap::Keep),
    (&["/containerRuntime/source"], |c| c.container_runtime.source = RuntimeSource::Preinstalled),
    (&["/containerRuntime/sandboxImage"], |c| c.container_runtime.sandbox_image = Some("pause:1".into())),
    (&["/containerRuntime/cgroupDriver"], |c| c.container_runtime.cgroup_driver = Some(CgroupDriver::Cgroupfs)),
    (&["/containerRuntime/extra/debug"], |c| drop(c.container_runtime.extra.insert("debug".into(), json!(true)))),
    (&["/network/plugin"], |c| c.network = Network::None),
    (&["/network/plugin", "/network/manifest"], |c| c.network = manifest("flannel.yaml")),
    (&["/hosts/w1/internalAddress", "/hosts/*/internalAddress"], |c| {
        c.hosts[3].internal_address = [10, 0, 0, 31].into();
    }),
    (&["/hosts/cp2/internalAddress", "/hosts/*/internalAddress", "/hosts/*/address"], |c| {
        c.hosts[1].internal_address = [10, 0, 0, 42].into();
    }),
    (&["/hosts/cp2/nodeName", "/hosts/*/address"], |c| c.hosts[1].node_name = "other".into()),
    (&["/hosts/w1/nodeName"], |c| c.hosts[3].node_name = "other".into()),
    (&["/hosts/w1/labels/disk"], |c| drop(c.hosts[3].labels.insert("disk".into(), "ssd".into()))),
    (&["/hosts/w1/taints"], |c| {
        let taint = Taint { key: "a".into(), value: String::new(), effect: TaintEffect::NoSchedule };
        c.hosts[3].taints = Some(vec![taint]);
    }),
    (&["/hosts/cp2/priority"], |c| c.hosts[1].priority = 50),
    (&["/hosts/w1/roles", "/hosts/*/roles"], |c| {
        c.hosts[3].roles.insert(Role::LoadBalancer);
        c.hosts[3].priority = 90;
    }),
    (&["/hosts/w1", "/hosts/*/address"], |c| c.hosts[3].roles = [Role::ControlPlane].into()),
    (&["/hosts/w3", "/hosts/*/internalAddress", "/hosts/*/address", "/hosts/*/roles"], |c| {
        c.hosts.push(fixture::host("w3", 23, Role::Worker, 0));
    }),
    (&["/hosts/cp4", "/hosts/*/internalAddress", "/hosts/*/address", "/hosts/*/roles"], |c| {
        c.hosts.push(fixture::host("cp4", 14, Role::ControlPlane, 97));
    }),
    (&["/hosts/cp3", "/hosts/*/internalAddress", "/hosts/*/address", "/hosts/*/roles"], |c| drop(c.hosts.remove(2))),
];

fn all(cluster: &Cluster) -> Declarations {
    let mut known = Known::gathered(cluster);
    known.pod_ranges = assign_pod_ranges(cluster, &Known::gathered(&fixture::cluster()).pod_ranges).unwrap();
    // The address is in the file before the host has it.
    known.facts = Known::gathered(&fixture::cluster()).facts;
    for (host, facts) in Known::gathered(cluster).facts {
        known.facts.entry(host).or_insert(facts).interfaces.extend(facts_of(cluster));
    }
    known.declare(cluster, &Inputs { manifest: Some("kind: Namespace\n"), ..known.inputs() }).unwrap()
}

fn facts_of(cluster: &Cluster) -> Vec<crate::resource::Interface> {
    let one =
        |host: &Host| crate::resource::Interface { name: "ens3".into(), address: host.internal_address, prefix: 22 };
    cluster.hosts.iter().map(one).collect()
}

/// The value of every key; the same wherever it is used.
fn current(all: &Declarations) -> BTreeMap<&str, &Key> {
    let mut keys: BTreeMap<&str, &Key> = BTreeMap::new();
    for key in all.items().iter().flat_map(|item| item.made_from.keys()) {
        assert_eq!(*keys.entry(key.pointer()).or_insert(key), key, "one value for each key");
    }
    keys
}

fn by_address(all: &Declarations) -> BTreeMap<String, &Declared> {
    all.items().iter().map(|item| (item.address.to_string(), item)).collect()
}

#[test]
fn whatever_changes_by_an_edit_is_made_from_the_edited_key() {
    let mut wrong: Vec<String> = Vec::new();
    for &(expected, edit) in EDITS {
        let mut cluster = fixture::cluster();
        let was = all(&cluster);
        edit(&mut cluster);
        let is = all(&cluster);
        let (before, after) = (by_address(&was), by_address(&is));
        let mut now = current(&is);
        now.extend(is.keys().keys().map(|key| (key.pointer(), key)));
        let fits = |pointer: &str| expected.iter().any(|it| crate::resource::overlaps(it, pointer));
        let mut judge = |address: &str, keys: &[&str]| {
            if keys.is_empty() || !keys.iter().all(|key| fits(key)) {
                wrong.push(format!("{expected:?}: {address} names {keys:?}"));
            }
        };
        let mut changes = after.keys().filter(|address| !before.contains_key(*address)).count();
        for (address, old) in &before {
            if let Some(item) = after.get(address) {
                if old.resource.attributes() != item.resource.attributes() {
                    changes += 1;
                    judge(address, &old.made_from.changed(&item.made_from));
                }
                continue;
            }
            changes += 1;
            let differing = old.made_from.keys().filter(|key| now.get(key.pointer()) != Some(key));
            let (known, unknown): (Vec<&str>, Vec<&str>) =
                differing.map(Key::pointer).partition(|pointer| now.contains_key(pointer));
            let roles = format!("/hosts/{}/roles", old.address.host());
            let of = |all: &Declarations| current(all).get(roles.as_str()).map(|key| (*key).clone());
            match (known.is_empty(), unknown.is_empty()) {
                (true, true) if of(&was) != of(&is) => judge(address, &[&roles]),
                (true, _) => judge(address, &unknown),
                _ => judge(address, &known),
            }
        }
        if changes == 0 {
            wrong.push(format!("{expected:?} changes nothing"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_a_resource_is_made_from_does_not_grow_with_the_workers() {
    let size = |workers: u8| {
        let mut cluster = fixture::cluster();
        cluster.hosts.extend((30..30 + workers).map(|n| fixture::host(&format!("w{n}"), n, Role::Worker, 0)));
        all(&cluster).items().iter().map(|item| item.made_from.keys().count()).max()
    };
    assert_eq!(size(1), size(50));
}
