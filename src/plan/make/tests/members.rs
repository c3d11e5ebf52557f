//! What control planes that were only begun, or become workers, mean for those that are whole.

use serde_json::json;

use super::world::World;
use crate::plan::Problem;
use crate::resource::{Action, Lane, Observation, Seen};

/// What a look finds of kubeadm on a host.
fn kubeadm(size: u32, complete: bool) -> Seen {
    let is = json!({ "value": "1", "size": size, "text": "", "noise": 0, "complete": complete });
    let observation = Observation::Present(is);
    Seen { digest: observation.digest(), observation }
}

fn address(host: u8, component: &str) -> String {
    format!("cp{host}/{component}/member")
}

/// Recorded control planes, whole or only begun, of which the first ones are declared workers now.
fn demoted(whole: &[bool], workers: u8) -> World {
    let mut world = World::default();
    for (host, &whole) in (1_u8..).zip(whole) {
        let plane = address(host, "control-plane");
        world.made(&plane, "1", &[]).hosts(&plane, kubeadm(0, whole));
        if host <= workers {
            let worker = address(host, "worker");
            world.declare(&worker, "1", &[], &[]).hosts(&worker, kubeadm(1, whole));
        } else {
            world.declare(&plane, "1", &[], &[]);
        }
    }
    world
}

fn refusal(world: &World, at: &str) -> Option<String> {
    let plan = world.plan();
    let change = world.change(&plan, at);
    match &change.problem {
        Some(Problem::Refused { text }) => Some(text.clone()),
        problem => {
            assert_eq!((change.action, problem), (Action::Replace, &None));
            None
        }
    }
}

#[test]
fn a_control_plane_that_becomes_a_worker_leaves() {
    for (whole, workers, refused) in
        [(&[true; 3][..], 1, false), (&[true; 3], 2, true), (&[true; 2], 1, false), (&[true; 1], 1, true)]
    {
        let world = demoted(whole, workers);
        assert_eq!(refusal(&world, "cp1/worker/member").is_some(), refused, "{workers} of {}", whole.len());
    }
}

#[test]
fn those_that_become_workers_leave_etcd_one_after_another() {
    let mut world = demoted(&[true; 5], 2);
    world.state.resources.values_mut().for_each(|record| record.lane = Some(Lane::ControlPlane));
    let plan = world.plan();
    for host in [1, 2] {
        let change = world.change(&plan, &address(host, "worker"));
        assert_eq!((change.action, &change.lane), (Action::Replace, &Some(Lane::ControlPlane)));
    }
}

#[test]
fn those_that_are_whole_are_not_exchanged_for_what_was_only_begun() {
    let refused = refusal(&demoted(&[true, false], 1), "cp1/worker/member");
    insta::assert_snapshot!(refused.unwrap(), @"cp1 cannot be removed: the remaining control planes (cp2) are incomplete. Apply without this change first.");
    assert_eq!(refusal(&demoted(&[true, true, false], 1), "cp1/worker/member"), None);
    // Nothing that is whole goes.
    assert_eq!(refusal(&demoted(&[false, false], 1), "cp1/worker/member"), None);
}
