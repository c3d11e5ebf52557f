//! Raw configuration of kubelet and kube-proxy: any field, except those that the rest of the file sets.

use super::fields::{self, NEWEST};
use crate::config::CgroupDriver;
use crate::config::faults::{Fault, Faults};
use crate::config::file::Swap;
use crate::config::pointer;
use crate::config::quote::quoted;
use crate::config::shape::nearest;
use serde_json::{Map, Value};

/// Fields of `KubeletConfiguration` that come from elsewhere.
const KUBELET: &[(&str, &str)] = &[
    ("apiVersion", "mainstay writes it"),
    ("kind", "mainstay writes it"),
    ("clusterDomain", "it is `kubernetes.dnsDomain`"),
    ("clusterDNS", "it is the tenth address of `kubernetes.serviceSubnet`"),
    ("staticPodPath", "kubeadm writes the static pods there"),
];

/// Fields of `KubeProxyConfiguration` that come from elsewhere.
const KUBE_PROXY: &[(&str, &str)] = &[
    ("apiVersion", "mainstay writes it"),
    ("kind", "mainstay writes it"),
    ("mode", "it is `kubernetes.proxyMode`"),
    ("clusterCIDR", "it is `kubernetes.podSubnet`"),
];

pub(super) fn kubelet(written: Option<&Map<String, Value>>, swap: Swap, faults: &mut Faults<'_>) -> Map<String, Value> {
    let raw = owned_elsewhere("kubelet", written, KUBELET, faults);
    Known { component: "kubelet", key: "kubelet", table: fields::KUBELET, owned: KUBELET }.check(&raw, &[], faults);
    if swap == Swap::Keep && raw.get("failSwapOn") != Some(&Value::Bool(false)) {
        faults.error(
            Fault::at("/hostConfig/swap", "kubelet does not start on a host with swap")
                .because("the default of `failSwapOn` is true")
                .help("add `kubelet: {failSwapOn: false}` under `kubernetes`, or use `swap: off`"),
        );
    }
    if let Some(driver) = raw.get("cgroupDriver")
        && !["systemd", "cgroupfs"].iter().any(|known| driver == known)
    {
        faults.error(
            Fault::at("/kubernetes/kubelet/cgroupDriver", "unknown cgroup driver")
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
                .help("remove one of the two; the other applies to both"),
        );
    }
}

pub(super) fn kube_proxy(written: Option<&Map<String, Value>>, faults: &mut Faults<'_>) -> Map<String, Value> {
    let raw = owned_elsewhere("kubeProxy", written, KUBE_PROXY, faults);
    Known { component: "kube-proxy", key: "kubeProxy", table: fields::KUBE_PROXY, owned: KUBE_PROXY }.check(
        &raw,
        &[],
        faults,
    );
    raw
}

/// The fields that a component knows.
struct Known {
    component: &'static str,
    key: &'static str,
    table: &'static [(&'static str, &'static [&'static str])],
    /// Fields that other keys of cluster.yaml set.
    owned: &'static [(&'static str, &'static str)],
}

impl Known {
    /// Warns of fields that the component would ignore. No error: a newer Kubernetes may have them.
    fn check(&self, fields: &Map<String, Value>, below: &[&str], faults: &mut Faults<'_>) {
        let path = below.join(".");
        let Some((_, known)) = self.table.iter().find(|(at, _)| *at == path) else { return };
        for (field, value) in fields {
            let place: Vec<&str> = below.iter().copied().chain([field.as_str()]).collect();
            if let Some(inner) = value.as_object().filter(|_| known.contains(&field.as_str())) {
                self.check(inner, &place, faults);
            }
            if !known.contains(&field.as_str()) {
                let at = pointer(["kubernetes", self.key].into_iter().chain(place));
                let message = format!("{} has no field {}", self.component, quoted(field));
                let fault = Fault::key(at, message).because("the field would be ignored");
                let free = known.iter().copied().filter(|name| self.owned.iter().all(|(owned, _)| owned != name));
                faults.warn(match nearest(field, free) {
                    Some(near) => fault.help(format!("did you mean {}?", quoted(near))),
                    None => fault.help(format!("mainstay knows the fields of Kubernetes 1.20 to {NEWEST}")),
                });
            }
        }
    }
}

fn owned_elsewhere(
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
