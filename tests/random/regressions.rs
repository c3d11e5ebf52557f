//! What randomized runs have found, each as a case of its own.

use crate::case::Case;
use crate::cluster::{CONTROL_PLANE, Host, LOAD_BALANCER, Seed, WORKER, Wanted};
use crate::driver::play;
use crate::edits::Edit;
use crate::knobs::{KNOBS, Knob, Knobs};
use crate::operations::{Operation, Part, Run};
use crate::settle::calm;

const PLANE: Seed = Seed { roles: CONTROL_PLANE, marks: 0, priority: 0 };

/// One control plane that runs workloads, then these operations, then the end that every case has.
fn broken(operations: Vec<Operation>) -> Option<String> {
    let first = Host::new(1, Seed { roles: CONTROL_PLANE | WORKER, ..PLANE });
    let wanted = Wanted {
        hosts: vec![first],
        knobs: Knobs::default(),
        moved: Vec::new(),
        guards: Vec::new(),
        ignored: Vec::new(),
    };
    play(&Case { wanted, before: Vec::new(), operations }).broken
}

fn apply() -> Operation {
    Operation::Apply(calm())
}

/// The new one's keepalived was started before the others had it among their peers, so it heard nobody and took the
/// virtual IP, too.
#[test]
fn a_load_balancer_that_is_new_does_not_take_the_virtual_ip_as_well() {
    let grows =
        vec![apply(), Operation::Edit(Edit::Add(1, PLANE)), apply(), Operation::Edit(Edit::Add(0, PLANE)), apply()];
    assert_eq!(broken(grows), None);
}

/// The others were told that it is gone while it still spoke.
#[test]
fn a_load_balancer_that_goes_does_not_keep_the_virtual_ip() {
    let add = || Operation::Edit(Edit::Add(1, PLANE));
    let shrinks = vec![add(), add(), apply(), Operation::Edit(Edit::Remove(2)), apply()];
    assert_eq!(broken(shrinks), None);
}

/// The control plane that stayed there needed the old one, as recorded, and the new one, as declared: a circle, and what
/// gave way was that the old one goes first.
#[test]
fn a_load_balancer_that_leaves_a_control_plane_lets_go_of_the_virtual_ip_first() {
    let balancer = Seed { roles: LOAD_BALANCER, ..PLANE };
    let moves = vec![apply(), Operation::Edit(Edit::Add(1, balancer)), apply()];
    assert_eq!(broken(moves), None);
}

/// Host by host there are two groups that do not hear each other.
#[test]
fn what_load_balancers_must_agree_on_is_not_changed_one_by_one() {
    let add = || Operation::Edit(Edit::Add(1, PLANE));
    let knob = KNOBS.iter().position(|it| *it == Knob::Keepalived).and_then(|it| u8::try_from(it).ok()).unwrap();
    let changes = vec![add(), apply(), Operation::Edit(Edit::Knob(knob, 1)), apply()];
    assert_eq!(broken(changes), None);
}

/// The one that held the virtual IP was left out, and did not speak to the one that came.
#[test]
fn load_balancers_that_change_are_not_planned_apart() {
    let add = || Operation::Edit(Edit::Add(1, PLANE));
    let part = Operation::Apply(Run { part: Part::Without(0), ..calm() });
    assert_eq!(broken(vec![add(), apply(), add(), part]), None);
}
