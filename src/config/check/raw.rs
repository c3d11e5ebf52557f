//! Raw configuration of kubelet and kube-proxy: anything goes but what the rest of the file says
//! already.

use crate::config::CgroupDriver;
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
    if let Some(driver) = raw.get("cgroupDriver")
        && !["systemd", "cgroupfs"].iter().any(|known| driver == known)
    {
        faults.error(
            Fault::at("/kubernetes/kubelet/cgroupDriver", "there is no such cgroup driver")
                .help("write `systemd`, or `cgroupfs` on hosts with cgroup v1"),
        );
    }
    raw
}

/// kubelet and containerd must agree; the value may be written here or there.
pub(super) fn one_cgroup_driver(kubelet: &Map<String, Value>, runtime: Option<CgroupDriver>, faults: &mut Faults<'_>) {
    let (Some(here), Some(there)) = (kubelet.get("cgroupDriver"), runtime) else { return };
    if here != there.as_str() {
        faults.error(
            Fault::at("/kubernetes/kubelet/cgroupDriver", "kubelet and containerd have different cgroup drivers")
                .because(format!("`containerRuntime.cgroupDriver` is {}", there.as_str()))
                .help("remove one of the two; the other counts for both"),
        );
    }
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
