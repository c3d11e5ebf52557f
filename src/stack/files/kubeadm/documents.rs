//! The YAML documents that kubeadm is given.

use serde::Serialize;
use serde_json::{Map, Value};

use super::cluster::ClusterConfiguration;
use super::components::{kube_proxy, kubelet};
use super::init::InitConfiguration;
use super::join::JoinConfiguration;
use crate::config::{CgroupDriver, Cluster, Host};
use crate::resource::{MemberRole, Slots};

#[derive(Serialize)]
#[serde(untagged)]
enum Document<'a> {
    Init(InitConfiguration<'a>),
    Cluster(ClusterConfiguration<'a>),
    Join(JoinConfiguration<'a>),
    Component(Map<String, Value>),
}

/// The four documents of `kubeadm init` on this host.
pub(in crate::stack) fn init_documents(cluster: &Cluster, host: &Host, driver: CgroupDriver) -> String {
    yaml(&[
        Document::Init(InitConfiguration::first(cluster, host)),
        Document::Cluster(ClusterConfiguration::of(cluster)),
        Document::Component(kubelet(cluster, driver)),
        Document::Component(kube_proxy(cluster)),
    ])
}

/// What `kubeadm init phase upload-certs` needs for this host's join.
pub(in crate::stack) fn upload_documents(cluster: &Cluster, host: &Host) -> String {
    yaml(&[
        Document::Init(InitConfiguration::upload(cluster, host)),
        Document::Cluster(ClusterConfiguration::of(cluster)),
    ])
}

/// The document of `kubeadm join` on this host.
pub(in crate::stack) fn join_document(cluster: &Cluster, host: &Host, role: MemberRole) -> String {
    yaml(&[Document::Join(JoinConfiguration::of(cluster, host, role))])
}

/// A bootstrap token, to be filled in when it is made.
pub(super) fn token(id: &str, secret: &str) -> String {
    format!("{}.{}", Slots::placeholder(id), Slots::placeholder(secret))
}

fn yaml(documents: &[Document<'_>]) -> String {
    serde_yaml::to_string_multiple(documents).expect("documents of strings, numbers and tables are YAML")
}
