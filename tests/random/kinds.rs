//! Randomized runs cover every kind of resource, and its drift.

use std::collections::{BTreeMap, BTreeSet};

use mainstay::graph::Graph;
use mainstay::kinds::KINDS;
use mainstay::plan::follow;
use mainstay::resource::{Address, Observation};
use mainstay::state::State;
use serde_json::Value;

use crate::cluster::{CONTROL_PLANE, Host, LOAD_BALANCER, NAME, Seed, WORKER, Wanted, load};
use crate::drifting::{DRIFTING, STEADY, drifted};
use crate::knobs::{KNOBS, Knobs};

/// Kinds that no knob declares, with the reason.
const NOT_DECLARED: &[(&str, &str)] = &[("route", "only states of earlier versions have it; pod_routes superseded it")];

fn graph(knobs: Knobs) -> Option<Graph> {
    let host = |(machine, roles)| Host::new(machine, Seed { roles, marks: 1, priority: 0 });
    let hosts = [(1, CONTROL_PLANE), (2, CONTROL_PLANE), (3, WORKER), (4, LOAD_BALANCER)].map(host).to_vec();
    let wanted = Wanted { hosts, knobs, moved: Vec::new(), guards: Vec::new(), ignored: Vec::new() };
    let loaded = load(&wanted.yaml()).ok()?;
    let state = State::fresh(NAME, String::new(), String::new());
    let followed = follow(&state, &[]).ok()?;
    mainstay::flow::Wishes::gather(&loaded.cluster, &followed).ok()?.graph().ok()
}

/// Observations of each kind after an apply, over all values of each knob.
fn declared() -> BTreeMap<String, (Address, Value)> {
    let mut all = BTreeMap::new();
    for knob in KNOBS {
        for value in 0..8 {
            let mut knobs = Knobs::default();
            knobs.set(knob, value);
            for item in graph(knobs).iter().flat_map(Graph::items) {
                let seen = || (item.address.clone(), item.resource.simulate());
                all.entry(item.address.kind().to_owned()).or_insert_with(seen);
            }
        }
    }
    all
}

#[test]
fn a_knob_declares_every_kind() {
    let declared = declared();
    for kind in KINDS.iter().map(|kind| kind.name) {
        let exempt = NOT_DECLARED.iter().any(|(name, _)| *name == kind);
        assert!(
            declared.contains_key(kind) || exempt,
            "no randomized run has a {kind}: set its key for some value of a knob in tests/random/knobs.rs"
        );
        assert!(
            !declared.contains_key(kind) || !exempt,
            "{kind} is declared: remove it from NOT_DECLARED in tests/random/kinds.rs"
        );
    }
}

#[test]
fn every_kind_drifts_or_says_why_not() {
    let steady: BTreeSet<&str> = STEADY.iter().map(|(kind, _)| *kind).collect();
    for kind in KINDS.iter().map(|kind| kind.name) {
        assert!(
            DRIFTING.contains(&kind) != steady.contains(kind),
            "{kind} belongs in exactly one of DRIFTING and STEADY (with the reason) of tests/random/drifting.rs"
        );
    }
    for (kind, (address, seen)) in declared().iter().filter(|(kind, _)| DRIFTING.contains(&kind.as_str())) {
        for how in 4..12 {
            assert!(
                drifted(address, seen, how) != Observation::Present(seen.clone()),
                "drifted() of tests/random/drifting.rs changes nothing of a {kind}: add how others change it"
            );
        }
    }
}
