use serde_json::json;

use super::super::samples::record;
use super::super::{Record, State};
use super::*;

fn at(text: &str) -> Address {
    text.parse().unwrap()
}

/// c needs b, b needs a, on one host; d, on another, needs b.
fn state() -> State {
    let mut state = State::fresh("lab", "line".into(), "salt".into());
    for host in ["cp1", "cp2"] {
        state.hosts.insert(HostName::new(host), json!({ "address": host }));
    }
    state.pod_ranges.insert(HostName::new("cp1"), "10.244.0.0/24".parse().unwrap());
    for (address, needs) in [
        ("cp1/host/swap", &[][..]),
        ("cp1/haproxy/package[haproxy]", &["cp1/host/swap"]),
        ("cp1/haproxy/service[haproxy]", &["cp1/haproxy/package[haproxy]"]),
        ("cp2/haproxy/service[haproxy]", &["cp1/haproxy/package[haproxy]", "cp2/host/gone"]),
    ] {
        let needs = needs.iter().map(|it| at(it)).collect();
        let lane = address.contains("package").then(|| Lane::Packages(HostName::new("cp1")));
        state.resources.insert(at(address), Record { needs, lane, ..record(address) });
    }
    let owed = [at("cp1/haproxy/package[haproxy]")];
    state.reactions.insert(at("cp1/haproxy/service[haproxy]"), owed.into());
    state
}

#[test]
fn what_is_forgotten_leaves_the_order_of_the_rest() {
    let mut state = state();
    let bereft = forget(&mut state, &[at("cp1/haproxy/package[haproxy]")].into());
    let needed = || at("cp1/haproxy/package[haproxy]");
    let stays = ["cp1/haproxy/service[haproxy]", "cp2/haproxy/service[haproxy]"];
    assert_eq!(bereft, stays.map(|stays| (at(stays), needed())));
    assert_eq!(state.resources[&at(stays[0])].needs, [at("cp1/host/swap")].into());
    assert_eq!(state.resources[&at(stays[1])].needs, [at("cp1/host/swap"), at("cp2/host/gone")].into());
    assert_eq!(state.resources.len(), 3);
    assert_eq!(state.hosts.len(), 2);
}

#[test]
fn a_host_that_is_forgotten_need_not_be_reached_and_keeps_its_pod_range() {
    let mut state = state();
    let gone = state.resources.keys().filter(|it| it.host().as_str() == "cp1").cloned().collect();
    let bereft = forget(&mut state, &gone);
    assert_eq!(bereft, [(at("cp2/haproxy/service[haproxy]"), at("cp1/haproxy/package[haproxy]"))]);
    assert_eq!(state.resources[&at("cp2/haproxy/service[haproxy]")].needs, [at("cp2/host/gone")].into());
    assert_eq!(state.hosts.keys().map(HostName::as_str).collect::<Vec<_>>(), ["cp2"]);
    assert_eq!((state.pod_ranges.len(), state.reactions.len()), (1, 0));
}

#[test]
fn a_host_moves_with_all_that_refers_to_it() {
    let mut state = state();
    let before = state.clone();
    let moved = rename(&mut state, "cp1", "cp9").unwrap();
    assert_eq!(moved.len(), 3);
    assert_eq!(state.resources[&at("cp9/haproxy/package[haproxy]")].lane, Some(Lane::Packages(HostName::new("cp9"))));
    assert!(state.resources[&at("cp2/haproxy/service[haproxy]")].needs.contains(&at("cp9/haproxy/package[haproxy]")));
    assert_eq!(state.reactions[&at("cp9/haproxy/service[haproxy]")], [at("cp9/haproxy/package[haproxy]")].into());
    assert_eq!(state.hosts[&HostName::new("cp9")], json!({ "address": "cp1" }));
    assert!(!state.hosts.contains_key(&HostName::new("cp1")));
    assert_eq!(state.pod_ranges.keys().map(HostName::as_str).collect::<Vec<_>>(), ["cp9"]);
    rename(&mut state, "cp9", "cp1").unwrap();
    assert_eq!(state, before);
}

#[test]
fn what_was_guarded_still_is_under_its_new_name() {
    let mut state = state();
    state.guards = ["cp1/haproxy", "cp*/host", "cp2"].map(str::to_owned).into();
    rename(&mut state, "cp1", "m1").unwrap();
    let guards: Vec<&str> = state.guards.iter().map(String::as_str).collect();
    assert_eq!(guards, ["cp*/host", "cp2", "m1/haproxy", "m1/host/swap"]);
}

#[test]
fn a_component_and_an_address_move_and_their_host_stays() {
    let mut state = state();
    assert_eq!(rename(&mut state, "cp1/haproxy", "cp1/lb").unwrap().len(), 2);
    rename(&mut state, "cp1/host/swap", "cp2/host/swap").unwrap();
    assert!(state.resources[&at("cp1/lb/package[haproxy]")].needs.contains(&at("cp2/host/swap")));
    // cp2 has a way of its own, and cp1 keeps records and its range.
    assert_eq!(state.hosts[&HostName::new("cp2")], json!({ "address": "cp2" }));
    assert_eq!((state.hosts.len(), state.pod_ranges.len()), (2, 1));
}

#[test]
fn what_cannot_move_is_refused_and_nothing_has_changed() {
    let before = state();
    for (from, to, fault) in [
        ("cp1", "cp1/haproxy", "both must be a host"),
        ("cp1", "Not A Name", "both must be a host"),
        ("cp1", "cluster", "both must be a host"),
        ("cp1", "", "both must be a host"),
        ("cp1/haproxy", "cp1/", "both must be a host"),
        ("cp1/host/swap", "cp1/host/swap[", "both must be a host"),
        ("cp1/host/swap", "cp1/host/sysctl[vm.swappiness]", "kind and key cannot change"),
        ("cp1/haproxy/package[haproxy]", "cp1/haproxy/package[nginx]", "kind and key cannot change"),
        ("cp9", "cp8", "no state entry is named `cp9`"),
        ("cp1", "cp2", "a state entry named `cp2/haproxy/service[haproxy]` already exists"),
        ("cp1", "cp1", "already"),
    ] {
        let mut state = before.clone();
        let error = rename(&mut state, from, to).unwrap_err().to_string();
        assert!(error.contains(fault), "{from} {to}: {error}");
        assert_eq!(state, before);
    }
}

#[test]
fn a_difference_tells_new_changed_and_gone() {
    let before = state();
    let mut after = before.clone();
    assert_eq!(Difference::between(&before, &after), Difference::default());
    after.resources.remove(&at("cp1/host/swap"));
    after.resources.get_mut(&at("cp2/haproxy/service[haproxy]")).unwrap().digest = "other".into();
    after.resources.insert(at("cp2/host/swap"), record("x"));
    let difference = Difference::between(&before, &after);
    assert_eq!(difference.recorded, [at("cp2/host/swap")]);
    assert_eq!(difference.changed, [at("cp2/haproxy/service[haproxy]")]);
    assert_eq!(difference.forgotten, [at("cp1/host/swap")]);
}
