//! Requests to a fleet and their answers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::resource::{
    Address, AnyKind, Effect, HostFacts, Observation, Output, Prior, ProbeError, Script, Seen, Slots,
};

/// A resource to probe.
#[derive(Clone, Debug)]
pub struct Look {
    /// Its name.
    pub address: Address,
    /// Its desired or recorded state.
    pub resource: Arc<dyn AnyKind>,
}

/// Something that drifted, of which the host is asked how that came.
#[derive(Clone, Debug)]
pub struct Trail {
    /// Its name.
    pub address: Address,
    /// What was applied.
    pub resource: Arc<dyn AnyKind>,
    /// The observation.
    pub seen: Observation,
}

/// The answer of one look.
pub type LookResult = Result<Arc<Seen>, ProbeError>;

/// The answer of a host: base facts and all probes, from one round trip.
#[derive(Clone, Debug)]
pub struct HostReport {
    /// Base facts.
    pub facts: HostFacts,
    /// The looks' answers, by address.
    pub seen: BTreeMap<Address, LookResult>,
}

/// The purpose of a change; the simulated fleet depends on it.
#[derive(Clone, Copy, Debug)]
pub enum Purpose<'a> {
    /// To make the desired state so.
    Apply,
    /// To restore what was there before.
    Destroy(&'a Prior),
}

/// One act on a resource: look again, act, look once more, in one round trip.
#[derive(Clone, Debug)]
pub struct ActRequest<'a> {
    /// The resource's name.
    pub address: &'a Address,
    /// The resource.
    pub resource: &'a dyn AnyKind,
    /// What for.
    pub purpose: Purpose<'a>,
    /// Stop when the host's answer is not this any more ([`Seen::digest`]).
    pub expect: Option<&'a str>,
    /// What to run; nothing means only to look.
    pub act: Option<(&'a Script, &'a Slots)>,
    /// What running it means to the cluster; real hosts take no notice.
    pub effect: Option<&'a Effect>,
    /// Whether the resource is as it should be once this went well: its last script that acts, or the look where
    /// it has none. The simulated fleet stores accordingly; real hosts take no notice.
    pub completes: bool,
    /// Whether to look after the act; set for the last step, on the resource's own host.
    pub look_after: bool,
    /// Limit for the whole.
    pub timeout: Duration,
}

/// How an act ended.
#[derive(Clone, Debug, PartialEq)]
pub enum ActOutcome {
    /// The host does not look as the plan saw it; nothing was done.
    Stale {
        /// What it looks like now.
        now: Result<Observation, ProbeError>,
    },
    /// The script ran; its status may be a failure.
    Ran {
        /// The output of the script, without `@@keep` lines.
        output: Output,
        /// `@@keep NAME=VALUE` lines of its standard output.
        kept: BTreeMap<String, String>,
        /// The look after it, when one was asked for and the script succeeded.
        after: Option<LookResult>,
    },
}
