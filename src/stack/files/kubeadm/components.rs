//! `KubeletConfiguration` and `KubeProxyConfiguration`, the user's fields laid over ours.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::config::{CgroupDriver, Cluster, Swap};
use crate::stack::files::{merge, table};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct KubeletConfiguration {
    api_version: &'static str,
    kind: &'static str,
    cgroup_driver: &'static str,
    /// kubelet refuses to run beside swap unless it is told not to mind.
    #[serde(skip_serializing_if = "Option::is_none")]
    fail_swap_on: Option<bool>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct KubeProxyConfiguration {
    api_version: &'static str,
    kind: &'static str,
    mode: &'static str,
}

/// kubelet's configuration. Its cgroup driver is the one that containerd gets, whatever the raw
/// fields say: two drivers on one host kill pods.
pub(super) fn kubelet(cluster: &Cluster, driver: CgroupDriver) -> Map<String, Value> {
    let own = KubeletConfiguration {
        api_version: "kubelet.config.k8s.io/v1beta1",
        kind: "KubeletConfiguration",
        cgroup_driver: driver.as_str(),
        fail_swap_on: (cluster.host_config.swap == Swap::Keep).then_some(false),
    };
    let mut fields = table(&own);
    merge(&mut fields, &cluster.kubernetes.kubelet);
    fields.insert("cgroupDriver".to_owned(), driver.as_str().into());
    fields
}

/// kube-proxy's configuration.
pub(super) fn kube_proxy(cluster: &Cluster) -> Map<String, Value> {
    let own = KubeProxyConfiguration {
        api_version: "kubeproxy.config.k8s.io/v1alpha1",
        kind: "KubeProxyConfiguration",
        mode: cluster.kubernetes.proxy_mode.as_str(),
    };
    let mut fields = table(&own);
    merge(&mut fields, &cluster.kubernetes.kube_proxy);
    fields
}
