//! The plan as a value.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::resource::{Act, Action, Address, AnyKind, FieldChange, HostName, Lane, MadeFrom, Observation, Prior, Seen};

/// The purpose of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// To make the hosts match cluster.yaml.
    Apply,
    /// To restore what was there before.
    Destroy,
    /// To update the state to match the hosts; no host is changed.
    Refresh,
}

/// Why a change is planned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "reason", rename_all = "snake_case", deny_unknown_fields)]
pub enum Reason {
    /// Declared, absent, and not in the state.
    New,
    /// The observed resource differs from the recorded one: it was changed outside mainstay.
    Drift,
    /// It is recorded but was deleted.
    Gone,
    /// The declared resource differs from the recorded one because this key of cluster.yaml changed.
    Pending {
        /// JSON pointer, for example `/endpoint/port`; a segment `*` is every key there.
        source: String,
    },
    /// It exists, was not created by mainstay and differs from what is declared.
    NotMadeByMainstay,
    /// It exists and is already as declared.
    AlreadyRight,
    /// No key of cluster.yaml changed: the mainstay version, a host fact or a secret changed, or a refresh recorded
    /// drift.
    Recomputed,
    /// A resource that it reacts to changes.
    Reacts {
        /// What changes.
        to: Address,
    },
    /// An earlier run was interrupted while it changed the resource.
    Interrupted,
    /// It is recorded and no longer declared.
    Removed,
    /// It is recorded, and cluster.yaml now declares it as managed by someone else.
    HandedOver {
        /// The key that declares it, as a JSON pointer, for example `/kubernetes/packages/source`.
        source: String,
        /// The key's value.
        value: String,
    },
    /// It is deleted together with another resource that is destroyed.
    EndsWith {
        /// The resource that it belongs to.
        whole: Address,
    },
    /// The whole cluster is destroyed.
    Destroyed,
    /// This control plane creates the cluster with `kubeadm init`.
    Founds,
    /// The user asked for it (`--replace`).
    Requested,
    /// The resource was recorded under another address; the state entry moves, the host is not changed.
    Moved {
        /// The previous address (on the new entry) or the new address (on the old entry).
        other: Address,
    },
}

impl Reason {
    /// The key of cluster.yaml that it names, as a JSON pointer.
    pub fn source(&self) -> Option<&str> {
        match self {
            Self::Pending { source } | Self::HandedOver { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// Why nothing can be planned for a resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "problem", rename_all = "snake_case", deny_unknown_fields)]
pub enum Problem {
    /// Its host was unreachable, or its probe output was unexpected.
    Unknown {
        /// What went wrong.
        text: String,
    },
    /// It depends on a resource whose status is unknown.
    Blocked {
        /// The unknown one.
        by: Address,
    },
    /// A guard or its kind refuses the change.
    Refused {
        /// The reason, and what to do.
        text: String,
    },
}

/// How the host differs from the applied resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Drifted {
    /// The resource was deleted.
    Gone,
    /// These fields differ; `before` is the applied value, `after` the value on the host.
    Differs(Vec<FieldChange>),
}

/// The planned change of one resource.
#[derive(Clone, Debug)]
pub struct Change {
    /// Its name.
    pub address: Address,
    /// The action; `NoOp` if there is a problem.
    pub action: Action,
    /// The fields that change; empty for create, destroy, adopt, forget and reactions.
    pub fields: Vec<FieldChange>,
    /// How the host differs from the applied resource; none if it does not differ or is unknown.
    pub drift: Option<Drifted>,
    /// The reasons, for people only; the first one is the main one.
    pub reasons: Vec<Reason>,
    /// What the kind is asked for; none if nothing is created or updated.
    pub act: Option<Act>,
    /// Whether an earlier run did not finish the change, so that anything may be there.
    pub resumes: bool,
    /// Changes that it reacts to.
    pub reacts_to: BTreeSet<Address>,
    /// The other address of a resource that moved: the previous one, or on a forgotten resource the new one, which
    /// inherits the prior values.
    pub moved: Option<Address>,
    /// Why nothing can be planned.
    pub problem: Option<Problem>,
    /// The refused action, if a guard or the kind refuses the change.
    pub refused: Option<Action>,
    /// A warning to show before approval.
    pub warning: Option<String>,
    /// The declared resource, or the recorded one when it is destroyed.
    pub resource: Option<Arc<dyn AnyKind>>,
    /// Recorded attributes, secrets masked. Only where something is done.
    pub recorded: Option<Value>,
    /// The observation and its digest.
    pub before: Option<Arc<Seen>>,
    /// What was there before mainstay took it over: recorded, or observed just now. Only where the record is written
    /// or destroyed.
    pub prior: Option<Prior>,
    /// Its dependencies, for the state entry.
    pub needs: BTreeSet<Address>,
    /// Keys of cluster.yaml that it is made from, for the record.
    pub made_from: MadeFrom,
    /// Which resources react when this one changes.
    pub reacting: BTreeSet<Address>,
    /// Planned changes that must have ended well before this one starts.
    pub after: BTreeSet<Address>,
    /// Its lane.
    pub lane: Option<Lane>,
    /// On a no-op: the state entry is outdated although the host is correct. Applying the plan rewrites the entry
    /// without changing the host.
    pub rerecord: bool,
}

impl Change {
    /// On a forgotten resource: the new address of the same object.
    pub fn heir(&self) -> Option<&Address> {
        self.moved.as_ref().filter(|_| self.action == Action::Forget)
    }
}

/// What was checked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Coverage {
    /// Hosts that answered.
    pub reached: BTreeSet<HostName>,
    /// Hosts that did not answer, with the reasons.
    pub unreached: BTreeMap<HostName, String>,
    /// Resources that were checked.
    pub resources: usize,
}

/// How many of each action.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Create; also the second half of a replacement.
    pub add: usize,
    /// Update.
    pub change: usize,
    /// Destroy; also the first half of a replacement.
    pub destroy: usize,
    /// Adopt.
    pub adopt: usize,
    /// Forget.
    pub forget: usize,
    /// Problems.
    pub problems: usize,
}

/// Importance of a warning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Something stops, is lost or loses its protection.
    Danger,
    /// Nothing is at risk.
    Notice,
}

/// A warning to show before approval that belongs to no single change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Warning {
    /// Importance.
    pub level: Level,
    /// Name for programs, for example `partial-plan`.
    pub code: String,
    /// The affected resources; empty if it affects the plan as a whole.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub addresses: BTreeSet<Address>,
    /// The warning, for people.
    pub text: String,
}

impl Warning {
    /// A warning that something stops, is lost or loses its protection.
    pub fn danger(code: &str, text: String) -> Self {
        Self { level: Level::Danger, code: code.to_owned(), addresses: BTreeSet::new(), text }
    }

    /// A warning that puts nothing at risk.
    pub fn notice(code: &str, text: String) -> Self {
        Self { level: Level::Notice, ..Self::danger(code, text) }
    }

    /// The same about these resources.
    #[must_use]
    pub fn about<'a>(self, addresses: impl IntoIterator<Item = &'a Address>) -> Self {
        Self { addresses: addresses.into_iter().cloned().collect(), ..self }
    }
}

/// A plan.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The cluster's name.
    pub cluster: String,
    /// Its purpose.
    pub mode: Mode,
    /// Lineage of the state that it was made from.
    pub lineage: String,
    /// Serial of that state.
    pub serial: u64,
    /// Every resource, no-ops too, in an order in which they could run.
    pub changes: Vec<Change>,
    /// Control planes for cluster-wide resources; those that stay come first.
    pub control_planes: Vec<HostName>,
    /// What was checked.
    pub coverage: Coverage,
    /// Warnings that belong to no single change.
    pub warnings: Vec<Warning>,
    /// In which turns running hosts are interrupted; the order itself is in [`Change::after`].
    pub turns: Option<Warning>,
    /// How many resources are not in `changes` because `--target` or `--exclude` leaves them out.
    pub left_out: usize,
    /// How many records get another address because `lifecycle.moved` says so.
    pub moved: usize,
}

impl Plan {
    /// How many of each action.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for change in &self.changes {
            counts.problems += usize::from(change.problem.is_some());
            match change.action {
                Action::NoOp => {}
                Action::Create => counts.add += 1,
                Action::Update => counts.change += 1,
                Action::Replace => {
                    counts.add += 1;
                    counts.destroy += 1;
                }
                Action::Destroy => counts.destroy += 1,
                Action::Adopt => counts.adopt += 1,
                Action::Forget => counts.forget += 1,
            }
        }
        counts
    }

    /// Whether the whole cluster is destroyed and no control plane stays. An unreachable control plane does not count
    /// as staying: a cluster beyond repair must be destroyable.
    pub fn ends_the_cluster(&self) -> bool {
        let there = |change: &Change| change.before.as_ref().is_some_and(|it| it.observation != Observation::Absent);
        let stays = |change: &Change| match (&change.problem, change.action) {
            (Some(Problem::Unknown { .. }), _) => false,
            (Some(_), _) => true,
            (None, action) => action == Action::Forget && there(change),
        };
        let mut planes = self.changes.iter().filter(|change| change.address.is_control_plane());
        self.mode == Mode::Destroy && self.left_out == 0 && !planes.any(stays)
    }

    /// How many changes a guard or a kind refuses. Such a plan is not carried out at all: the rest of it is made for a
    /// cluster in which those changes have happened, too; a load balancer on a new port, say, that the hosts were never
    /// told of.
    pub fn refusals(&self) -> usize {
        self.changes.iter().filter(|change| matches!(change.problem, Some(Problem::Refused { .. }))).count()
    }

    /// Whether there is nothing to do and nothing unknown.
    pub fn is_empty(&self) -> bool {
        self.counts() == Counts::default() && self.moved == 0
    }
}
