//! `cluster_settings`: the settings of the cluster as a whole.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::kubectl::with_kubectl;
use super::member::refixed;
use crate::resource::{
    Act, Address, Effect, FieldChange, Kind, Observation, Output, Prior, ProbeError, Script, Setting, Step, yaml_scalar,
};

/// Settings of the cluster as a whole. `kubeadm init` stores them in the cluster and other members read them there, so
/// the resource exists if an API server returns them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterSettings {
    /// Settings that mainstay cannot change on a running cluster yet, by their name in cluster.yaml, for example
    /// `kubernetes.podSubnet`.
    pub fixed: BTreeMap<String, String>,
    /// Settings that are used only when the cluster or a member is created.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub creation: BTreeMap<String, String>,
}

/// Settings of the running cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// Values by their names in kubeadm's configuration. Settings without a value are missing.
    pub settings: BTreeMap<String, String>,
}

/// Settings that can be read from a running cluster: their names in kubeadm's configuration and in cluster.yaml.
const READABLE: [(&str, &str); 5] = [
    ("podSubnet", "kubernetes.podSubnet"),
    ("serviceSubnet", "kubernetes.serviceSubnet"),
    ("dnsDomain", "kubernetes.dnsDomain"),
    ("imageRepository", "kubernetes.imageRepository"),
    ("dataDir", "kubernetes.etcd.dataDir"),
];

/// The value of a setting for which kubeadm's default is used.
const DEFAULT: &str = "default";

impl ClusterSettings {
    /// Settings with different values: the name in cluster.yaml, the current value and the desired value. Defaults of
    /// kubeadm are not compared.
    fn others<'a>(&'a self, seen: &'a Observed) -> impl Iterator<Item = (&'static str, &'a str, &'a str)> {
        READABLE.iter().filter_map(|(name, ours)| {
            let (is, wanted) = (seen.settings.get(*name)?.as_str(), self.fixed.get(*ours)?.as_str());
            (is != wanted && wanted != DEFAULT).then_some((*ours, is, wanted))
        })
    }
}

impl Kind for ClusterSettings {
    const NAME: &'static str = Address::CLUSTER_SETTINGS;
    const PRINCIPAL: &'static str = "settings";
    const HAS_SETTINGS: bool = true;
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
        let settings =
            READABLE.iter().filter_map(|(name, _)| Some(((*name).to_owned(), yaml_scalar(text, name)?.to_owned())));
        Ok(Observation::Present(Observed { settings: settings.collect() }))
    }

    fn diff(&self, seen: &Observed) -> Vec<FieldChange> {
        self.others(seen).filter_map(|(name, is, wanted)| FieldChange::compare(name, is, wanted)).collect()
    }

    fn simulate(&self) -> Observed {
        let settings = READABLE.iter().filter_map(|(name, ours)| {
            let value = self.fixed.get(*ours).filter(|value| *value != DEFAULT)?;
            Some(((*name).to_owned(), value.clone()))
        });
        Observed { settings: settings.collect() }
    }

    /// `kubeadm init` has stored them; this only checks that they can be read.
    fn apply(&self, _: Act, _: &Observation<Observed>) -> Vec<Step> {
        vec![Step::run("read the settings of the cluster", self.probe()).means(Effect::UseApi)]
    }

    /// Deleted with the cluster.
    fn destroy(&self, _: &Prior<Observed>) -> Vec<Step> {
        Vec::new()
    }

    fn restored(&self, _: &Observation<Observed>, _: &Prior<Observed>) -> bool {
        true
    }

    fn settings(&self, recorded: &Self, seen: Option<&Observed>) -> Vec<Setting> {
        let mut fixed = recorded.fixed.clone();
        for (name, ours) in READABLE {
            let is = seen.and_then(|seen| seen.settings.get(name));
            if let Some(wanted) = self.fixed.get(ours).filter(|wanted| is == Some(*wanted)) {
                fixed.insert(ours.to_owned(), wanted.clone());
            }
        }
        let names: BTreeSet<&String> = self.creation.keys().chain(recorded.creation.keys()).collect();
        let value = |side: &Self, name: &str| side.creation.get(name).cloned().unwrap_or_else(|| DEFAULT.to_owned());
        let change = |name: &String| FieldChange::compare(name, value(recorded, name), value(self, name));
        let creation = names.into_iter().filter_map(change).map(FieldChange::at_creation).map(Setting::AtCreation);
        refixed(&fixed, &self.fixed).into_iter().map(Setting::Refused).chain(creation).collect()
    }

    fn impossible(&self, seen: &Observed) -> Option<String> {
        let changes = self.others(seen).map(|(name, is, wanted)| {
            format!(
                "{name} is {is} on the running cluster, but {wanted} in cluster.yaml. mainstay cannot change this on a \
                 running cluster yet. Use {is} to adopt the cluster."
            )
        });
        let text = changes.collect::<Vec<_>>().join("\n");
        (!text.is_empty()).then_some(text)
    }
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
        assert!(
            text.contains(
                "kubernetes.podSubnet is 10.1.0.0/16 on the running cluster, but 10.244.0.0/16 in cluster.yaml"
            ),
            "{text}"
        );
    }

    #[test]
    fn fixed_settings_refuse_to_change_unless_the_cluster_has_changed() {
        let (was, is) = (with(&[("kubernetes.dnsDomain", "a.local")]), with(&[("kubernetes.dnsDomain", "b.local")]));
        let refused = is.settings(&was, None).remove(0).refused().unwrap();
        assert_eq!(refused.change, "kubernetes.dnsDomain: a.local → b.local");
        assert_eq!(was.settings(&was, None), []);
        assert_eq!(is.settings(&was, Some(&seen(&[("dnsDomain", "b.local")]))), []);
        assert_eq!(is.settings(&was, Some(&seen(&[("dnsDomain", "a.local")]))).len(), 1);
    }

    #[test]
    fn a_setting_that_counts_at_creation_says_so() {
        let with = |phases: &str| ClusterSettings {
            creation: [("kubernetes.skipPhases".to_owned(), phases.to_owned())].into(),
            ..ClusterSettings::default()
        };
        let settings = with("[\"addon\"]").settings(&with("[]"), None);
        let changes: Vec<_> = settings.into_iter().filter_map(Setting::at_creation).collect();
        let shown: Vec<_> = changes.iter().map(|it| (&*it.field, &*it.before, &*it.after, it.at_creation)).collect();
        assert_eq!(shown, [("kubernetes.skipPhases", "[]", "[\"addon\"]", true)]);
        assert_eq!(with("[]").settings(&with("[]"), None), []);
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
