//! Plans of resources that cost nothing, carried out on simulated hosts by the real engine into a real store.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mainstay::engine::{self, Control, Interrupt, Run};
use mainstay::fleet::{Fleet, SimulatedFleet};
use mainstay::kinds::Sysctl;
use mainstay::plan::{Change, Coverage, Mode, Plan, Reason};
use mainstay::resource::{Action, Address, HostName, Observation, Seen};
use mainstay::state::{Store, acquire, local_on};
use tokio::sync::{mpsc, watch};

use crate::counted::{Counted, Counts};
use crate::report::{Took, measured};

/// How resources depend on each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Not at all.
    Independent,
    /// Each on the one before.
    Chain,
}

/// Resources of a host, as in a cluster of workers.
const PER_HOST: usize = 20;

fn address(number: usize) -> Address {
    let host = HostName::new(format!("w{:05}", number / PER_HOST));
    Address::new(host, "host", "sysctl", Some(&name(number)))
}

fn name(number: usize) -> String {
    format!("net.ipv4.parameter_{:02}", number % PER_HOST)
}

fn plan(count: usize, shape: Shape) -> Plan {
    let absent = Observation::Absent;
    let change = |number: usize| Change {
        address: address(number),
        action: Action::Create,
        fields: Vec::new(),
        reasons: vec![Reason::New],
        problem: None,
        refused: None,
        warning: None,
        resource: Some(Arc::new(Sysctl { name: name(number), value: "1".into() })),
        recorded: None,
        before: Some(Seen { digest: absent.digest(), observation: absent.clone() }.into()),
        prior: None,
        needs: BTreeSet::new(),
        reacting: BTreeSet::new(),
        after: match shape {
            Shape::Chain if number > 0 => BTreeSet::from([address(number - 1)]),
            _ => BTreeSet::new(),
        },
        lane: None,
        made_from: mainstay::resource::MadeFrom::default(),
        drift: None,
        act: None,
        resumes: false,
        reacts_to: BTreeSet::new(),
        moved: None,
        rerecord: false,
    };
    Plan {
        cluster: "bench".into(),
        mode: Mode::Apply,
        lineage: "bench".into(),
        serial: 0,
        changes: (0..count).map(change).collect(),
        control_planes: Vec::new(),
        coverage: Coverage::default(),
        warnings: Vec::new(),
        turns: None,
        left_out: 0,
        moved: 0,
    }
}

/// What one apply took and wrote.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured {
    /// From the first resource to the last.
    pub(crate) engine: Took,
    /// Reading the state, the lock, and the beginning; and at the end, folding the journal into the state file.
    pub(crate) ends: Took,
    pub(crate) counts: Counts,
}

/// Applies `count` resources into a new state in this folder.
pub(crate) fn apply(folder: &Path, count: usize, shape: Shape, syncs: bool) -> Measured {
    let folder = tempfile::tempdir_in(folder).expect("the folder can be written to");
    let path = folder.path().join("bench.json");
    let disk = Counted::new(syncs);
    let plan = Arc::new(plan(count, shape));
    let fleet = Arc::new(Fleet::Simulated(SimulatedFleet::in_memory(BTreeMap::new())));
    let (store, begun) = measured(|| {
        let place = local_on(disk.clone(), &path);
        let lease = acquire(&place, "bench", Duration::ZERO).expect("nobody else is there");
        let store = Store::open(&place, "bench").expect("the folder is empty");
        store.begin(lease, |_| {}).expect("the folder can be written to");
        Arc::new(store)
    });
    let (_wish, interrupt) = watch::channel(Interrupt::None);
    let (events, told) = mpsc::unbounded_channel();
    let control = Control { parallelism: Control::PARALLELISM, fail_fast: false, interrupt };
    let run = Run { plan, fleet, store: Arc::clone(&store), control, events };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (outcome, engine) = measured(|| runtime.block_on(engine::apply(run)));
    assert!(outcome.expect("the state can be written").complete(), "every resource is done");
    drop(told);
    let ((), finished) = measured(|| store.finish().expect("the state can be written"));
    assert_eq!(store.with(|state| state.resources.len()), count);
    let ends = Took { processor: begun.processor + finished.processor, clock: begun.clock + finished.clock };
    Measured { engine, ends, counts: disk.counts() }
}
