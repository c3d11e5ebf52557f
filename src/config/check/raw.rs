//! Raw configuration of kubelet and kube-proxy: anything goes but what the rest of the file says
//! already.

use crate::config::faults::{Fault, Faults};
use crate::config::file::Swap;
use crate::config::pointer;
use crate::config::quote::quoted;
use serde_json::{Map, Value};

/// Fields of `KubeletConfiguration` that come from elsewhere.
const KUBELET: &[(&str, &str)] = &[
    ("apiVersion", "mainstay writes it"),
    ("kind", "mainstay writes it"),
    ("clusterDomain", "it is `kubernetes.dnsDomain`"),
    ("clusterDNS", "it is the tenth address of `kubernetes.serviceSubnet`"),
    ("cgroupDriver", "it is `containerRuntime.cgroupDriver`, for kubelet and containerd alike"),
    ("staticPodPath", "kubeadm puts the control plane there"),
];

/// Fields of `KubeProxyConfiguration` that come from elsewhere.
const KUBE_PROXY: &[(&str, &str)] = &[
    ("apiVersion", "mainstay writes it"),
    ("kind", "mainstay writes it"),
    ("mode", "it is `kubernetes.proxyMode`"),
    ("clusterCIDR", "it is `kubernetes.podSubnet`"),
];

pub(super) fn kubelet(written: Option<&Map<String, Value>>, swap: Swap, faults: &mut Faults<'_>) -> Map<String, Value> {
    let raw = fields("kubelet", written, KUBELET, faults);
    if swap == Swap::Keep && raw.get("failSwapOn") != Some(&Value::Bool(false)) {
        faults.error(
            Fault::at("/hostConfig/swap", "kubelet does not start on a host with swap")
                .because("unless it is told to")
                .help("add `kubelet: {failSwapOn: false}` under `kubernetes`, or use `swap: off`"),
        );
    }
    raw
}

pub(super) fn kube_proxy(written: Option<&Map<String, Value>>, faults: &mut Faults<'_>) -> Map<String, Value> {
    fields("kubeProxy", written, KUBE_PROXY, faults)
}

fn fields(
    key: &str,
    written: Option<&Map<String, Value>>,
    owned: &[(&str, &str)],
    faults: &mut Faults<'_>,
) -> Map<String, Value> {
    let raw = written.cloned().unwrap_or_default();
    for (field, source) in owned {
        if raw.contains_key(*field) {
            faults.error(
                Fault::key(pointer(["kubernetes", key, field]), format!("mainstay sets {} itself", quoted(field)))
                    .because(*source)
                    .help("remove it here"),
            );
        }
    }
    raw
}
