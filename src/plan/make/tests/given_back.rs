//! Services that ran before mainstay, after destroy.

use super::world::{World, address, thing};
use super::*;

#[test]
fn what_goes_on_as_before_acts_once_what_it_reads_is_put_back() {
    let (low, other) = ("h/c/thing[low]", "h/other/thing[x]");
    let made = || {
        let mut world = World::default();
        world.made(low, "1", &[]).made("h/c/thing[new]", "1", &[]).made(other, "1", &[]);
        world.made("h/c/thing[service]", "1", &[low, "h/c/thing[new]", other]);
        for name in [low, other, "h/c/thing[service]"] {
            let before = seen(if name.contains("service") { "1" } else { "theirs" }).observation;
            world.state.resources.get_mut(&address(name)).unwrap().prior.before = before;
        }
        world
    };
    let world = made();
    let plan = world.plan_for(Mode::Destroy, false);
    let service = world.change(&plan, "h/c/thing[service]");
    assert_eq!((service.action, &service.reasons[..]), (Action::Destroy, &[Reason::Destroyed, reacts(low)][..]));
    assert_eq!(service.after, [address(low), address(other)].into(), "what is put back comes first");
    assert_eq!(world.change(&plan, low).reacting, [address("h/c/thing[service]")].into());
    assert_eq!(world.change(&plan, "h/c/thing[new]").after, [address("h/c/thing[service]")].into());

    // An earlier run put it back and was cut off: the service still owes its reaction.
    let mut world = made();
    world.state.resources.remove(&address(low));
    let forgotten = world.plan_for(Mode::Destroy, false);
    assert_eq!(world.change(&forgotten, "h/c/thing[service]").action, Action::Forget);
    world.state.reactions.insert(address("h/c/thing[service]"), [address(low)].into());
    let plan = world.plan_for(Mode::Destroy, false);
    assert_eq!(world.change(&plan, "h/c/thing[service]").action, Action::Destroy);

    // A service that was not there before is destroyed, and first.
    let mut world = made();
    world.state.resources.get_mut(&address("h/c/thing[service]")).unwrap().prior.before = Observation::Absent;
    let plan = world.plan_for(Mode::Destroy, false);
    assert_eq!(world.change(&plan, low).after, [address("h/c/thing[service]")].into());
}

#[test]
fn what_goes_on_as_before_restarts_on_one_host_after_another() {
    let mut world = World::default();
    let service = |host: &str| format!("{host}/c/thing[service]");
    for (host, role) in [("a", "worker"), ("b", "control-plane"), ("c", "worker"), ("d", "worker")] {
        for (name, key, before) in
            [(format!("{host}/{role}/member"), "node", "1"), (service(host), "service", "theirs")]
        {
            world.made_of(&name, &thing(key, "1"));
            world.state.resources.get_mut(&address(&name)).unwrap().prior.before = seen(before).observation;
        }
    }
    // Nothing of Kubernetes runs there.
    world.state.resources.remove(&address("d/worker/member"));
    let plan = world.plan_for(Mode::Destroy, false);
    let after = |host: &str| world.change(&plan, &service(host)).after.clone();
    assert_eq!(after("b"), [].into(), "a control plane comes first");
    assert_eq!(after("a"), [address(&service("b"))].into());
    assert_eq!(after("c"), [address(&service("a"))].into());
    assert_eq!(after("d"), [].into());
}
