//! What is on record, and on disk, while a run goes on.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::rig::{Rig, Staged, address};
use crate::resource::{Action, HostName, Observation, Prior};
use crate::state::{Entry, Record, SimulatedDisk, Status, Store, acquire, local_on};

const PATH: &str = "state/prod.json";

/// A disk, and a store on it that has begun.
fn begun() -> (SimulatedDisk, Store) {
    let disk = SimulatedDisk::new();
    let process = disk.process("desk");
    let place = local_on(process, Path::new(PATH));
    let store = Store::open(&place, "prod").unwrap();
    let lease = acquire(&place, "apply", Duration::ZERO).unwrap();
    store.begin(lease, |_| {}).unwrap();
    (disk, store)
}

/// How often the journal was synced while this was carried out.
async fn syncs(rig: Rig) -> usize {
    let (disk, store) = begun();
    disk.watch();
    let (ran, _) = rig.run_on(store).await;
    assert!(ran.unwrap().outcome.complete());
    let deeds = disk.take_deeds();
    deeds.iter().filter(|deed| deed.act == "sync" && deed.path.ends_with("prod.journal")).count()
}

#[tokio::test]
async fn what_begins_or_ends_together_shares_a_sync() {
    let mut rig = Rig::default();
    for number in 0..24 {
        rig.create(&format!("h{}/c/staged[{number}]", number % 3), &[]);
    }
    assert_eq!(syncs(rig).await, 3, "the first line, all intents, all ends");
    let mut rig = Rig::default();
    rig.create("h/c/staged[0]", &[]);
    for number in 1..5 {
        rig.create(&format!("h/c/staged[{number}]"), &[&format!("h/c/staged[{}]", number - 1)]);
    }
    assert_eq!(syncs(rig).await, 11, "the first line, and two for each link of a chain");
}

/// Whatever a power cut at this moment would lose, this would be read after it.
#[tokio::test]
async fn an_act_begins_when_its_intent_is_safe_and_the_next_one_when_its_end_is() {
    let (disk, store) = begun();
    let after = move |name: &str, seed: u64| {
        let copy = disk.copy();
        copy.crash(seed);
        let state = Store::read_only(&local_on(copy.process("desk"), Path::new(PATH))).unwrap().unwrap();
        state.record(&address(name)).map(|record| record.status)
    };
    let mut rig = Rig::default().on_act(move |act| {
        for seed in 0..20 {
            assert_eq!(after(&act.address, seed), Some(Status::Interrupted), "{}", act.address);
            if act.address == "h/c/staged[later]" {
                assert_eq!(after("h/c/staged[first]", seed), Some(Status::Ready));
            }
        }
        None
    });
    rig.create("h/c/staged[first]", &[]);
    rig.create("h/c/staged[later]", &["h/c/staged[first]"]);
    rig.create("h/c/staged[other]", &[]);
    let acts = Arc::clone(&rig.acts);
    let (ran, _) = rig.run_on(store).await;
    assert!(ran.unwrap().outcome.complete());
    assert!(acts.lock().unwrap().len() >= 3);
}

/// It alone says what was there before mainstay, whatever a power cut leaves of the journal.
#[tokio::test]
async fn a_record_that_goes_on_elsewhere_ends_when_its_heir_begins() {
    const OLD: &str = "h/old/staged[x]";
    const NEW: &str = "h/new/staged[x]";
    let prior = Prior { before: Observation::Present(serde_json::json!(7)), kept: [].into() };
    let rig = |store: &Store| {
        let mut rig = Rig::default();
        let inherited = prior.clone();
        rig.change(NEW, Action::Update, Staged::default(), &[]).prior = Some(inherited);
        rig.change(OLD, Action::Forget, Staged::default(), &[]).moved = Some(address(NEW));
        let record = Record {
            version: 1,
            attributes: serde_json::json!({}).into(),
            digest: String::new(),
            observed: String::new(),
            prior: prior.clone(),
            needs: [].into(),
            lane: None,
            made_from: crate::resource::MadeFrom::default(),
            status: Status::Ready,
        };
        store.append_all(vec![Entry::done(address(OLD), record)]).unwrap();
        rig
    };
    let known = |store: &Store| [OLD, NEW].map(|name| store.record(&address(name)).map(|record| record.prior));
    let (disk, store) = begun();
    let kept = prior.clone();
    let rig_and_cuts = rig(&store).on_act(move |_| {
        for seed in 0..20 {
            let copy = disk.copy();
            copy.crash(seed);
            let state = Store::read_only(&local_on(copy.process("desk"), Path::new(PATH))).unwrap().unwrap();
            assert!([OLD, NEW].iter().any(|name| state.record(&address(name)).is_some_and(|it| it.prior == kept)));
        }
        None
    });
    let (ran, store) = rig_and_cuts.run_on(store).await;
    assert_eq!(ran.unwrap().outcome.forgotten, 1);
    assert_eq!(known(&store), [None, Some(prior.clone())]);
    // Where the host was never told, all is as it was.
    let (_, store) = begun();
    let cut_off = rig(&store);
    cut_off.fleet.set_down(&HostName::new("h"), true).unwrap();
    let (_, store) = cut_off.run_on(store).await;
    assert_eq!(known(&store), [Some(prior.clone()), None]);
}
