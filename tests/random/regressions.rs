//! What randomized runs have found, each as a case of its own.

use crate::case::Case;
use crate::cluster::{CONTROL_PLANE, Host, Seed, WORKER, Wanted};
use crate::driver::play;
use crate::edits::Edit;
use crate::knobs::Knobs;
use crate::operations::Operation;
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
