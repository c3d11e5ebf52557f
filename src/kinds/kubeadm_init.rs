//! `kubeadm_init`: the first control plane of a cluster.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::kubeadm::{
    Host, Observed, SETTINGS, TOKEN_DESCRIPTION, readdressed, refixed, renamed, restored, runs_another, setting,
    upgraded, version_change,
};
use super::kubeadm_join::JoinRole;
use super::kubectl::with_kubectl;
use crate::resource::{
    Act, Action, Effect, FieldChange, Kind, Listens, Mint, Observation, Output, Prior, ProbeError, Refusal, Script,
    Slots, Step,
};

/// The first control plane. Made once in the life of a cluster: on a host that lost it, it is not made again while
/// there is another control plane, healthy or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KubeadmInit {
    /// Name of the Kubernetes node.
    pub node: String,
    /// The host's own address, on which its apiserver and etcd are announced; never the VIP.
    pub advertise_address: Ipv4Addr,
    /// YAML documents Init-, Cluster-, Kubelet- and `KubeProxyConfiguration`, with the placeholders of the
    /// slots [`KubeadmInit::TOKEN_ID`] and [`KubeadmInit::TOKEN_SECRET`] in `bootstrapTokens`, whose `description`
    /// must be [`KubeadmInit::TOKEN_DESCRIPTION`].
    pub config: String,
    /// Preflight checks whose errors become warnings.
    pub ignore_preflight_errors: Vec<String>,
    /// Phases of `kubeadm init` that are left out.
    pub skip_phases: Vec<String>,
    /// The virtual address that must answer before, when load balancers of the same cluster hold one. Only for the
    /// simulated fleet: the configuration has the address, but not who holds it.
    #[serde(skip)]
    pub virtual_ip: Option<Ipv4Addr>,
    /// Settings that cannot change afterwards, by their name in cluster.yaml, for example `kubernetes.podSubnet`.
    pub fixed: BTreeMap<String, String>,
}

impl KubeadmInit {
    /// Slot of the bootstrap token's id.
    pub const TOKEN_ID: &'static str = "token_id";
    /// Slot of the bootstrap token's secret.
    pub const TOKEN_SECRET: &'static str = "token_secret";
    /// Description of the bootstrap token, by which one that an interrupted run left is found and deleted.
    pub const TOKEN_DESCRIPTION: &'static str = TOKEN_DESCRIPTION;

    /// What a cluster that others made was made with and cluster.yaml says otherwise: the name there, what it is, and
    /// what is declared. What either of the two leaves to kubeadm is not compared.
    fn other_settings<'a>(&'a self, seen: &'a Observed) -> Vec<(&'static str, &'a str, &'a str)> {
        let both = SETTINGS
            .iter()
            .filter_map(|(name, ours)| Some((*ours, seen.settings.get(*name)?.as_str(), setting(&self.config, name)?)));
        both.filter(|(_, is, wanted)| is != wanted).collect()
    }

    fn host(&self) -> Host<'_> {
        Host {
            verb: "init",
            node: &self.node,
            address: self.advertise_address,
            role: JoinRole::ControlPlane,
            config: &self.config,
            skip: &self.skip_phases,
            ignore: &self.ignore_preflight_errors,
        }
    }
}

impl Kind for KubeadmInit {
    const NAME: &'static str = "kubeadm_init";
    const PRINCIPAL: &'static str = "complete";
    const MAY_REFUSE: bool = true;
    type Observed = Observed;

    fn key(&self) -> Option<String> {
        None
    }

    fn probe(&self) -> Script {
        self.host().probe()
    }

    fn parse(&self, output: &Output) -> Result<Observation<Observed>, ProbeError> {
        let seen = self.host().parse(output, setting(&self.config, "controlPlaneEndpoint"))?;
        if seen.present().is_some_and(|seen| seen.role == JoinRole::Worker) {
            return Err(ProbeError::odd(format!(
                "{} is a worker of a cluster, not its first control plane",
                self.node
            )));
        }
        Ok(seen)
    }

    fn diff(&self, seen: &Observed) -> Vec<FieldChange> {
        let settings = self.other_settings(seen).into_iter();
        let settings = settings.filter_map(|(name, is, wanted)| FieldChange::compare(name, is, wanted));
        let version = version_change(&self.fixed, seen);
        self.host().diff(seen).into_iter().chain(version).chain(settings).collect()
    }

    fn listens(&self) -> Vec<Listens> {
        self.host().listens()
    }

    fn simulate(&self) -> Observed {
        Observed::whole(JoinRole::ControlPlane, self.fixed.get("kubernetes.version").map(String::as_str))
    }

    fn apply(&self, act: Act, before: &Observation<Observed>) -> Vec<Step> {
        let host = self.host();
        if before.present().is_some_and(|seen| seen.complete) {
            return if act == Act::React { Vec::new() } else { vec![host.idle(), host.gate(), host.forget_secrets()] };
        }
        let alone = Script::new(with_kubectl!("kubeadm/marker.sh", "kubeadm/alone.sh"))
            .set("NODE", &self.node)
            .set("DATA", setting(&self.config, "dataDir").unwrap_or("/var/lib/etcd"));
        let alone = Step::run("see that there is no other control plane", alone).on_each_other_control_plane();
        let alone = alone.within(Duration::from_mins(1)).means(Effect::NoClusterHere);
        let mut steps = vec![alone];
        steps.extend(host.prepare());
        steps.push(Step::mint(Self::TOKEN_ID, Mint::TokenId));
        steps.push(Step::mint(Self::TOKEN_SECRET, Mint::TokenSecret));
        steps.extend(host.pull(&self.config));
        let run = host.run().means(Effect::Init { endpoint: self.virtual_ip });
        steps.extend([run, host.gate(), host.forget_secrets()]);
        steps
    }

    fn files(&self) -> Vec<(String, String)> {
        vec![("kubeadm-init.yaml".into(), Slots::masked(&self.config))]
    }

    fn destroy(&self, prior: &Prior<Observed>) -> Vec<Step> {
        self.host().destroy(prior)
    }

    fn restored(&self, seen: &Observation<Observed>, prior: &Prior<Observed>) -> bool {
        restored(seen, prior)
    }

    fn refuses(&self, recorded: &Self) -> Vec<Refusal> {
        let address = readdressed(&self.node, recorded.advertise_address, self.advertise_address);
        let settings = refixed(&recorded.fixed, &self.fixed);
        renamed(&recorded.node, &self.node).into_iter().chain(address).chain(settings).collect()
    }

    fn caught_up(&self, mut recorded: Self, seen: &Observed) -> Self {
        upgraded(&mut recorded.fixed, &self.fixed, seen);
        recorded
    }

    fn impossible(&self, seen: &Observed) -> Option<String> {
        let changes = self.other_settings(seen).into_iter().map(|(name, is, wanted)| {
            format!("the cluster that runs here has {name} {is}, not {wanted}: what kubeadm init was told cannot change; write {is}")
        });
        let text: Vec<String> = runs_another(&self.node, &self.fixed, seen).into_iter().chain(changes).collect();
        (!text.is_empty()).then(|| text.join("\n"))
    }

    fn warning(&self, action: Action) -> Option<String> {
        self.host().warning(action)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(fixed: &[(&str, &str)]) -> KubeadmInit {
        KubeadmInit {
            node: "cp1".into(),
            advertise_address: Ipv4Addr::new(10, 0, 0, 1),
            config: String::new(),
            ignore_preflight_errors: Vec::new(),
            skip_phases: Vec::new(),
            virtual_ip: None,
            fixed: fixed.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        }
    }

    #[test]
    fn a_cluster_that_was_made_otherwise_is_not_taken_over() {
        let told = "podSubnet: 10.244.0.0/16\ndnsDomain: cluster.local\n";
        let init = KubeadmInit { config: told.into(), ..with(&[]) };
        let seen = |settings: &[(&str, &str)]| {
            let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            Observed { settings, ..init.simulate() }
        };
        let same = seen(&[("imageRepository", "k8s.gcr.io"), ("dnsDomain", "cluster.local")]);
        assert_eq!((init.diff(&same), init.impossible(&same)), (Vec::new(), None));
        let other = seen(&[("podSubnet", "10.1.0.0/16")]);
        assert_eq!(init.diff(&other).len(), 1);
        let text = init.impossible(&other).unwrap();
        assert!(text.contains("has kubernetes.podSubnet 10.1.0.0/16, not 10.244.0.0/16"), "{text}");
    }

    #[test]
    fn settings_that_are_fixed_refuse_to_change() {
        let (was, is) =
            (with(&[("kubernetes.podSubnet", "10.1.0.0/16")]), with(&[("kubernetes.podSubnet", "10.2.0.0/16")]));
        assert_eq!(is.refuses(&was)[0].change, "kubernetes.podSubnet: 10.1.0.0/16 → 10.2.0.0/16");
        assert_eq!(was.refuses(&was), []);
        assert_eq!(with(&[("kubernetes.dnsDomain", "a")]).refuses(&was), []);
    }
}
