//! Services that share an address: who goes, is told and comes first, and what has no such order.

use proptest::prelude::*;

use super::world::{World, address};
use super::*;
use crate::graph::Graph;
use crate::kinds::{self, Content, Group, OnChange, Service};
use crate::plan::{Problem, Selection, SelectionError};
use crate::resource::{AnyKind, Declared, Lane, Secret};

fn balancer(host: &str) -> String {
    format!("{host}/keepalived/service[keepalived]")
}

fn conf(host: &str) -> String {
    format!("{host}/keepalived/thing[conf]")
}

fn alike(id: &str, password: &str) -> Content {
    Content::builder().text(format!("virtualRouterId {id}\nauthPassword ")).secret(Secret::new(password)).build()
}

fn service(peers: &[u8], alike: &Content) -> Service {
    let peers = peers.iter().map(|last| std::net::Ipv4Addr::new(10, 0, 0, *last)).collect();
    Service {
        name: "keepalived".into(),
        enabled: true,
        active: true,
        on_change: OnChange::Reload,
        releases: vec!["10.0.0.100/24".into()],
        group: Some(Group { peers, alike: alike.clone() }),
        listens: Vec::new(),
        reads: Vec::new(),
        node: None,
    }
}

/// A load balancer that shares the virtual IP with no other one.
pub(super) fn keepalived() -> Service {
    service(&[], &old())
}

/// One that was made like this; what it reads is called so, too.
fn made(world: &mut World, host: &str, like: &Service, needs: &[&str]) {
    let text = serde_json::to_string(like).unwrap();
    world.made(&conf(host), &text, &[]).made_of(&balancer(host), like);
    let record = world.state.resources.get_mut(&address(&balancer(host))).unwrap();
    record.lane = Some(Lane::LoadBalancer);
    record.needs = needs.iter().map(|it| address(it)).chain([address(&conf(host))]).collect();
}

fn declare(world: &mut World, host: &str, like: &Service) {
    let secrets: String =
        like.group.iter().flat_map(|it| it.alike.secrets()).map(|it| it.expose().to_owned()).collect();
    let text = serde_json::to_string(like).unwrap();
    // That a password changes shows in the file alone.
    let text = if secrets == "old" { text } else { text + &secrets };
    world.declare(&conf(host), &text, &[], &[]);
    let at = address(&balancer(host));
    world.facts.seen.entry(at.clone()).or_insert_with(|| Ok(absent().into()));
    world.declared.push(Declared {
        address: at,
        resource: Arc::new(like.clone()),
        needs: [address(&conf(host))].into(),
        reacts_to: [address(&conf(host))].into(),
        lane: Some(Lane::LoadBalancer),
        made_from: crate::resource::MadeFrom::default(),
        source: "/loadBalancer".into(),
        guessed: false,
        turn: None,
    });
}

fn old() -> Content {
    alike("51", "old")
}

#[test]
fn one_that_leaves_a_host_where_what_needed_it_stays_goes_first() {
    for value in ["1", "2"] {
        let mut world = World::default();
        made(&mut world, "h1", &service(&[], &old()), &[]);
        declare(&mut world, "h2", &service(&[], &old()));
        world.made("h1/c/thing[user]", "1", &[&balancer("h1")]);
        world.declare("h1/c/thing[user]", value, &[&balancer("h2")], &[]);
        let plan = world.plan();
        assert_eq!(world.change(&plan, &balancer("h1")).after, BTreeSet::new());
        assert_eq!(world.change(&plan, &balancer("h2")).after, [address(&balancer("h1")), address(&conf("h2"))].into());
    }
}

#[test]
fn what_those_that_stay_read_changes_after_one_has_gone() {
    let mut world = World::default();
    made(&mut world, "h1", &service(&[2], &old()), &[]);
    made(&mut world, "h2", &service(&[1], &old()), &[]);
    declare(&mut world, "h2", &service(&[], &old()));
    let plan = world.plan();
    assert_eq!(world.change(&plan, &conf("h2")).after, [address(&balancer("h1"))].into());
}

/// Without it the one that stays had let the address go.
#[test]
fn what_one_that_stays_needs_starts_after_one_has_gone() {
    let proxy = "h2/haproxy/service[haproxy]";
    let mut world = World::default();
    made(&mut world, "h1", &service(&[], &old()), &[]);
    made(&mut world, "h2", &service(&[], &old()), &[]);
    world.declare("h2/haproxy/thing[cfg]", "1", &[], &[]).declare(proxy, "1", &[], &["h2/haproxy/thing[cfg]"]);
    let haproxy = Service { name: "haproxy".into(), releases: Vec::new(), group: None, ..service(&[], &old()) };
    world.declared.last_mut().unwrap().resource = Arc::new(haproxy.clone());
    declare(&mut world, "h2", &service(&[], &old()));
    world.declared.last_mut().unwrap().needs.insert(address(proxy));
    let plan = world.plan();
    assert_eq!(world.change(&plan, &balancer("h2")).action, Action::NoOp);
    assert!(world.change(&plan, proxy).after.contains(&address(&balancer("h1"))));
    assert_eq!(world.change(&plan, "h2/haproxy/thing[cfg]").after, [address(&balancer("h1"))].into());
    // One that runs is told of what changes at once.
    let observation = Observation::Present(AnyKind::simulate(&haproxy));
    world.hosts(proxy, Seen { digest: observation.digest(), observation });
    assert_eq!(world.change(&world.plan(), "h2/haproxy/thing[cfg]").after, [].into());
}

/// The others may not hear each other.
#[test]
fn of_those_that_go_the_one_that_holds_the_address_goes_last() {
    let mut world = World::default();
    for host in ["h1", "h2", "h3"] {
        made(&mut world, host, &service(&[], &old()), &[]);
    }
    let interfaces = vec![Interface { name: "eth0".into(), address: "10.0.0.100".parse().unwrap(), prefix: 24 }];
    world.facts.hosts.insert(HostName::new("h1"), HostFacts { interfaces, ..HostFacts::default() });
    for mode in [Mode::Apply, Mode::Destroy] {
        let plan = world.plan_for(mode, false);
        let after = |host: &str| world.change(&plan, &balancer(host)).after.clone();
        assert_eq!((after("h2"), after("h3")), ([].into(), [].into()));
        assert_eq!(after("h1"), ["h2", "h3"].map(|host| address(&balancer(host))).into());
    }
}

/// Once it is back it would not hear the one that came.
#[test]
fn none_comes_while_one_that_stays_cannot_be_told() {
    let coming = |recorded: &[u8], declared: &[u8], all: &Content| {
        let mut world = World::default();
        made(&mut world, "h1", &service(recorded, &old()), &[]);
        declare(&mut world, "h1", &service(declared, all));
        declare(&mut world, "h2", &service(&[1], all));
        let blocked = |world: &World| world.change(&world.plan(), &balancer("h2")).problem.clone();
        assert_eq!(blocked(&world), None);
        blocked(world.unreached("h1"))
    };
    let held_back = || Some(Problem::Blocked { by: address(&balancer("h1")) });
    assert_eq!(coming(&[], &[2], &old()), held_back());
    // It was told already, by an apply before the one that came was lost, but not of another password.
    assert_eq!(coming(&[2], &[2], &old()), None);
    assert_eq!(coming(&[2], &[2], &alike("51", "new")), held_back());
}

/// Two that stay; then what is declared of them.
fn two(declared: &Content) -> World {
    let mut world = World::default();
    for (host, peer) in [("h1", 2), ("h2", 1)] {
        made(&mut world, host, &service(&[peer], &old()), &[]);
        declare(&mut world, host, &service(&[peer], declared));
    }
    world
}

fn refused(world: &World) -> Vec<(String, String)> {
    let of = |change: &Change| match &change.problem {
        Some(Problem::Refused { text }) => Some((change.address.to_string(), text.clone())),
        _ => None,
    };
    world.plan().changes.iter().filter_map(of).collect()
}

#[test]
fn what_all_must_have_alike_does_not_change_while_two_run() {
    let all = refused(&two(&alike("77", "old")));
    assert_eq!(all.iter().map(|it| it.0.as_str()).collect::<Vec<_>>(), [conf("h1")]);
    let plan = two(&alike("77", "old")).plan();
    assert!(plan.changes.iter().all(|it| it.action == Action::NoOp), "{plan:#?}");
    insta::assert_snapshot!(all[0].1, @"virtualRouterId cannot change while keepalived runs on h1, h2: load balancers with different values ignore each other, and two of them could hold the virtual IP. Give the role load-balancer to one host only and apply, change the setting and apply, then restore the roles.");
    assert!(refused(&two(&alike("51", "new")))[0].1.starts_with("authPassword cannot change"));
    let open = Content::from("virtualRouterId 51\n");
    assert!(refused(&two(&open))[0].1.starts_with("authPassword cannot change"));
    assert_eq!(refused(&two(&old())), []);

    // One alone may change, and the other one goes first.
    let mut world = two(&alike("77", "new"));
    world.declared.retain(|it| it.address.host().as_str() == "h2");
    assert_eq!(refused(&world), []);
    assert_eq!(world.change(&world.plan(), &conf("h2")).after, [address(&balancer("h1"))].into());
    // Not when that one may go on: it does not answer.
    world.unreached("h1");
    assert_eq!(refused(&world).len(), 1);
    // Nor does one that is left out, or that is not there any more.
    let mut world = World {
        selection: Selection { targets: vec![Pattern::new("h1")], ..Selection::default() },
        ..two(&alike("77", "old"))
    };
    assert_eq!(refused(&world).len(), 1);
    world.hosts(&balancer("h2"), absent());
    assert_eq!(refused(&world), []);
}

#[test]
fn those_that_run_keep_their_addresses() {
    let mut world = World::default();
    for (host, peers) in [("h1", [2, 3]), ("h2", [1, 3]), ("h3", [1, 2])] {
        made(&mut world, host, &service(&peers, &old()), &[]);
    }
    declare(&mut world, "h1", &service(&[9, 3], &old()));
    declare(&mut world, "h2", &service(&[1, 3], &old()));
    declare(&mut world, "h3", &service(&[1, 9], &old()));
    let all = refused(&world);
    assert_eq!(all.iter().map(|it| it.0.as_str()).collect::<Vec<_>>(), [conf("h1")]);
    insta::assert_snapshot!(all[0].1, @"The internalAddress of h2 cannot change while keepalived runs on h1, h2, h3: load balancers change one at a time, and two of them could hold the virtual IP meanwhile. Remove h2 from cluster.yaml and apply, then add it back with the new address.");
    assert!(world.plan().changes.iter().all(|it| it.action == Action::NoOp));
    // Others that come and go at the same time are no new addresses of those that stay.
    let mut world = World::default();
    for (host, peers) in [("h1", [2, 3]), ("h2", [1, 3]), ("h3", [1, 2])] {
        made(&mut world, host, &service(&peers, &old()), &[]);
    }
    for (host, peers) in [("h1", [2, 4]), ("h2", [1, 4]), ("h4", [1, 2])] {
        declare(&mut world, host, &service(&peers, &old()));
    }
    assert_eq!(refused(&world), []);
}

#[test]
fn load_balancers_that_change_are_planned_together_or_not_at_all() {
    let mut world = two(&old());
    world.declare("h1/c/thing[other]", "1", &[], &[]);
    let apart = |world: &World, mode: Mode, excluded: &str| {
        let selection = Selection { excludes: vec![Pattern::new(excluded)], ..Selection::default() };
        selection.check(mode, &Graph::build(world.declared.clone()).unwrap(), &world.state, &kinds::decode).err()
    };
    assert_eq!(apart(&world, Mode::Apply, "h1"), None, "nothing changes");
    declare(&mut world, "h3", &service(&[1, 2], &old()));
    let left_out = |host: &str| Some(SelectionError::Apart(vec![address(&balancer(host))]));
    assert_eq!(apart(&world, Mode::Apply, "h1"), left_out("h1"));
    assert_eq!(apart(&world, Mode::Apply, "*/keepalived/thing[conf]"), None);
    assert_eq!(apart(&world, Mode::Destroy, "h1"), None);
    assert_eq!(apart(&world, Mode::Refresh, "h1"), None);

    let mut world = two(&old());
    world.declared.retain(|it| it.address.host().as_str() == "h2");
    assert_eq!(apart(&world, Mode::Apply, "h1"), left_out("h1"));
    // A run that was cut off may have told one of them and not the other.
    let mut world = two(&old());
    world.state.resources.get_mut(&address(&balancer("h2"))).unwrap().status = Status::Interrupted;
    assert_eq!(apart(&world, Mode::Apply, "h1"), left_out("h1"));
}

/// Recorded, declared, changed, and bits of what it needs.
type Balancer = (bool, bool, bool, u8);

/// Load balancers that come, stay and go, and things that need some of them: as declared, and, in circles, too, as
/// recorded.
fn any_handover() -> impl Strategy<Value = World> {
    let balancers = proptest::collection::vec((any::<bool>(), any::<bool>(), any::<bool>(), any::<u8>()), 4);
    let things = proptest::collection::vec((0..3_u8, any::<bool>(), any::<u16>(), any::<u16>()), 1..9);
    (balancers, things).prop_map(|(balancers, things)| {
        let mut world = World::default();
        let name = |i: usize| format!("h{}/c/thing[{i:02}]", i % 4);
        let pick = |names: Vec<String>, bits: u16| -> Vec<String> {
            names.into_iter().enumerate().filter(|(i, _)| bits >> i & 1 == 1).map(|(_, name)| name).collect()
        };
        let all = |wanted: fn(&Balancer) -> bool| -> Vec<String> {
            balancers.iter().enumerate().filter(|(_, it)| wanted(it)).map(|(i, _)| balancer(&format!("h{i}"))).collect()
        };
        for (i, (recorded, declared, changes, needs)) in balancers.iter().enumerate() {
            let host = format!("h{i}");
            if *recorded {
                let needs = pick((0..things.len()).map(name).collect(), (*needs).into());
                let needs: Vec<&str> = needs.iter().map(String::as_str).collect();
                made(&mut world, &host, &service(&[100], &old()), &needs);
            }
            if *declared {
                declare(&mut world, &host, &service(&[if *changes { 101 } else { 100 }], &old()));
            }
        }
        let mut declared = all(|it| it.1);
        for (i, (kept, changes, on_record, needs)) in things.iter().enumerate() {
            let recorded = all(|it| it.0).into_iter().chain((0..things.len()).map(name)).collect();
            let recorded = pick(recorded, *on_record);
            world.made(&name(i), "1", &recorded.iter().map(String::as_str).collect::<Vec<_>>());
            if *kept > 0 {
                let needs = pick(declared.clone(), *needs);
                let value = if *changes { "2" } else { "1" };
                world.declare(&name(i), value, &needs.iter().map(String::as_str).collect::<Vec<_>>(), &[]);
                declared.push(name(i));
            }
        }
        world
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn every_handover_is_in_its_order(world in any_handover()) {
        let plan = world.plan();
        let turn = |change: &Change| match change.action {
            Action::Destroy => Some(0),
            Action::Update => Some(1),
            Action::Create => Some(2),
            _ => None,
        };
        let services = plan.changes.iter().filter(|it| it.address.kind() == "service");
        let services: Vec<(&Change, i32)> = services.filter_map(|it| Some((it, turn(it)?))).collect();
        for (at, (later, turn)) in services.iter().enumerate() {
            for (other, (first, before)) in services.iter().enumerate().filter(|(_, it)| it.1 < *turn) {
                prop_assert!(other < at, "{turn} at {at}, {before} at {other}");
                prop_assert!(later.after.contains(&first.address), "{} does not wait for {}", later.address, first.address);
            }
        }
    }
}
