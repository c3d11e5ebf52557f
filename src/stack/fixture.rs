//! A cluster of three control planes and two workers, for tests.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::time::Duration;

use ipnet::Ipv4Net;
use semver::Version;
use serde_json::Map;

use super::{Inputs, Recorded, StackError, assign_pod_ranges, complete, declare};
use crate::config::{
    AtOnce, Cluster, Component, ContainerRuntime, Endpoint, Etcd, FleetKind, Guards, Haproxy, HaproxyExtra,
    HaproxyTimeouts, HealthCheck, Host, HostConfig, HostKeyChecking, Keepalived, KeepalivedCheck, Kubernetes,
    Lifecycle, LoadBalancer, Network, Packages, ProxyMode, Role, Rollout, RuntimeSource, Ssh, Sudo, Swap,
};
use crate::resource::{Declarations, HostFacts, HostName, Interface};

pub(super) fn haproxy() -> Haproxy {
    Haproxy {
        bind: None,
        maxconn: 4000,
        timeouts: HaproxyTimeouts {
            connect: Duration::from_millis(500),
            client: Duration::from_hours(4),
            server: Duration::from_hours(4),
            queue: Duration::from_secs(20),
            check: Duration::from_secs(3),
        },
        health_check: HealthCheck {
            path: "/readyz".into(),
            interval: Duration::from_secs(1),
            fast_interval: Duration::from_millis(250),
            fall: 3,
            rise: 2,
        },
        stats: None,
        extra: HaproxyExtra::default(),
    }
}

pub(super) fn keepalived() -> Keepalived {
    Keepalived {
        interface: None,
        virtual_router_id: 137,
        preempt: false,
        weight: 0,
        advert_interval: Duration::from_millis(250),
        check: KeepalivedCheck { interval: Duration::from_secs(1), fall: 1, rise: 2 },
        auth_password: None,
    }
}

pub(super) fn host(name: &str, last: u8, role: Role, priority: u8) -> Host {
    let address = Ipv4Addr::new(10, 0, 0, last);
    Host {
        name: name.into(),
        address: address.to_string(),
        internal_address: address,
        interface: None,
        roles: BTreeSet::from([role]),
        node_name: name.into(),
        labels: BTreeMap::new(),
        taints: None,
        annotations: BTreeMap::new(),
        ssh: Ssh {
            user: None,
            port: None,
            identity_file: None,
            passphrase: None,
            agent: false,
            known_hosts: None,
            host_key_checking: HostKeyChecking::Strict,
            bastion: None,
            sudo: Sudo::Never,
            connect_timeout: Duration::from_secs(10),
            config_file: None,
        },
        priority,
        default_priority: true,
    }
}

pub(super) fn cluster() -> Cluster {
    Cluster {
        name: "prod".into(),
        state_path: None,
        fleet: FleetKind::Simulated,
        hosts: vec![
            host("cp1", 11, Role::ControlPlane, 100),
            host("cp2", 12, Role::ControlPlane, 99),
            host("cp3", 13, Role::ControlPlane, 98),
            host("w1", 21, Role::Worker, 0),
            host("w2", 22, Role::Worker, 0),
        ],
        kubernetes: kubernetes(),
        endpoint: Endpoint {
            address: "10.0.0.100".into(),
            vip: Some(Ipv4Addr::new(10, 0, 0, 100)),
            prefix_len: None,
            port: 8443,
        },
        load_balancer: LoadBalancer::KeepalivedHaproxy { haproxy: haproxy(), keepalived: keepalived() },
        host_config: HostConfig { sysctls: BTreeMap::new(), kernel_modules: Vec::new(), swap: Swap::Off },
        container_runtime: ContainerRuntime {
            source: RuntimeSource::Distro,
            sandbox_image: None,
            cgroup_driver: None,
            extra: Map::new(),
        },
        network: Network::Bridge,
        rollout: Rollout { max_unavailable: AtOnce::Number(1) },
        guards: Guards::default(),
        lifecycle: Lifecycle::default(),
    }
}

fn kubernetes() -> Kubernetes {
    let subnet = |text: &str| text.parse::<Ipv4Net>().unwrap();
    Kubernetes {
        version: Version::new(1, 31, 4),
        packages: Packages::PkgsK8sIo { mirror: None },
        pod_subnet: subnet("10.244.0.0/16"),
        service_subnet: subnet("10.96.0.0/12"),
        dns_domain: "cluster.local".into(),
        image_repository: None,
        proxy_mode: ProxyMode::Iptables,
        api_server: Component::default(),
        controller_manager: Component::default(),
        scheduler: Component::default(),
        cert_sans: Vec::new(),
        etcd: Etcd {
            data_dir: "/var/lib/etcd".into(),
            heartbeat_interval_ms: None,
            election_timeout_ms: None,
            extra_args: BTreeMap::new(),
        },
        kubelet: Map::new(),
        kube_proxy: Map::new(),
        ignore_preflight_errors: Vec::new(),
        skip_phases: Vec::new(),
    }
}

/// What is known beside the file.
pub(super) struct Known {
    pub(super) facts: BTreeMap<HostName, HostFacts>,
    pub(super) pod_ranges: BTreeMap<HostName, Ipv4Net>,
    pub(super) pods_before: BTreeMap<Ipv4Net, Ipv4Addr>,
    pub(super) recorded: Recorded,
}

impl Known {
    /// Before anything was asked or done.
    pub(super) fn nothing(cluster: &Cluster) -> Self {
        let pod_ranges = assign_pod_ranges(cluster, &BTreeMap::new()).unwrap();
        let recorded = Recorded::default();
        Self { facts: BTreeMap::new(), pod_ranges, pods_before: BTreeMap::new(), recorded }
    }

    /// After every host was asked: Debian, address on `ens3` in a /22.
    pub(super) fn gathered(cluster: &Cluster) -> Self {
        let facts = |host: &Host| HostFacts {
            os: "debian".into(),
            package_manager: "apt".into(),
            interfaces: vec![Interface { name: "ens3".into(), address: host.internal_address, prefix: 22 }],
            ..HostFacts::default()
        };
        let facts = cluster.hosts.iter().map(|host| (HostName::new(&host.name), facts(host))).collect();
        Self { facts, ..Self::nothing(cluster) }
    }

    /// Everything that is declared, with the values that the facts decide.
    pub(super) fn declare(&self, cluster: &Cluster, inputs: &Inputs<'_>) -> Result<Declarations, StackError> {
        let mut all = declare(cluster, inputs)?;
        all.complete(complete(cluster, inputs, &self.facts)?);
        Ok(all)
    }

    pub(super) fn inputs(&self) -> Inputs<'_> {
        Inputs {
            pod_ranges: &self.pod_ranges,
            pods_before: &self.pods_before,
            vrrp_password: None,
            manifest: None,
            recorded: &self.recorded,
        }
    }
}
