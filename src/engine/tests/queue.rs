//! The ready queue by itself: nothing waits for a place that is free.

use std::collections::{BTreeMap, BTreeSet};

use super::super::Queue;
use super::rig::Rig;
use crate::plan::Plan;
use crate::resource::{Address, HostName, Lane};

const PER_HOST: usize = 8;

fn started(queue: &mut Queue) -> Vec<usize> {
    std::iter::from_fn(|| queue.start()).collect()
}

#[test]
fn a_place_that_a_host_leaves_is_not_kept_for_one_that_only_waits_for_a_lane() {
    let mut rig = Rig::default();
    let lane = || Some(Lane::ControlPlane);
    rig.create("w1/host/package[a]", &[]);
    rig.create("w1/host/package[b]", &[]);
    rig.create("w2/host/package[a]", &[]);
    rig.create("w1/control-plane/manifest[a]", &["w1/host/package[a]"]).lane = lane();
    rig.create("cp1/control-plane/service[a]", &[]).lane = lane();
    rig.create("w3/host/file[a]", &[]);
    let mut queue = Queue::new(&rig.plan, 2);
    assert_eq!(started(&mut queue), [0, 1, 2], "cp1 and w3 wait for a place");
    queue.end(0, true);
    assert_eq!(started(&mut queue), [3]);
    queue.end(2, true);
    assert_eq!(started(&mut queue), [5], "cp1 waits for the lane now, w3 for nothing");
    queue.end(5, true);
    queue.end(3, true);
    assert_eq!(started(&mut queue), [4]);
}

#[test]
fn a_lane_is_not_kept_for_one_that_waits_for_its_host() {
    let mut rig = Rig::default();
    let lane = || Some(Lane::ControlPlane);
    rig.create("cp1/control-plane/member", &[]).lane = lane();
    for key in 0..PER_HOST {
        rig.create(&format!("cp2/host/package[{key}]"), &[]);
    }
    rig.create("cp2/control-plane/member", &[]).lane = lane();
    rig.create("cp3/control-plane/service[a]", &[]).lane = lane();
    let mut queue = Queue::new(&rig.plan, 64);
    assert_eq!(started(&mut queue).len(), 1 + PER_HOST);
    queue.end(0, true);
    assert_eq!(started(&mut queue), [10], "cp2 has no room, cp3 has");
    queue.end(1, true);
    assert!(started(&mut queue).is_empty(), "one at a time in a lane");
    queue.end(10, true);
    assert_eq!(started(&mut queue), [9]);
}

/// Numbers that are the same each time.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }
}

fn any_plan(random: &mut Random) -> Plan {
    let (hosts, kinds) = (1 + random.below(6), ["package", "file", "member", "service"]);
    let mut rig = Rig::default();
    let mut names: Vec<String> = Vec::new();
    for number in 0..=random.below(60) {
        let host = format!("h{}", random.below(hosts));
        let name = format!("{host}/bench/{}[{number}]", kinds[random.below(4)]);
        let needs = random.below(3).min(number);
        let after: Vec<String> = (0..needs).map(|_| names[random.below(number)].clone()).collect();
        let after: Vec<&str> = after.iter().map(String::as_str).collect();
        let change = rig.create(&name, &after);
        change.lane = match random.below(4) {
            0 => Some(Lane::ControlPlane),
            1 => Some(Lane::Packages(HostName::new(format!("h{}", random.below(hosts))))),
            2 => Some(Lane::LoadBalancer),
            _ => None,
        };
        names.push(name);
    }
    rig.plan
}

/// What is allowed, and that whatever is allowed is done, told from the plan alone.
#[derive(Default)]
struct Watched {
    running: BTreeSet<usize>,
    ended: BTreeSet<usize>,
}

impl Watched {
    fn hosts<'a>(&self, plan: &'a Plan) -> BTreeMap<&'a HostName, usize> {
        let mut hosts = BTreeMap::new();
        for &i in &self.running {
            *hosts.entry(plan.changes[i].address.host()).or_default() += 1;
        }
        hosts
    }

    fn may_start(&self, plan: &Plan, i: usize, parallelism: usize) -> bool {
        let change = &plan.changes[i];
        let done = |address: &Address| self.ended.iter().any(|&j| plan.changes[j].address == *address);
        let hosts = self.hosts(plan);
        let lane = change.lane.as_ref().filter(|lane| **lane != Lane::LoadBalancer);
        !self.running.contains(&i)
            && !self.ended.contains(&i)
            && change.after.iter().all(done)
            && lane.is_none_or(|lane| self.running.iter().all(|&j| plan.changes[j].lane.as_ref() != Some(lane)))
            && match hosts.get(change.address.host()) {
                Some(&running) => running < PER_HOST,
                None => hosts.len() < parallelism,
            }
    }
}

#[test]
fn whatever_may_start_starts_and_nothing_else() {
    for seed in 0..300 {
        let mut random = Random(seed);
        let plan = any_plan(&mut random);
        let parallelism = 1 + random.below(4);
        let mut queue = Queue::new(&plan, parallelism);
        let mut watched = Watched::default();
        while watched.ended.len() < plan.changes.len() {
            for i in started(&mut queue) {
                assert!(watched.may_start(&plan, i, parallelism), "seed {seed}: {} too early", plan.changes[i].address);
                watched.running.insert(i);
            }
            for i in 0..plan.changes.len() {
                let kept = watched.may_start(&plan, i, parallelism);
                assert!(!kept, "seed {seed}: {} waits for nothing", plan.changes[i].address);
            }
            let any = random.below(watched.running.len());
            let ends = *watched.running.iter().nth(any).unwrap();
            watched.running.remove(&ends);
            watched.ended.insert(ends);
            watched.ended.extend(queue.end(ends, random.below(20) > 0));
        }
        assert!(queue.start().is_none() && queue.left().is_empty());
    }
}
