//! Golden files, one set for each version of kubeadm's configuration.

use std::collections::BTreeMap;

use semver::Version;
use serde_json::{Value, json};

use super::cluster::cert_sans;
use super::{init_documents, join_document, upload_documents};
use crate::config::{
    CgroupDriver, Cluster, Component, ExtraVolume, Host, Network, ProxyMode, Swap, Taint, TaintEffect,
};
use crate::kinds::{ControlPlaneDocuments, Making, Member, Stage};
use crate::resource::{Act, Kind, MemberRole, Observation, Secret, Slots, StepAct};
use crate::stack::fixture;

/// A cluster that says something about everything.
fn full(minor: u64) -> Cluster {
    let mut cluster = fixture::cluster();
    let flags = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
    let kubernetes = &mut cluster.kubernetes;
    kubernetes.version = Version::new(1, minor, 2);
    kubernetes.image_repository = Some("harbor.example/k8s".into());
    kubernetes.proxy_mode = ProxyMode::Ipvs;
    kubernetes.cert_sans = vec!["api.example.org".into(), "10.0.0.11".into()];
    kubernetes.api_server = Component {
        extra_args: flags("audit-log-path", "/var/log/audit.log"),
        extra_volumes: vec![ExtraVolume {
            name: "audit".into(),
            host_path: "/var/log/audit.log".into(),
            mount_path: "/var/log/audit.log".into(),
            read_only: false,
            path_type: Some("FileOrCreate".into()),
        }],
    };
    kubernetes.scheduler.extra_args = flags("v", "2");
    kubernetes.etcd.heartbeat_interval_ms = Some(1000);
    kubernetes.etcd.election_timeout_ms = Some(5000);
    kubernetes.kubelet = table(&json!({"maxPods": 200, "evictionHard": {"memory.available": "5%"}}));
    kubernetes.kube_proxy = table(&json!({"conntrack": {"maxPerCore": 0}}));
    cluster.host_config.swap = Swap::Keep;
    let taint = |value: &str| Taint { key: "dedicated".into(), value: value.into(), effect: TaintEffect::NoSchedule };
    cluster.hosts[0].taints = Some(Vec::new());
    cluster.hosts[3].taints = Some(vec![taint(""), taint("db")]);
    cluster.hosts[0].node_name = "master-1".into();
    cluster
}

fn table(value: &Value) -> serde_json::Map<String, Value> {
    value.as_object().unwrap().clone()
}

fn everything(cluster: &Cluster) -> String {
    let host = |name| cluster.host(name).unwrap();
    [
        init_documents(cluster, host("cp1"), CgroupDriver::Systemd),
        upload_documents(cluster, host("cp2")),
        join_document(cluster, host("cp2"), MemberRole::ControlPlane),
        join_document(cluster, host("w1"), MemberRole::Worker),
    ]
    .join("=====\n")
}

fn documents(yaml: &str) -> Vec<Value> {
    serde_yaml::from_multiple(yaml).unwrap()
}

fn init(cluster: &Cluster) -> Vec<Value> {
    documents(&init_documents(cluster, &cluster.hosts[0], CgroupDriver::Systemd))
}

#[test]
fn the_default() {
    insta::assert_snapshot!(everything(&fixture::cluster()));
}

#[test]
fn v1beta2() {
    insta::assert_snapshot!(everything(&full(20)));
}

#[test]
fn v1beta3() {
    insta::assert_snapshot!(everything(&full(28)));
}

#[test]
fn v1beta4() {
    insta::assert_snapshot!(everything(&full(34)));
}

#[test]
fn the_virtual_ip_is_the_endpoint_and_is_announced_by_nobody() {
    for minor in [20, 28, 34] {
        let cluster = full(minor);
        let host = |name| cluster.host(name).unwrap();
        let of = |host: &Host| documents(&join_document(&cluster, host, MemberRole::ControlPlane));
        assert_eq!(init(&cluster)[0]["localAPIEndpoint"]["advertiseAddress"], "10.0.0.11");
        assert_eq!(of(host("cp2"))[0]["controlPlane"]["localAPIEndpoint"]["advertiseAddress"], "10.0.0.12");
        assert_eq!(init(&cluster)[1]["controlPlaneEndpoint"], "10.0.0.100:8443");
        let discovery = &of(host("cp2"))[0]["discovery"]["bootstrapToken"];
        assert_eq!(discovery["apiServerEndpoint"], "10.0.0.100:8443");
    }
}

/// kubeadm 1.36 connects to the address in the document, and nothing listens on the joining host yet.
#[test]
fn the_certificates_are_uploaded_through_the_api_server_of_the_host_that_does_it() {
    for minor in [20, 28, 34, 36] {
        let cluster = full(minor);
        let host = cluster.host("cp2").unwrap();
        let upload = upload_documents(&cluster, host);
        let needed = ControlPlaneDocuments { upload, ..ControlPlaneDocuments::default() };
        let join = Member {
            node: host.node_name.clone(),
            role: MemberRole::ControlPlane,
            advertise_address: host.internal_address,
            endpoint: String::new(),
            cri_socket: String::new(),
            version: None,
            making: Making { control_plane: Some(needed), ..Making::default() },
        };
        let steps = Kind::apply(&join, Act::Create, &Observation::Absent);
        let upload = steps.iter().find(|step| step.title == "upload the certificates").unwrap();
        let StepAct::Run(run) = &upload.act else { panic!("{upload:?}") };
        let mut slots = Slots::default();
        slots.put("standing", Secret::new("mainstay-bare"));
        slots.put(Member::CERTIFICATE_KEY, Secret::new("c0ffee"));
        let stage = Stage::control_plane();
        stage.command("kubeadm", &format!("cat >{}", stage.path("/got").display()));
        let output = stage.run_with(&run.script, &slots);
        assert_eq!((output.status, &*output.stderr), (0, ""));
        let got = std::fs::read_to_string(stage.path("/got")).unwrap();
        let got = documents(&got.replace(&stage.path("/").display().to_string(), "/"));
        let mut wanted = documents(&upload_documents(&cluster, host));
        wanted[0]["localAPIEndpoint"]["advertiseAddress"] = "10.0.0.1".into();
        wanted[0]["certificateKey"] = "c0ffee".into();
        assert_eq!(got, wanted, "1.{minor}");
    }
}

#[test]
fn a_host_without_taints_differs_from_one_with_none() {
    let cluster = full(34);
    assert_eq!(init(&cluster)[0]["nodeRegistration"]["taints"], json!([]));
    let w2 = documents(&join_document(&cluster, cluster.host("w2").unwrap(), MemberRole::Worker));
    assert_eq!(w2[0]["nodeRegistration"].get("taints"), None);
}

#[test]
fn only_the_built_in_network_hands_pod_ranges_out_itself() {
    let mut cluster = fixture::cluster();
    assert_eq!(
        init(&cluster)[1]["controllerManager"]["extraArgs"],
        json!([{"name": "allocate-node-cidrs", "value": "false"}])
    );
    cluster.network = Network::None;
    assert_eq!(init(&cluster)[1].get("controllerManager"), None);
}

#[test]
fn the_cgroup_driver_is_one_whatever_the_raw_fields_say() {
    let mut cluster = fixture::cluster();
    cluster.kubernetes.kubelet = table(&json!({"cgroupDriver": "cgroupfs"}));
    assert_eq!(init(&cluster)[2]["cgroupDriver"], "systemd");
}

#[test]
fn texts_that_yaml_could_take_for_something_else_stay_texts() {
    let mut cluster = fixture::cluster();
    let hostile = ["no", "1e3", "0x10", "null", "~", "a: b", "- x", "#", "é\n\"'", " ", "1:30", "{{", "*a", "&a"];
    let args = hostile.iter().enumerate().map(|(i, value)| (format!("f{i}"), (*value).to_owned()));
    cluster.kubernetes.api_server.extra_args = args.collect();
    cluster.kubernetes.version = Version::new(1, 28, 0);
    let read = &init(&cluster)[1]["apiServer"]["extraArgs"];
    for (i, value) in hostile.iter().enumerate() {
        assert_eq!(read[format!("f{i}")], *value);
    }
}

#[test]
fn the_certificate_covers_every_way_in_once() {
    let mut cluster = full(31);
    cluster.hosts[1].address = "cp2.example.org".into();
    assert_eq!(
        cert_sans(&cluster),
        [
            "10.0.0.100",
            "127.0.0.1",
            "localhost",
            "10.0.0.11",
            "master-1",
            "cp1",
            "10.0.0.12",
            "cp2.example.org",
            "cp2",
            "10.0.0.13",
            "cp3",
            "api.example.org"
        ]
    );
}
