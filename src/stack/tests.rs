//! The whole stack: which resources, in what order, and the hazards that must not happen.

mod kinds;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::fixture::{self, Known};
use super::{Inputs, StackError};
use crate::config::{Cluster, LoadBalancer, ManifestSource, Network, Packages, ProxyMode, Role, SecretRef};
use crate::resource::{Address, Declarations, Declared, HostName, Lane, Secret};

fn declared(cluster: &Cluster) -> Declarations {
    let known = Known::gathered(cluster);
    known.declare(cluster, &known.inputs()).unwrap()
}

fn addresses(declarations: &Declarations) -> Vec<String> {
    declarations.items().iter().map(|item| item.address.to_string()).collect()
}

fn get<'a>(declarations: &'a Declarations, address: &str) -> &'a Declared {
    let found = declarations.items().iter().find(|item| item.address.to_string() == address);
    found.unwrap_or_else(|| panic!("{address} is not declared"))
}

fn attributes(declarations: &Declarations, address: &str) -> Value {
    get(declarations, address).resource.attributes()
}

fn text(declarations: &Declarations, address: &str) -> String {
    attributes(declarations, address)["content"].as_str().unwrap().to_owned()
}

/// Everything that must be right before this.
fn before(declarations: &Declarations, address: &str) -> BTreeSet<String> {
    let by_address: BTreeMap<&Address, &Declared> =
        declarations.items().iter().map(|item| (&item.address, item)).collect();
    let mut seen = BTreeSet::new();
    let mut open: Vec<&Address> = get(declarations, address).needs.iter().collect();
    while let Some(next) = open.pop() {
        if seen.insert(next.to_string()) {
            open.extend(&by_address[next].needs);
        }
    }
    seen
}

fn variants() -> Vec<(&'static str, Cluster)> {
    let with = |change: &dyn Fn(&mut Cluster)| {
        let mut cluster = fixture::cluster();
        change(&mut cluster);
        cluster
    };
    let lb = |name, last, priority| fixture::host(name, last, Role::LoadBalancer, priority);
    vec![
        ("default", fixture::cluster()),
        ("external", with(&|c| c.load_balancer = LoadBalancer::External)),
        ("dedicated", with(&|c| c.hosts.extend([lb("lb1", 31, 90), lb("lb2", 32, 89)]))),
        ("preinstalled", with(&|c| c.kubernetes.packages = Packages::Preinstalled)),
        ("none", with(&|c| c.network = Network::None)),
        ("one", with(&|c| c.hosts.truncate(1))),
        ("manifest", with(&|c| c.network = manifest())),
        ("labels", with(&|c| drop(c.hosts[3].labels.insert("disk".into(), "ssd".into())))),
    ]
}

fn manifest() -> Network {
    Network::Manifest { source: ManifestSource::Path("kube-flannel.yml".into()), sha256: None }
}

fn with(known: &Known, cluster: &Cluster) -> Result<Declarations, StackError> {
    known.declare(cluster, &Inputs { manifest: Some("kind: Namespace\n"), ..known.inputs() })
}

#[test]
fn cluster_yaml_may_name_every_component_and_no_other() {
    let mut named = BTreeSet::new();
    for (_, cluster) in variants() {
        let all = with(&Known::gathered(&cluster), &cluster).unwrap();
        named.extend(all.items().iter().map(|item| item.address.component().to_owned()));
    }
    assert_eq!(named.iter().map(String::as_str).collect::<Vec<_>>(), crate::config::COMPONENTS);
}

#[test]
fn the_resources_of_a_cluster() {
    insta::assert_snapshot!(addresses(&declared(&fixture::cluster())).join("\n"));
}

#[test]
fn each_is_declared_once_and_after_all_that_it_needs() {
    for (title, cluster) in variants() {
        let known = Known::gathered(&cluster);
        let mut seen = BTreeSet::new();
        for item in with(&known, &cluster).unwrap().items() {
            for need in &item.needs {
                assert!(seen.contains(need), "{title}: {} needs {need}, which comes later or never", item.address);
            }
            assert!(seen.insert(item.address.clone()), "{title}: {} twice", item.address);
        }
    }
}

#[test]
fn facts_decide_values_and_never_which_resources_there_are() {
    for (title, cluster) in variants() {
        let mut known = Known::gathered(&cluster);
        let debian = with(&known, &cluster).unwrap();
        known.facts.values_mut().for_each(|facts| facts.package_manager = "dnf".into());
        let rocky = with(&known, &cluster).unwrap();
        let unasked = with(&Known::nothing(&cluster), &cluster).unwrap();
        assert_eq!(addresses(&debian), addresses(&unasked), "{title}");
        assert_eq!(addresses(&debian), addresses(&rocky), "{title}");
        let looks = |all: &Declarations| all.items().iter().map(|item| item.resource.probe()).collect::<Vec<_>>();
        assert_eq!(looks(&debian), looks(&unasked), "{title}");
        for ((debian, rocky), unasked) in debian.items().iter().zip(rocky.items()).zip(unasked.items()) {
            let values = [debian, rocky, unasked].map(|item| item.resource.attributes());
            let same = values[0] == values[1] && values[0] == values[2];
            assert!(same || unasked.guessed, "{title}: {} is no guess", unasked.address);
            assert!(!debian.guessed && !rocky.guessed, "{title}: {} is a guess", debian.address);
        }
    }
}

#[test]
fn every_port_and_address_of_the_api_comes_from_one_value() {
    let mut cluster = fixture::cluster();
    cluster.endpoint.port = 9443;
    let all = declared(&cluster);
    let whole: String = all.items().iter().map(|item| item.resource.attributes().to_string()).collect();
    assert!(!whole.contains("8443"));
    for (address, wanted) in [
        ("cp2/haproxy/file[/etc/haproxy/haproxy.cfg]", "bind *:9443"),
        ("cp2/keepalived/file[/usr/libexec/keepalived/check_haproxy.sh]", "port=9443 "),
    ] {
        assert!(text(&all, address).contains(wanted), "{address}");
    }
    for address in ["cp1/control-plane/member", "cp2/control-plane/member", "w1/worker/member"] {
        let files: String = get(&all, address).resource.files().into_iter().map(|(_, text)| text).collect();
        assert!(files.contains("10.0.0.100:9443") && !files.contains("8443"), "{address}");
        assert_ne!(attributes(&all, address)["advertiseAddress"], "10.0.0.100", "{address}");
    }
    assert_eq!(attributes(&all, "cp3/keepalived/virtual_ip[10.0.0.100]")["port"], 9443);
}

#[test]
fn haproxy_is_configured_alike_everywhere_and_knows_every_control_plane_once() {
    let all = declared(&fixture::cluster());
    let of = |host: &str| text(&all, &format!("{host}/haproxy/file[/etc/haproxy/haproxy.cfg]"));
    assert_eq!(of("cp1"), of("cp2"));
    assert_eq!(of("cp1"), of("cp3"));
    let config = of("cp1");
    let servers: Vec<&str> = config.lines().filter_map(|line| line.trim().strip_prefix("server ")).collect();
    let names: Vec<&str> = servers.iter().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(names, ["cp1", "cp2", "cp3"]);
}

#[test]
fn keepalived_instances_differ_in_what_must_differ_and_agree_on_the_rest() {
    let all = declared(&fixture::cluster());
    let of = |host: &str| text(&all, &format!("{host}/keepalived/file[/etc/keepalived/keepalived.conf]"));
    let line = |host: &str, start: &str| {
        let config = of(host);
        config.lines().map(str::trim).find(|line| line.starts_with(start)).unwrap().to_owned()
    };
    let distinct =
        |start: &str| ["cp1", "cp2", "cp3"].map(|host| line(host, start)).into_iter().collect::<BTreeSet<_>>();
    assert_eq!(distinct("priority ").len(), 3);
    assert_eq!(distinct("unicast_src_ip ").len(), 3);
    for start in ["virtual_router_id ", "advert_int ", "state ", "nopreempt", "weight ", "10.0.0.100/22 dev ens3"] {
        assert_eq!(distinct(start).len(), 1, "{start}");
    }
    for (host, own) in [("cp1", "10.0.0.11"), ("cp2", "10.0.0.12"), ("cp3", "10.0.0.13")] {
        let config = of(host);
        let (_, peers) = config.split_once("unicast_peer {").unwrap();
        let (peers, _) = peers.split_once('}').unwrap();
        assert_eq!(peers.split_whitespace().count(), 2, "{host}");
        assert!(!peers.contains(own), "{host}");
    }
    let service = attributes(&all, "cp1/keepalived/service[keepalived]");
    assert_eq!(service["releases"], serde_json::json!(["10.0.0.100/22"]));
    assert_eq!(service["group"]["peers"], serde_json::json!(["10.0.0.12", "10.0.0.13"]));
    assert_eq!(service["group"]["alike"], "virtualRouterId 137\n");
}

#[test]
fn a_member_comes_after_its_whole_host_and_the_cluster() {
    let mut cluster = fixture::cluster();
    cluster.network = manifest();
    let all = with(&Known::gathered(&cluster), &cluster).unwrap();
    for (member, role) in [("cp1", "control-plane"), ("cp2", "control-plane"), ("w1", "worker")] {
        let before = before(&all, &format!("{member}/{role}/member"));
        for address in addresses(&all) {
            let (host, rest) = address.split_once('/').unwrap();
            let own = host == member && rest != format!("{role}/member") && rest != "kubernetes/service[kubelet]";
            let endpoint = rest.starts_with("haproxy/") || rest.starts_with("keepalived/");
            let cluster = rest == "kubernetes/cluster_settings";
            let plugin = rest == "network/manifest[kube-flannel]" && role == "control-plane";
            let first = own || endpoint || cluster || plugin;
            assert!(before.contains(&address) || !first, "{address} may come later than {member}");
            assert!(!rest.ends_with("/member") || !before.contains(&address), "{member} waits for {address}");
        }
    }
    assert_eq!(get(&all, "cp1/control-plane/member").lane, Some(Lane::ControlPlane));
    assert_eq!(get(&all, "w1/worker/member").lane, None);
    assert!(before(&all, "w1/kubernetes/service[kubelet]").contains("w1/worker/member"));
}

/// The order in which a new cluster is created.
#[test]
fn the_founder_comes_before_the_cluster_and_all_others_after_it() {
    let mut cluster = fixture::cluster();
    cluster.network = manifest();
    let declared = with(&Known::gathered(&cluster), &cluster).unwrap();
    let graph = crate::graph::Graph::build(declared.into_items()).unwrap();
    let number = |address: &str| graph.number(&address.parse().unwrap()).unwrap();
    let founded = graph.founded_by(number("cp2/control-plane/member"));
    let place = |address: &str| founded.order().iter().position(|&it| it == number(address)).unwrap();
    let order = [
        "cp3/keepalived/virtual_ip[10.0.0.100]",
        "cp2/control-plane/member",
        "cluster/kubernetes/cluster_settings",
        "cluster/network/manifest[kube-flannel]",
        "cp1/control-plane/member",
    ];
    let places: Vec<usize> = order.iter().map(|it| place(it)).collect();
    assert!(places.is_sorted(), "{places:?}");
    assert!(place("w1/worker/member") > place("cluster/kubernetes/cluster_settings"));
}

#[test]
fn a_further_control_plane_changes_no_setting_of_the_cluster() {
    let mut cluster = fixture::cluster();
    let settings = |cluster: &Cluster| attributes(&declared(cluster), "cluster/kubernetes/cluster_settings");
    let before = settings(&cluster);
    cluster.hosts.push(fixture::host("cp4", 14, Role::ControlPlane, 97));
    assert_eq!(settings(&cluster), before);
    cluster.kubernetes.service_subnet = "10.112.0.0/12".parse().unwrap();
    assert_ne!(settings(&cluster), before);
}

#[test]
fn services_act_on_their_files_and_load_balancers_change_one_by_one() {
    let all = declared(&fixture::cluster());
    for (service, file) in [
        ("container-runtime/service[containerd]", "container-runtime/file[/etc/containerd/config.toml]"),
        ("haproxy/service[haproxy]", "haproxy/file[/etc/haproxy/haproxy.cfg]"),
        ("haproxy/service[haproxy]", "haproxy/file[/etc/systemd/system/haproxy.service.d/mainstay.conf]"),
        ("keepalived/service[keepalived]", "keepalived/file[/etc/keepalived/keepalived.conf]"),
        ("network/service[mainstay-pod-routes]", "network/file[/etc/systemd/system/mainstay-pod-routes.service]"),
    ] {
        let service = get(&all, &format!("cp2/{service}"));
        assert!(service.reacts_to.contains(&format!("cp2/{file}").parse::<Address>().unwrap()), "{file}");
    }
    for item in all.items() {
        let balances = ["haproxy", "keepalived"].contains(&item.address.component());
        let wanted = match item.address.kind() {
            "package" | "package_repository" => Some(Lane::Packages(item.address.host().clone())),
            _ if balances => Some(Lane::LoadBalancer),
            "member" if item.address.component() == "control-plane" => Some(Lane::ControlPlane),
            _ => None,
        };
        assert_eq!(item.lane, wanted, "{}", item.address);
    }
}

#[test]
fn dedicated_load_balancers_carry_the_endpoint_and_nothing_of_kubernetes() {
    let (_, cluster) = variants().swap_remove(2);
    let all = addresses(&declared(&cluster));
    assert!(all.contains(&"lb1/keepalived/virtual_ip[10.0.0.100]".to_owned()));
    let of = |host: &str| -> BTreeSet<&str> {
        all.iter().filter(|a| a.starts_with(host)).filter_map(|a| a.split('/').nth(1)).collect()
    };
    assert_eq!(of("lb1/"), BTreeSet::from(["haproxy", "keepalived"]));
    assert!(of("cp1/").is_disjoint(&of("lb1/")));
}

#[test]
fn host_preparation_covers_ipvs_and_the_users_own() {
    let mut cluster = fixture::cluster();
    cluster.kubernetes.proxy_mode = ProxyMode::Ipvs;
    cluster.host_config.kernel_modules = vec!["dummy".into(), "overlay".into()];
    cluster.host_config.sysctls = BTreeMap::from([("net.bridge.bridge-nf-call-ip6tables".into(), "0".into())]);
    let all = declared(&cluster);
    let lines = |address: &str| text(&all, address).lines().skip(1).map(str::to_owned).collect::<Vec<_>>();
    let ipvs = ["overlay", "br_netfilter", "nf_conntrack", "ip_vs", "ip_vs_rr", "ip_vs_wrr", "ip_vs_sh", "dummy"];
    assert_eq!(lines("w1/host/file[/etc/modules-load.d/mainstay.conf]"), ipvs);
    assert_eq!(
        lines("w1/host/file[/etc/sysctl.d/90-mainstay.conf]"),
        [
            "net.bridge.bridge-nf-call-ip6tables = 0",
            "net.bridge.bridge-nf-call-iptables = 1",
            "net.ipv4.ip_forward = 1"
        ]
    );
    let sysctl = before(&all, "w1/host/sysctl[net.bridge.bridge-nf-call-iptables]");
    assert!(sysctl.contains("w1/host/kernel_module[br_netfilter]"));
    // What others build on is unloaded last.
    let needs = |module: &str| get(&all, &format!("w1/host/kernel_module[{module}]")).needs.clone();
    let key = |address: &Address| address.key().unwrap().to_owned();
    assert_eq!(needs("ip_vs_rr").iter().map(key).collect::<Vec<_>>(), ["ip_vs"]);
    assert_eq!(needs("ip_vs").iter().map(key).collect::<Vec<_>>(), ["nf_conntrack"]);
    assert_eq!((needs("overlay").len(), needs("dummy").len()), (0, 7));
}

#[test]
fn haproxy_bound_to_the_virtual_ip_may_bind_where_it_is_not() {
    let mut cluster = fixture::cluster();
    if let LoadBalancer::KeepalivedHaproxy { haproxy, .. } = &mut cluster.load_balancer {
        haproxy.bind = cluster.endpoint.vip;
    }
    let all = declared(&cluster);
    assert!(before(&all, "cp2/haproxy/service[haproxy]").contains("cp2/host/sysctl[net.ipv4.ip_nonlocal_bind]"));
    assert!(!addresses(&all).contains(&"w1/host/sysctl[net.ipv4.ip_nonlocal_bind]".to_owned()));
}

#[test]
fn plugins_lie_where_whoever_brings_them_puts_them() {
    let dir = |packages: Packages, dnf: bool, network: Network| {
        let mut cluster = fixture::cluster();
        cluster.kubernetes.packages = packages;
        cluster.network = network;
        let mut known = Known::gathered(&cluster);
        if dnf {
            known.facts.values_mut().for_each(|facts| facts.package_manager = "dnf".into());
        }
        let all = with(&known, &cluster).unwrap();
        let config = text(&all, "w1/container-runtime/file[/etc/containerd/config.toml]");
        config.lines().find_map(|line| line.strip_prefix("bin_dir = ")).unwrap().to_owned()
    };
    assert_eq!(dir(Packages::PkgsK8sIo { mirror: None }, false, Network::Bridge), "\"/opt/cni/bin\"");
    assert_eq!(dir(Packages::Preinstalled, false, Network::Bridge), "\"/usr/lib/cni\"");
    assert_eq!(dir(Packages::Distro, true, Network::Bridge), "\"/usr/libexec/cni\"");
    assert_eq!(dir(Packages::Distro, false, manifest()), "\"/opt/cni/bin\"");
}

#[test]
fn keepalived_watches_what_haproxys_unit_writes_where_it_may() {
    let config = |package_manager: &str| {
        let cluster = fixture::cluster();
        let mut known = Known::gathered(&cluster);
        known.facts.values_mut().for_each(|facts| facts.package_manager = package_manager.into());
        let all = known.declare(&cluster, &known.inputs()).unwrap();
        let unit = text(&all, "cp1/haproxy/file[/etc/systemd/system/haproxy.service.d/mainstay.conf]");
        let file = unit.split_once("echo 1 >").unwrap().1.split_once('\'').unwrap().0.to_owned();
        text(&all, "cp1/keepalived/file[/etc/keepalived/keepalived.conf]").contains(&format!("file \"{file}\""))
    };
    assert!(config("apt"));
    assert!(!config("dnf"));
}

#[test]
fn the_vrrp_password_is_a_secret_and_must_be_there() {
    let mut cluster = fixture::cluster();
    if let LoadBalancer::KeepalivedHaproxy { keepalived, .. } = &mut cluster.load_balancer {
        keepalived.auth_password = Some(SecretRef::Env("VRRP".into()));
    }
    let known = Known::gathered(&cluster);
    assert_eq!(known.declare(&cluster, &known.inputs()).unwrap_err(), StackError::NoPassword);
    let password = Secret::new("hunter22");
    let all = known.declare(&cluster, &Inputs { vrrp_password: Some(&password), ..known.inputs() }).unwrap();
    assert!(!format!("{all:?}").contains("hunter22"));
    let file = get(&all, "cp1/keepalived/file[/etc/keepalived/keepalived.conf]");
    assert!(!file.resource.attributes().to_string().contains("hunter22"));
    assert_eq!(file.resource.secrets(), [password]);
    assert_eq!(file.resource.attributes()["mode"], "0600");
}

#[test]
fn what_contradicts_the_facts_names_the_host() {
    let cluster = fixture::cluster();
    let fail = |cluster: &Cluster, change: &dyn Fn(&mut Known)| {
        let mut known = Known::gathered(cluster);
        change(&mut known);
        known.declare(cluster, &known.inputs()).unwrap_err().to_string()
    };
    let cp2 = HostName::new("cp2");
    let none = fail(&cluster, &|known| known.facts.get_mut(&cp2).unwrap().interfaces.clear());
    assert!(none.starts_with("cp2 has no interface with its address 10.0.0.12"), "{none}");
    let outside = fail(&cluster, &|known| known.facts.get_mut(&cp2).unwrap().interfaces[0].prefix = 28);
    assert_eq!(outside, "the virtual IP 10.0.0.100 is not in the network 10.0.0.0/28 of ens3 on cp2");
    let mut named = fixture::cluster();
    named.hosts[1].interface = Some("bond0".into());
    assert_eq!(fail(&named, &|_| ()), "cp2 has no interface bond0 with an IPv4 address");
    let range = fail(&cluster, &|known| assert!(known.pod_ranges.remove(&cp2).is_some()));
    assert_eq!(range, "cp2 has no pod range");
}

#[test]
fn what_the_file_says_about_interface_and_prefix_wins_over_facts() {
    let mut cluster = fixture::cluster();
    cluster.endpoint.prefix_len = Some(25);
    if let LoadBalancer::KeepalivedHaproxy { keepalived, .. } = &mut cluster.load_balancer {
        keepalived.interface = Some("vlan7".into());
    }
    let config = |known: &Known| {
        let all = known.declare(&cluster, &known.inputs()).unwrap();
        text(&all, "cp1/keepalived/file[/etc/keepalived/keepalived.conf]")
    };
    let mut known = Known::gathered(&cluster);
    known.facts.values_mut().for_each(|facts| facts.interfaces[0].name = "vlan7".into());
    assert!(config(&known).contains("10.0.0.100/25 dev vlan7"));
    assert_eq!(config(&known), config(&Known::nothing(&cluster)));
}

#[test]
fn every_example_can_be_declared_with_the_load_balancer_that_fails_over_fast() {
    let examples = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    for example in std::fs::read_dir(examples).unwrap() {
        let folder = example.unwrap().path();
        let Ok(file) = std::fs::read_to_string(folder.join("cluster.yaml")) else { continue };
        let cluster = crate::config::load(&file, "cluster.yaml", &folder).unwrap().cluster;
        let all = with(&Known::nothing(&cluster), &cluster).unwrap();
        let host = &cluster.hosts[0].name;
        assert!(addresses(&all).contains(&format!("{host}/control-plane/member")), "{}", folder.display());
        if cluster.load_balancers().next().is_some() {
            let haproxy = text(&all, &format!("{host}/haproxy/file[/etc/haproxy/haproxy.cfg]"));
            assert!(haproxy.contains("timeout connect 500ms\n    timeout check 3s"), "{haproxy}");
            assert!(
                haproxy.contains("inter 1s fastinter 250ms downinter 1s fall 3 rise 2 observe layer4"),
                "{haproxy}"
            );
            let keepalived = text(&all, &format!("{host}/keepalived/file[/etc/keepalived/keepalived.conf]"));
            for line in ["nopreempt", "weight 0", "vrrp_version 3", "advert_int 0.25", "fall 1"] {
                assert!(keepalived.contains(line), "{line}: {keepalived}");
            }
        }
    }
}

/// A cluster of the fixture's control planes and so many workers: its resources, its edges, and what a record of one
/// worker takes.
fn sized(workers: u32) -> [usize; 3] {
    let mut cluster = fixture::cluster();
    cluster.kubernetes.pod_subnet = "10.128.0.0/9".parse().unwrap();
    cluster.hosts.truncate(3);
    cluster.hosts.extend((1000..1000 + workers).map(|number| {
        let internal_address = std::net::Ipv4Addr::from(0x0a00_0000 + number);
        crate::config::Host { internal_address, ..fixture::host(&format!("w{number}"), 0, Role::Worker, 0) }
    }));
    let all = declared(&cluster);
    let edges = all.items().iter().map(|item| item.needs.len()).sum();
    let on_one = all.items().iter().filter(|item| item.address.host().as_str() == "w1000");
    let bytes = on_one.map(|item| {
        let names: usize = item.needs.iter().map(|need| need.to_string().len()).sum();
        item.resource.attributes().to_string().len() + item.resource.simulate().to_string().len() + names
    });
    [all.items().len(), edges, bytes.sum()]
}

#[test]
fn the_network_bridge_costs_a_host_the_same_however_many_there_are() {
    let [few, more, most] = [100, 200, 400].map(sized);
    for what in 0..2 {
        assert_eq!(most[what] - more[what], 2 * (more[what] - few[what]), "resources and edges grow with the hosts");
    }
    // No number has more digits than with the fewest: `nodes` and `routes` have three in all of them.
    assert_eq!((few[2], more[2]), (more[2], most[2]), "bytes of a host do not grow with the others");
}
