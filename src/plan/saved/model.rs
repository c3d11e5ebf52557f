//! The content of a saved plan.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::model::{Change, Coverage, Mode, Plan, Problem, Reason, Warning};
use super::super::selection::Selection;
use crate::facts::Decode;
use crate::resource::{
    Act, Action, Address, AnyKind, DecodeError, DigestKey, FieldChange, HostName, Lane, Observation, Seen,
};
use crate::state::State;

/// A plan for review, with everything needed to check that it is still valid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Saved {
    /// Version of the mainstay that planned.
    pub mainstay: String,
    /// The cluster's name.
    pub cluster: String,
    /// The purpose of the plan.
    pub mode: Mode,
    /// Lineage of the state that it was made from; a first plan brings the one that its apply
    /// starts the state with.
    pub lineage: String,
    /// Serial of that state; 0 when there was none.
    pub serial: u64,
    /// Its other inputs.
    pub basis: Basis,
    /// Lines of the keys of cluster.yaml that the plan names.
    pub origin: Origin,
    pub(super) control_planes: Vec<HostName>,
    pub(super) coverage: Coverage,
    pub(super) warnings: Vec<Warning>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) turns: Option<Warning>,
    #[serde(default)]
    pub(super) left_out: usize,
    #[serde(default)]
    pub(super) moved: usize,
    pub(super) changes: Vec<Item>,
}

/// The inputs of a plan besides the state and the hosts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Basis {
    /// SHA-256 of cluster.yaml.
    pub cluster_yaml: String,
    /// Keyed digests of the files that it names, by the key that names them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, String>,
    /// How it was planned.
    pub options: Options,
}

/// How to plan in the same way again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Options {
    /// On simulated hosts.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub simulate: bool,
    /// The selection and the resources to replace.
    #[serde(default)]
    pub selection: Selection,
}

/// Where cluster.yaml says what a plan names. A value, so that a saved plan still knows it when the
/// file has moved on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// cluster.yaml as the user named it.
    pub file: String,
    /// Lines by JSON pointer; only of pointers that the plan names.
    pub lines: BTreeMap<String, u32>,
}

/// One change: its display data, and digests of its inputs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Item {
    pub(super) address: Address,
    pub(super) action: Action,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) fields: Vec<FieldChange>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) reasons: Vec<Reason>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) problem: Option<Problem>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) refused: Option<Action>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) warning: Option<String>,
    /// The declared or recorded attributes, secrets masked.
    pub(super) attributes: Option<Value>,
    /// Keyed digest of the same with their secrets.
    pub(super) declared: Option<String>,
    /// Recorded attributes, secrets masked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) recorded: Option<Value>,
    /// The observation with secrets masked; none if unknown.
    pub(super) seen: Option<Observation>,
    /// Keyed digest of the same, nothing masked.
    pub(super) observed: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) needs: BTreeSet<Address>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) reacting: BTreeSet<Address>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) after: BTreeSet<Address>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) lane: Option<Lane>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) act: Option<Act>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) resumes: bool,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) reacts_to: BTreeSet<Address>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) moved: Option<Address>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) rerecord: bool,
}

/// The key of the digests of a plan that is made from this state.
pub fn digest_key(state: &State) -> DigestKey {
    if state.serial == 0 { DigestKey::new(state.lineage.clone()) } else { state.digest_key() }
}

impl Saved {
    /// The plan as it is saved; `key` as [`digest_key`] has it.
    pub fn of(plan: &Plan, key: &DigestKey, basis: Basis, origin: Origin) -> Self {
        Self {
            mainstay: env!("CARGO_PKG_VERSION").to_owned(),
            cluster: plan.cluster.clone(),
            mode: plan.mode,
            lineage: plan.lineage.clone(),
            serial: plan.serial,
            basis,
            origin,
            control_planes: plan.control_planes.clone(),
            coverage: plan.coverage.clone(),
            warnings: plan.warnings.clone(),
            turns: plan.turns.clone(),
            left_out: plan.left_out,
            moved: plan.moved,
            changes: plan.changes.iter().map(|change| Item::of(change, key)).collect(),
        }
    }

    /// The plan to show. It cannot be carried out: it has masks where secrets belong.
    ///
    /// # Errors
    /// When this version cannot read a resource that another one has written.
    pub fn plan(&self, decode: &Decode<'_>) -> Result<Plan, DecodeError> {
        Ok(Plan {
            cluster: self.cluster.clone(),
            mode: self.mode,
            lineage: self.lineage.clone(),
            serial: self.serial,
            changes: self.changes.iter().map(|item| item.change(decode)).collect::<Result<_, _>>()?,
            control_planes: self.control_planes.clone(),
            coverage: self.coverage.clone(),
            warnings: self.warnings.clone(),
            turns: self.turns.clone(),
            left_out: self.left_out,
            moved: self.moved,
        })
    }
}

/// What was declared, with the documents that are handed to programs and not recorded.
fn digest(resource: &dyn AnyKind, key: &DigestKey) -> String {
    let (digest, files) = (resource.digest(key), resource.files());
    key.digest(std::iter::once(digest.as_str()).chain(files.iter().map(|(_, text)| text.as_str())))
}

impl Item {
    pub(super) fn of(change: &Change, key: &DigestKey) -> Self {
        let resource = change.resource.as_deref();
        let observation = change.before.as_ref().map(|seen| &seen.observation);
        let seen = observation.map(|found| match (found, resource) {
            (Observation::Absent, _) => Observation::Absent,
            // Values that no kind can read may contain secrets.
            (Observation::Present(value), resource) => {
                Observation::Present(resource.and_then(|it| it.shown(value).ok()).unwrap_or_default())
            }
        });
        Self {
            address: change.address.clone(),
            action: change.action,
            fields: change.fields.clone(),
            reasons: change.reasons.clone(),
            problem: change.problem.clone(),
            refused: change.refused,
            warning: change.warning.clone(),
            attributes: resource.map(AnyKind::attributes),
            declared: resource.map(|it| digest(it, key)),
            recorded: change.recorded.clone(),
            seen,
            observed: observation.map(|it| key.digest([it.digest().as_str()])),
            needs: change.needs.clone(),
            reacting: change.reacting.clone(),
            after: change.after.clone(),
            lane: change.lane.clone(),
            act: change.act,
            resumes: change.resumes,
            reacts_to: change.reacts_to.clone(),
            moved: change.moved.clone(),
            rerecord: change.rerecord,
        }
    }

    fn change(&self, decode: &Decode<'_>) -> Result<Change, DecodeError> {
        let resource = self.attributes.as_ref().map(|attributes| decode(self.address.kind(), attributes));
        let before = self.seen.clone().map(|observation| Seen { observation, digest: String::new() }.into());
        Ok(Change {
            address: self.address.clone(),
            action: self.action,
            fields: self.fields.clone(),
            drift: None,
            reasons: self.reasons.clone(),
            problem: self.problem.clone(),
            refused: self.refused,
            warning: self.warning.clone(),
            resource: resource.transpose()?,
            recorded: self.recorded.clone(),
            before,
            prior: None,
            needs: self.needs.clone(),
            reacting: self.reacting.clone(),
            after: self.after.clone(),
            lane: self.lane.clone(),
            made_from: crate::resource::MadeFrom::default(),
            act: self.act,
            resumes: self.resumes,
            reacts_to: self.reacts_to.clone(),
            moved: self.moved.clone(),
            rerecord: self.rerecord,
        })
    }
}
