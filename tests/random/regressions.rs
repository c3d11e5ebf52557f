//! What randomized runs have found, each as a case of its own.

use crate::case::Case;
use crate::cluster::{CONTROL_PLANE, Host, LOAD_BALANCER, OTHER_ADDRESS, Seed, WORKER, Wanted};
use crate::driver::play;
use crate::edits::Edit;
use crate::knobs::{KNOBS, Knob, Knobs};
use crate::operations::{Operation, Other, Part, Run};
use crate::settle::calm;
use crate::weather::{Kill, Weather};

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

/// It had recorded that control planes need load balancers that it never made, so those that were there went first, and a
/// control plane left etcd a dead member.
#[test]
fn load_balancers_go_last_after_an_apply_that_was_killed() {
    let balancer = Seed { roles: LOAD_BALANCER, ..PLANE };
    let both = Seed { roles: CONTROL_PLANE | LOAD_BALANCER, ..PLANE };
    let weather = Weather { kill: Some(Kill::Act(0)), ..Weather::default() };
    let added = [(1, balancer), (2, both), (3, PLANE)].map(|(at, seed)| Operation::Edit(Edit::Add(at, seed)));
    let removed = [Operation::Edit(Edit::Remove(1)), Operation::Edit(Edit::Remove(1))];
    let killed = [Operation::Apply(Run { weather, ..calm() }), Operation::Destroy(calm())];
    let all = added.into_iter().chain([apply()]).chain(removed).chain(killed);
    assert_eq!(broken(all.collect()), None);
}

/// The one that was declared and bare was asked alone what is in the cluster, and that was forgotten.
#[test]
fn what_is_in_the_cluster_is_known_to_the_control_plane_that_left_the_file() {
    let edit = Operation::Edit;
    let made = vec![edit(Edit::Add(1, PLANE)), edit(Edit::Marks(0, 1)), apply()];
    let gone = vec![Operation::Down(0), edit(Edit::Remove(0)), Operation::Destroy(calm()), apply()];
    assert_eq!(broken([made, gone].concat()), None);
}

/// The first of the file was to begin the cluster, which another one had joined.
#[test]
fn a_worker_becomes_a_control_plane_where_the_first_one_is_gone() {
    let roles = |roles| Operation::Edit(Edit::Roles(0, roles));
    let demoted = vec![Operation::Edit(Edit::Add(1, PLANE)), apply(), roles(WORKER), apply()];
    assert_eq!(broken([demoted, vec![roles(CONTROL_PLANE | WORKER), apply()]].concat()), None);
}

/// The one that was down was not told of the new one, and when the holder went the two did not hear each other.
#[test]
fn no_load_balancer_comes_while_one_that_stays_is_down() {
    let edit = Operation::Edit;
    let made = vec![edit(Edit::Add(1, PLANE)), apply(), Operation::Down(1), edit(Edit::Add(2, PLANE)), apply()];
    assert_eq!(broken([made, vec![edit(Edit::Roles(0, WORKER))]].concat()), None);
}

/// A destroy that was killed while it stopped keepalived had recorded it without its password, which a destroy does not
/// know: the password was taken for another one afterwards, which cannot change.
#[test]
fn a_password_is_the_same_after_a_destroy_that_was_killed() {
    let password = u8::try_from(KNOBS.iter().position(|knob| *knob == Knob::Password).unwrap()).unwrap();
    for at in (0..60).step_by(3) {
        let mut killed = calm();
        killed.weather.kill = Some(Kill::AfterAct(at));
        let (add, knob) = (|| Operation::Edit(Edit::Add(1, PLANE)), Operation::Edit(Edit::Knob(password, 1)));
        assert_eq!(
            broken(vec![knob, add(), add(), apply(), Operation::Destroy(killed)]),
            None,
            "killed after act {at}"
        );
    }
}

/// Every option changes on a cluster that was applied, and one component after the other is targeted: what the whole plan
/// refuses, for example another version, reached the hosts in parts.
#[test]
fn no_part_does_what_the_whole_plan_refuses() {
    for (number, component) in (0..u8::try_from(KNOBS.len()).unwrap()).flat_map(|knob| (0..6).map(move |it| (knob, it)))
    {
        let part = Operation::Apply(Run { part: Part::Component(component), ..calm() });
        let operations = vec![apply(), Operation::Edit(Edit::Knob(number, 3)), part];
        assert_eq!(broken(operations), None, "{:?}, component {component}", KNOBS[usize::from(number)]);
    }
}

/// The object of a node goes with the node. Of two runs at once, only the plan of the first one was asked which nodes go.
#[test]
fn the_second_of_two_runs_removes_a_node() {
    let marked = Seed { roles: WORKER, marks: 1, priority: 0 };
    let first = Run { part: Part::Host(0), ..calm() };
    let late = Other { elsewhere: true, after: 1000, waits: 300 };
    let two = Operation::Two(first, calm(), late);
    let operations = vec![Operation::Edit(Edit::Add(1, marked)), apply(), Operation::Edit(Edit::Remove(1)), two];
    assert_eq!(broken(operations), None);
}

/// The virtual IP is nothing that lies on a host: keepalived, which is handed over with it, brings it along.
#[test]
fn load_balancers_are_handed_over_with_their_virtual_ip() {
    let external = Operation::Edit(Edit::Knob(Knob::Balancer as u8, 2));
    for port in [0, 3] {
        let port = Operation::Edit(Edit::Knob(Knob::Port as u8, port));
        assert_eq!(broken(vec![port, apply(), external.clone(), apply()]), None);
    }
}

/// What is in the cluster goes with it, also what is somebody else's by then.
#[test]
fn a_network_that_was_handed_over_goes_with_the_cluster() {
    let network = |value| Operation::Edit(Edit::Knob(Knob::Network as u8, value));
    assert_eq!(broken(vec![network(3), apply(), network(0), apply()]), None);
}

/// The plan was refused, so nothing was handed over, and the records had not followed the host to its new name.
#[test]
fn nothing_is_handed_over_by_a_plan_that_is_refused() {
    let knob = |knob: Knob, value| Operation::Edit(Edit::Knob(knob as u8, value));
    let rename = Operation::Edit(Edit::Rename(0));
    // Another default of the port.
    assert_eq!(broken(vec![knob(Knob::Port, 4), apply(), rename, knob(Knob::Balancer, 2)]), None);
}

/// Its address changed on one load balancer after the other, and those that had the old one did not hear it.
#[test]
fn a_load_balancer_gets_another_address() {
    let balancer = Seed { roles: LOAD_BALANCER, ..PLANE };
    for host in [1, 2] {
        let made = [(1, balancer), (2, balancer)].map(|(at, seed)| Operation::Edit(Edit::Add(at, seed)));
        let moved = [apply(), Operation::Edit(Edit::Address(host, OTHER_ADDRESS)), apply()];
        assert_eq!(broken(made.into_iter().chain(moved).collect()), None);
    }
}
