//! The plan as a value.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::resource::{Action, Address, AnyKind, FieldChange, HostName, Lane, MadeFrom, Observation, Prior, Seen};

/// What a plan is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// To make the hosts match cluster.yaml.
    Apply,
    /// To put back what was there before.
    Destroy,
    /// To record what the hosts look like now; no host is touched.
    Refresh,
}

/// Why a change is planned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "reason", rename_all = "snake_case", deny_unknown_fields)]
pub enum Reason {
    /// Declared and not there, never recorded.
    New,
    /// Observed differs from recorded: somebody changed it outside mainstay.
    Drift,
    /// It was made and is gone.
    Gone,
    /// Declared differs from recorded because this key of cluster.yaml changed.
    Pending {
        /// JSON pointer, for example `/endpoint/port`; a segment `*` is every key there.
        source: String,
    },
    /// It is there, was not made by mainstay and differs from what is declared.
    NotMadeByMainstay,
    /// It is there already as declared.
    AlreadyRight,
    /// No key of cluster.yaml changed: it is another version of mainstay, another fact of the host, another secret, or
    /// drift that a refresh has noted.
    Recomputed,
    /// Something that it reacts to changes.
    Reacts {
        /// What changes.
        to: Address,
    },
    /// An earlier run was cut off in the middle of it.
    Interrupted,
    /// It is recorded and no longer declared.
    Removed,
    /// It is recorded, and cluster.yaml leaves it to somebody else now.
    HandedOver {
        /// The key that says so, as a JSON pointer, for example `/kubernetes/packages/source`.
        source: String,
        /// The key's value.
        value: String,
    },
    /// It ends with something else that is destroyed.
    EndsWith {
        /// What it is part of.
        whole: Address,
    },
    /// The whole cluster is destroyed.
    Destroyed,
    /// There is no cluster yet, and this control plane begins it with `kubeadm init`.
    Founds,
    /// The user asked for it (`--replace`).
    Requested,
    /// The same thing was recorded under another address; the record moves, the host is not touched.
    Moved {
        /// The address that it had (on the new one) or has from now on (on the old one).
        other: Address,
    },
}

/// Why nothing can be planned for a resource. Nothing is guessed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "problem", rename_all = "snake_case", deny_unknown_fields)]
pub enum Problem {
    /// Its host could not be looked at, or answered oddly.
    Unknown {
        /// What went wrong.
        text: String,
    },
    /// It depends on one that is unknown.
    Blocked {
        /// The unknown one.
        by: Address,
    },
    /// A guard or its kind refuses the change.
    Refused {
        /// Why, and what to do.
        text: String,
    },
}

/// How the host differs from what was applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Drifted {
    /// It was applied and is not there any more.
    Gone,
    /// In these fields; `before` as it was applied, `after` as it is on the host.
    Differs(Vec<FieldChange>),
}

/// What is planned for one resource.
#[derive(Clone, Debug)]
pub struct Change {
    /// Its name.
    pub address: Address,
    /// What to do. `NoOp` when there is a problem.
    pub action: Action,
    /// In what fields; empty for create, destroy, adopt, forget and plain reactions.
    pub fields: Vec<FieldChange>,
    /// How the host differs from what was applied; nothing where it does not, or where that is not known.
    pub drift: Option<Drifted>,
    /// Why; the first one is the main one.
    pub reasons: Vec<Reason>,
    /// Why nothing can be planned.
    pub problem: Option<Problem>,
    /// What would have been done, where a guard or its kind refuses it.
    pub refused: Option<Action>,
    /// What people must know before they approve.
    pub warning: Option<String>,
    /// The declared resource, or the recorded one when it is destroyed.
    pub resource: Option<Arc<dyn AnyKind>>,
    /// Recorded attributes, secrets masked. Only where something is done.
    pub recorded: Option<Value>,
    /// What the look found, and its digest.
    pub before: Option<Seen>,
    /// What was there before mainstay took it over: recorded, or what the look found just now.
    /// Only where the record is written or destroyed.
    pub prior: Option<Prior>,
    /// What it needs, for the record.
    pub needs: BTreeSet<Address>,
    /// Keys of cluster.yaml that it is made from, for the record.
    pub made_from: MadeFrom,
    /// Which resources react when this one changes.
    pub reacting: BTreeSet<Address>,
    /// Planned changes that must have ended well before this one starts.
    pub after: BTreeSet<Address>,
    /// Its lane.
    pub lane: Option<Lane>,
    /// Whether it begins the cluster; see [`crate::resource::Act::Found`].
    pub founds: bool,
    /// On a no-op: the record no longer says what is declared, needed or seen, although the host is
    /// right. Whoever carries the plan out writes the record anew, without touching the host.
    pub rerecord: bool,
}

impl Change {
    /// On a forgotten one: where the same thing goes on, which inherits what was there before mainstay.
    pub fn heir(&self) -> Option<&Address> {
        match self.reasons.first() {
            Some(Reason::Moved { other }) if self.action == Action::Forget => Some(other),
            _ => None,
        }
    }
}

/// What was looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Coverage {
    /// Hosts that answered.
    pub reached: BTreeSet<HostName>,
    /// Hosts that did not, and why.
    pub unreached: BTreeMap<HostName, String>,
    /// Resources that were looked at.
    pub resources: usize,
}

/// How many of each action.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Create, and the create half of replace.
    pub add: usize,
    /// Update.
    pub change: usize,
    /// Destroy, and the destroy half of replace.
    pub destroy: usize,
    /// Adopt.
    pub adopt: usize,
    /// Forget.
    pub forget: usize,
    /// Problems.
    pub problems: usize,
}

/// What would change.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The cluster's name.
    pub cluster: String,
    /// What it is for.
    pub mode: Mode,
    /// Lineage of the state that it was made from.
    pub lineage: String,
    /// Serial of that state.
    pub serial: u64,
    /// Every resource, no-ops too, in an order in which they could run.
    pub changes: Vec<Change>,
    /// Hosts that may carry out what belongs to the cluster: the control planes that stay first.
    pub control_planes: Vec<HostName>,
    /// What was looked at.
    pub coverage: Coverage,
    /// What people must know and what belongs to no single change.
    pub warnings: Vec<String>,
    /// In which turns running hosts are interrupted, for people; the order itself is in [`Change::after`].
    pub turns: Option<String>,
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

    /// Whether all goes, and no control plane stays: because others made it, or because of what cannot be looked at and
    /// needs it. One that itself cannot be looked at keeps nothing: a cluster that is beyond help must be destroyable.
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
