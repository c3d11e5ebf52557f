//! `cluster_settings`: what the whole cluster was made with.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::kubectl::with_kubectl;
use super::member::refixed;
use crate::resource::{Act, Effect, FieldChange, Kind, Observation, Output, Prior, ProbeError, Refusal, Script, Step};

/// The name of the kind.
pub const CLUSTER_SETTINGS: &str = "cluster_settings";

/// Settings of the cluster as a whole. `kubeadm init` sets them, every other member reads them from the cluster. The
/// resource stands for the cluster itself: it is there as soon as the API server of one control plane knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterSettings {
    /// Settings that mainstay cannot change on a running cluster yet, by their name in cluster.yaml, for example
    /// `kubernetes.podSubnet`.
    pub fixed: BTreeMap<String, String>,
    /// Settings that count only when the cluster or a member is made.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub creation: BTreeMap<String, String>,
}

/// What the cluster says of itself, by its name in kubeadm's configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// Settings, as far as the cluster names them.
    pub settings: BTreeMap<String, String>,
}

/// Settings that a cluster tells about itself: the name in kubeadm's configuration, and in cluster.yaml.
const TOLD: [(&str, &str); 5] = [
    ("podSubnet", "kubernetes.podSubnet"),
    ("serviceSubnet", "kubernetes.serviceSubnet"),
    ("dnsDomain", "kubernetes.dnsDomain"),
    ("imageRepository", "kubernetes.imageRepository"),
    ("dataDir", "kubernetes.etcd.dataDir"),
];

/// The value of a setting that is left to kubeadm.
const DEFAULT: &str = "default";

impl ClusterSettings {
    /// What the cluster has and cluster.yaml does not: the name there, what it is, and what is declared. What either of
    /// the two leaves to kubeadm is not compared.
    fn others<'a>(&'a self, seen: &'a Observed) -> impl Iterator<Item = (&'static str, &'a str, &'a str)> {
        TOLD.iter().filter_map(|(name, ours)| {
            let (is, wanted) = (seen.settings.get(*name)?.as_str(), self.fixed.get(*ours)?.as_str());
            (is != wanted && wanted != DEFAULT).then_some((*ours, is, wanted))
        })
    }
}

impl Kind for ClusterSettings {
    const NAME: &'static str = CLUSTER_SETTINGS;
    const PRINCIPAL: &'static str = "settings";
    const MAY_REFUSE: bool = true;
    type Observed = Observed;

    fn key(&self) -> Option<String> {
        None
    }

    fn probe(&self) -> Script {
        Script::new(with_kubectl!("cluster_settings/look.sh"))
    }

    fn parse(&self, output: &Output) -> Result<Observation<Observed>, ProbeError> {
        if !output.success() {
            return Err(ProbeError::of_cluster(output));
        }
        let text = output.stdout.trim();
        if text.is_empty() {
            return Ok(Observation::Absent);
        }
        let told = TOLD.iter().filter_map(|(name, _)| Some(((*name).to_owned(), setting(text, name)?.to_owned())));
        Ok(Observation::Present(Observed { settings: told.collect() }))
    }

    fn diff(&self, seen: &Observed) -> Vec<FieldChange> {
        self.others(seen).filter_map(|(name, is, wanted)| FieldChange::compare(name, is, wanted)).collect()
    }

    fn simulate(&self) -> Observed {
        let told = TOLD.iter().filter_map(|(name, ours)| {
            let value = self.fixed.get(*ours).filter(|value| *value != DEFAULT)?;
            Some(((*name).to_owned(), value.clone()))
        });
        Observed { settings: told.collect() }
    }

    /// kubeadm has set them when the first control plane is whole; they only have to be there.
    fn apply(&self, _: Act, _: &Observation<Observed>) -> Vec<Step> {
        vec![Step::run("read the settings of the cluster", self.probe()).means(Effect::UseApi)]
    }

    /// They end with the cluster.
    fn destroy(&self, _: &Prior<Observed>) -> Vec<Step> {
        Vec::new()
    }

    fn restored(&self, _: &Observation<Observed>, _: &Prior<Observed>) -> bool {
        true
    }

    fn refuses(&self, recorded: &Self) -> Vec<Refusal> {
        refixed(&recorded.fixed, &self.fixed)
    }

    fn at_creation(&self, recorded: &Self) -> Vec<FieldChange> {
        let names: BTreeSet<&String> = self.creation.keys().chain(recorded.creation.keys()).collect();
        let value = |side: &Self, name: &str| side.creation.get(name).cloned().unwrap_or_else(|| DEFAULT.to_owned());
        let change = |name: &String| FieldChange::compare(name, value(recorded, name), value(self, name));
        names.into_iter().filter_map(change).map(FieldChange::at_creation).collect()
    }

    /// What others have changed to the declared value is only recorded.
    fn caught_up(&self, mut recorded: Self, seen: &Observed) -> Self {
        for (name, ours) in TOLD {
            if let (Some(is), Some(wanted)) = (seen.settings.get(name), self.fixed.get(ours))
                && is == wanted
            {
                recorded.fixed.insert(ours.to_owned(), wanted.clone());
            }
        }
        recorded
    }

    fn impossible(&self, seen: &Observed) -> Option<String> {
        let changes = self.others(seen).map(|(name, is, wanted)| {
            format!(
                "the cluster that runs has {name} {is}, and cluster.yaml has {wanted}. mainstay cannot change this on a \
                 running cluster yet. Write {is} to adopt the cluster."
            )
        });
        let text = changes.collect::<Vec<_>>().join("\n");
        (!text.is_empty()).then_some(text)
    }
}

/// The first scalar of this name in a YAML document of kubeadm.
fn setting<'a>(config: &'a str, name: &str) -> Option<&'a str> {
    let value = |line: &'a str| line.trim_start_matches([' ', '-']).strip_prefix(name)?.strip_prefix(':');
    let value = config.lines().find_map(value)?.trim().trim_matches(['"', '\'']);
    (!value.is_empty()).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::super::kubectl::stage::Stage;
    use super::*;

    fn with(fixed: &[(&str, &str)]) -> ClusterSettings {
        let fixed = fixed.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        ClusterSettings { fixed, creation: BTreeMap::new() }
    }

    fn seen(settings: &[(&str, &str)]) -> Observed {
        Observed { settings: settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect() }
    }

    fn look(stage: &Stage) -> Result<Observation<Observed>, ProbeError> {
        let kind = with(&[]);
        kind.parse(&stage.run(&kind.probe()))
    }

    #[test]
    fn a_cluster_that_was_made_with_other_settings_is_not_adopted() {
        let wanted = with(&[
            ("kubernetes.podSubnet", "10.244.0.0/16"),
            ("kubernetes.dnsDomain", "cluster.local"),
            ("kubernetes.imageRepository", "default"),
        ]);
        let same = seen(&[("imageRepository", "k8s.gcr.io"), ("dnsDomain", "cluster.local")]);
        assert_eq!((wanted.diff(&same), wanted.impossible(&same)), (Vec::new(), None));
        let other = seen(&[("podSubnet", "10.1.0.0/16")]);
        assert_eq!(wanted.diff(&other).len(), 1);
        let text = wanted.impossible(&other).unwrap();
        assert!(text.contains("has kubernetes.podSubnet 10.1.0.0/16, and cluster.yaml has 10.244.0.0/16"), "{text}");
    }

    #[test]
    fn fixed_settings_refuse_to_change_unless_the_cluster_has_changed() {
        let (was, is) = (with(&[("kubernetes.dnsDomain", "a.local")]), with(&[("kubernetes.dnsDomain", "b.local")]));
        assert_eq!(is.refuses(&was)[0].change, "kubernetes.dnsDomain: a.local → b.local");
        assert_eq!(was.refuses(&was), []);
        assert_eq!(is.refuses(&is.caught_up(was.clone(), &seen(&[("dnsDomain", "b.local")]))), []);
        assert_eq!(is.refuses(&is.caught_up(was, &seen(&[("dnsDomain", "a.local")]))).len(), 1);
    }

    #[test]
    fn a_setting_that_counts_at_creation_says_so() {
        let with = |phases: &str| ClusterSettings {
            creation: [("kubernetes.skipPhases".to_owned(), phases.to_owned())].into(),
            ..ClusterSettings::default()
        };
        let changes = with("[\"addon\"]").at_creation(&with("[]"));
        let shown: Vec<_> = changes.iter().map(|it| (&*it.field, &*it.before, &*it.after, it.at_creation)).collect();
        assert_eq!(shown, [("kubernetes.skipPhases", "[]", "[\"addon\"]", true)]);
        assert_eq!(with("[]").at_creation(&with("[]")), []);
    }

    #[test]
    fn the_cluster_is_asked_where_a_control_plane_is() {
        let stage = Stage::control_plane();
        stage.command(
            "kubectl",
            "printf 'apiServer: {}\\ndnsDomain: x.local\\nnetworking:\\n  podSubnet: 10.1.0.0/16\\n'",
        );
        assert_eq!(
            look(&stage),
            Ok(Observation::Present(seen(&[("dnsDomain", "x.local"), ("podSubnet", "10.1.0.0/16")])))
        );
        stage.command("kubectl", "");
        assert_eq!(look(&stage), Ok(Observation::Absent));
        stage.command("kubectl", "exit 1");
        assert!(matches!(look(&stage), Err(ProbeError::Failed { status: 76, .. })));
        assert_eq!(look(&Stage::new()), Err(ProbeError::NotHere));
    }
}
