//! What differs on the hosts from what was applied, and what of cluster.yaml was not applied yet.
//!
//! | recorded | observed, in what mainstay keeps | declared | label |
//! |---|---|---|---|
//! | yes | as recorded | as recorded | none: all is well |
//! | yes | differs, or gone | as recorded | drift |
//! | yes | as recorded | differs, or no longer declared | pending |
//! | yes | differs, or gone | differs, or no longer declared | both |
//! | yes | differs | differs, and says what is observed | both: the host was changed first, apply only records it |
//! | yes | differs only in what mainstay does not keep (an unpinned package's version) | any | not drift: apply would not touch it |
//! | interrupted, or half-way between a file and its service | any | any | pending: what an apply left half-way was not changed by others |
//! | at another address | any | any | pending, at the old address; drift is told there, too |
//! | no | any | yes | pending: not applied yet, whoever made what is there |
//! | yes | unknown | any | unseen; pending, too, when declared differs, as far as that does not depend on the host's facts |
//!
//! A resource that reacts to one of these is no entry of its own, unless an earlier run still owes it that.
//! Drift that `lifecycle.ignoreDrift` covers is counted and left out; what is gone altogether is never ignored.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;

use super::diff::Verdict;
use super::keys;
use super::make::Inputs;
use super::model::{Change, Drifted, Mode, Plan, Problem, Reason, Warning};
use crate::resource::{Address, Declared, FieldChange, HostName, Trace};
use crate::state::{Record, Status};

/// The answer of `mainstay drift`. It holds no resource and no step: nothing can be done with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    /// The cluster's name.
    pub cluster: String,
    /// Lineage of the state that the hosts were compared with.
    pub lineage: String,
    /// Serial of that state.
    pub serial: u64,
    /// What differs, in the order in which apply would see to it.
    pub entries: Vec<Entry>,
    /// What was looked at, and what was not.
    pub coverage: Seeing,
    /// What people must know and what belongs to no single resource.
    pub warnings: Vec<Warning>,
}

/// One resource that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub address: Address,
    /// In what sense.
    pub label: Label,
    /// Whether it was applied and is not there any more.
    pub gone: bool,
    /// On drift: `before` as it was applied, `after` as it is on the host.
    pub fields: Vec<FieldChange>,
    /// When pending: what of cluster.yaml was not applied yet.
    pub pending: Vec<Reason>,
    /// Whether the pending change counts only at creation.
    pub at_creation: bool,
    /// JSON pointer to what declares it, when something does.
    pub source: Option<String>,
    /// On drift, what the host can tell of it.
    pub trace: Option<Trace>,
}

/// Drift is observed ≠ recorded, pending is declared ≠ recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Label {
    /// The host differs from what was applied.
    Drift,
    /// cluster.yaml differs from what was applied.
    Pending,
    /// Each differs from what was applied.
    Both,
}

/// What was looked at. Resources are those on record: only they can drift.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Seeing {
    /// Hosts that answered.
    pub reached: BTreeSet<HostName>,
    /// Hosts that did not, and why.
    pub unreached: BTreeMap<HostName, String>,
    /// Resources on record.
    pub resources: BTreeSet<Address>,
    /// Those of them that could not be seen, and why.
    pub unseen: BTreeMap<Address, String>,
    /// Drift that a pattern of `lifecycle.ignoreDrift` covers, by that pattern.
    pub ignored: BTreeMap<String, Vec<Address>>,
}

/// What it comes to. Later ones outweigh earlier ones: "no drift" cannot be said as long as something was not seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The hosts are as they were applied, and cluster.yaml wishes nothing else.
    Clean,
    /// No drift, but cluster.yaml differs from what was applied.
    Pending,
    /// No drift in what was seen, but not everything could be seen.
    Unseen,
    /// Drift.
    Drift,
}

impl Drift {
    /// Compares. `plan` must have been made from `inputs`.
    pub fn of(inputs: &Inputs<'_>, plan: &Plan) -> Self {
        let mut drift = Self {
            cluster: plan.cluster.clone(),
            lineage: plan.lineage.clone(),
            serial: plan.serial,
            entries: Vec::new(),
            coverage: Seeing {
                reached: plan.coverage.reached.clone(),
                unreached: plan.coverage.unreached.clone(),
                resources: inputs.state.resources.keys().cloned().collect(),
                ..Seeing::default()
            },
            warnings: plan.warnings.clone(),
        };
        // Their old addresses tell of them.
        let heirs: BTreeSet<&Address> = plan.changes.iter().filter_map(Change::heir).collect();
        for change in plan.changes.iter().filter(|change| !heirs.contains(&&change.address)) {
            drift.judge(change, inputs);
        }
        drift
    }

    /// What it comes to.
    pub fn answer(&self) -> Answer {
        let drift = self.drifted().next().map(|_| Answer::Drift);
        let unseen = (!self.coverage.unseen.is_empty()).then_some(Answer::Unseen);
        let pending = (!self.entries.is_empty()).then_some(Answer::Pending);
        [drift, unseen, pending].into_iter().flatten().max().unwrap_or(Answer::Clean)
    }

    /// Takes back what was said of cluster.yaml about resources of which it is not known what cluster.yaml declares.
    pub fn not_compared(&mut self, resources: &BTreeSet<Address>, why: &str) {
        self.entries.retain_mut(|entry| {
            if !resources.contains(&entry.address) || entry.label == Label::Drift {
                return true;
            }
            entry.pending.clear();
            let drift = entry.label == Label::Both;
            entry.label = Label::Drift;
            drift
        });
        for address in resources.intersection(&self.coverage.resources) {
            if self.entries.iter().all(|entry| entry.address != *address) {
                self.coverage.unseen.entry(address.clone()).or_insert_with(|| why.to_owned());
            }
        }
    }

    /// The entries that are drift.
    pub fn drifted(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.label != Label::Pending)
    }

    /// Takes what the hosts can tell of what drifted.
    pub fn traced(&mut self, mut traces: BTreeMap<Address, Trace>) {
        for entry in &mut self.entries {
            entry.trace = traces.remove(&entry.address);
        }
    }

    fn judge(&mut self, change: &Change, inputs: &Inputs<'_>) {
        let address = &change.address;
        let declared = inputs.graph.number(address).map(|number| &inputs.graph.items()[number]);
        let record = inputs.state.record(address);
        let pending = pending(change, declared, record, inputs);
        if let (Some(_), Some(Problem::Unknown { text })) = (record, &change.problem) {
            self.coverage.unseen.insert(address.clone(), text.clone());
        }
        let (drift, gone, fields) = match change.drift.clone() {
            None => (false, false, Vec::new()),
            Some(Drifted::Gone) => (true, true, Vec::new()),
            Some(Drifted::Differs(fields)) => match ignored(address, inputs) {
                Some(pattern) => {
                    self.coverage.ignored.entry(pattern).or_default().push(address.clone());
                    (false, false, Vec::new())
                }
                None => (true, false, fields),
            },
        };
        let label = match (drift, !pending.is_empty()) {
            (false, false) => return,
            (true, false) => Label::Drift,
            (false, true) => Label::Pending,
            (true, true) => Label::Both,
        };
        let source = declared.map(|declared| declared.source.clone());
        let at_creation = change.fields.iter().any(|field| field.at_creation);
        self.entries.push(Entry {
            address: address.clone(),
            label,
            gone,
            fields,
            pending,
            at_creation,
            source,
            trace: None,
        });
    }
}

impl Answer {
    /// The exit code, as the README publishes it.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Clean => 0,
            Self::Drift => 2,
            Self::Pending => 3,
            Self::Unseen => 4,
        }
    }
}

/// The pattern that covers drift at this address.
fn ignored(address: &Address, inputs: &Inputs<'_>) -> Option<String> {
    inputs.ignore_drift.iter().find(|pattern| pattern.matches(address)).map(|pattern| pattern.as_str().to_owned())
}

/// What of cluster.yaml was not applied yet, as the plan says it and where the plan has nothing to do for it.
fn pending(change: &Change, declared: Option<&Declared>, record: Option<&Record>, inputs: &Inputs<'_>) -> Vec<Reason> {
    let owed = inputs.state.reactions.get(&change.address);
    let of_the_wish = |reason: &&Reason| match reason {
        Reason::Drift | Reason::Gone | Reason::Destroyed | Reason::Founds => false,
        // A rename is reported once, as a notice.
        Reason::Moved { .. } => !inputs.moved.contains_key(&change.address),
        Reason::Reacts { to } => owed.is_some_and(|owed| owed.contains(to)),
        _ => true,
    };
    let mut reasons: Vec<Reason> = change.reasons.iter().filter(of_the_wish).cloned().collect();
    if reasons.is_empty() {
        match (declared, record) {
            (_, Some(record)) if record.status == Status::Interrupted => reasons.push(Reason::Interrupted),
            (Some(declared), Some(record)) if is_unknown(change) && changed(declared, record, inputs) => {
                reasons.extend(keys::pending(declared, record, false));
            }
            (Some(_), None) => reasons.push(Reason::New),
            (None, _) if inputs.mode == Mode::Apply => reasons.push(Reason::of_undeclared(&change.address, inputs)),
            _ => {}
        }
    }
    reasons
}

fn is_unknown(change: &Change) -> bool {
    matches!(change.problem, Some(Problem::Unknown { .. }))
}

/// Whether what is declared is another thing than what is on record, as far as is known what is declared.
fn changed(declared: &Declared, record: &Record, inputs: &Inputs<'_>) -> bool {
    !declared.guessed && declared.resource.digest(&inputs.state.digest_key()) != record.digest
}

/// Whether a change would only put right what `lifecycle.ignoreDrift` covers: then apply leaves it as it is.
pub(super) fn is_ignored(address: &Address, verdict: &Verdict, inputs: &Inputs<'_>) -> bool {
    verdict.only_drift && ignored(address, inputs).is_some()
}

#[cfg(test)]
mod tests;
