//! Hosts on which kubelet would not start. Since 1.35 it refuses cgroup v1, unless its configuration allows that; kubeadm
//! would wait for it for minutes and say nothing of the cause.

use super::guards::runs_kubeadm;
use super::make::Inputs;
use super::model::Problem;
use super::nodes::Nodes;
use crate::resource::AnyKind;

/// The first minor version that refuses cgroup v1.
const FIRST: u64 = 35;

/// Refuses to run kubeadm on such hosts.
pub(super) fn check(nodes: &mut Nodes<'_>, inputs: &Inputs<'_>) {
    let mut declared = nodes.all.iter().filter_map(|node| node.declared);
    let Some(version) = declared.find_map(|declared| refuses_v1(declared.resource.as_ref())) else { return };
    let on_v1 = |host| inputs.facts.hosts.get(host).is_some_and(|facts| facts.cgroup_version == 1);
    for node in nodes.all.iter_mut().filter(|node| runs_kubeadm(node)) {
        let host = node.address.host();
        if on_v1(host) {
            let text = format!(
                "kubelet {version} does not start on {host}, which uses cgroup v1. Boot the host with cgroup v2, or set \
                 `kubernetes.kubelet.failCgroupV1: false`."
            );
            node.verdict.stop(Problem::Refused { text });
        }
    }
}

/// The Kubernetes version of the cluster that this control plane belongs to, when its kubelets refuse cgroup v1.
fn refuses_v1(resource: &dyn AnyKind) -> Option<String> {
    if !["kubeadm_init", "kubeadm_join"].contains(&resource.name()) {
        return None;
    }
    let attributes = resource.attributes();
    let setting = |name| attributes.get("fixed")?.get(name)?.as_str();
    let version = setting("kubernetes.version")?;
    let minor: u64 = version.split('.').nth(1)?.parse().ok()?;
    let kubelet: serde_json::Value = serde_json::from_str(setting("kubernetes.kubelet")?).ok()?;
    (minor >= FIRST && kubelet.get("failCgroupV1") != Some(&false.into())).then(|| version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::KubeadmInit;

    fn init(version: &str, kubelet: &str) -> KubeadmInit {
        let fixed = [("kubernetes.version", version), ("kubernetes.kubelet", kubelet)];
        KubeadmInit {
            node: "cp1".into(),
            advertise_address: [10, 0, 0, 1].into(),
            config: String::new(),
            ignore_preflight_errors: Vec::new(),
            skip_phases: Vec::new(),
            virtual_ip: None,
            fixed: fixed.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        }
    }

    #[test]
    fn kubelets_since_1_35_refuse_cgroup_v1_unless_they_are_allowed() {
        let refuses = |version, kubelet| refuses_v1(&init(version, kubelet)).is_some();
        assert!(refuses("1.35.0", "{}") && refuses("1.36.2", r#"{"failCgroupV1":true}"#));
        assert!(!refuses("1.34.9", "{}") && !refuses("1.36.2", r#"{"failCgroupV1":false}"#));
    }
}
