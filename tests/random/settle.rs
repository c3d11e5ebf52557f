//! The end of every case: faults are lifted, at most two applies settle it, and destroy leaves the hosts as they were.

use std::time::Duration;

use crate::driver::{HERE, Stage};
use crate::invariants::{as_it_was, runs_its_files, settled};
use crate::known;
use crate::mainstay::{Ended, With, recorded};
use crate::operations::{Part, Run};
use crate::weather::Weather;

/// Nothing goes wrong any more; a lock that a dead mainstay of another machine left takes a while to expire.
const CALM: With = With { part: Part::All, parallelism: 64, fail_fast: false, waits: Duration::from_secs(200) };

pub(crate) fn calm() -> Run {
    Run { part: Part::All, parallelism: 64, fail_fast: false, weather: Weather::default() }
}

async fn apply(stage: &mut Stage) -> Ended {
    let yaml = stage.wanted.yaml();
    stage.run(HERE, &calm(), |it| async move { it.apply(&yaml, CALM).await }).await
}

async fn whole_destroy(stage: &mut Stage) -> Ended {
    let yaml = stage.wanted.yaml();
    stage.run(HERE, &calm(), |it| async move { it.destroy(&yaml, CALM).await }).await
}

/// Settles a case.
pub(crate) async fn settle(stage: &mut Stage) {
    stage.up();
    // What others broke and mainstay was told to leave alone, keepalived say, is in the way of what needs it.
    for wanted in [&mut stage.wanted, &mut stage.accepted].into_iter().chain(&mut stage.tried) {
        wanted.guards.clear();
        wanted.ignored.clear();
    }
    // A destroy that was cut short while control planes were down has left etcd without a majority, for good.
    let etcd = stage.hosts.with(mainstay::fleet::World::kubernetes);
    if etcd.voting() > 0 && !etcd.has_quorum() {
        stage.scene.count("settle: destroyed first");
        let mut ended = whole_destroy(stage).await;
        // A guard of the last apply holds until the next one has seen that it is gone.
        if matches!(ended, Ended::Refused { .. }) {
            apply(stage).await;
            ended = whole_destroy(stage).await;
        }
        stage.scene.line(format!("settling: destroyed: {ended:?}"));
    }
    let haunted = known::has_a_dead_member(&stage.hosts.with(mainstay::fleet::World::kubernetes));
    if haunted {
        stage.scene.count("settle: steered around");
    }
    let (mut applies, mut refused) = (0, 0);
    while applies < if haunted { 4 } else { 2 } {
        let ended = apply(stage).await;
        stage.scene.line(format!("settling: {ended:?}"));
        match ended {
            Ended::Ran(_) | Ended::Nothing => applies += 1,
            // A guard that was removed holds until one apply has seen that.
            Ended::Refused { lifted, .. } if lifted > 0 && refused < 2 => refused += 1,
            Ended::Refused { .. } if stage.can_take_back() => {
                stage.scene.count("edit: refused by the plan");
                stage.take_back();
            }
            other => {
                let nothing = matches!(recorded(&stage.scene), Ok(None));
                if !(nothing && matches!(other, Ended::Refused { .. })) {
                    stage.scene.must(Err(format!("two applies settle it: it ended so: {other:?}")));
                }
                return;
            }
        }
        if stage.scene.known().broken.is_some() {
            return;
        }
    }
    let mainstay = stage.mainstay(HERE, Weather::default());
    match mainstay.plan(&stage.wanted.yaml()).await {
        Ok(plan) => stage.scene.must(settled(&plan)),
        Err(error) => stage.scene.must(Err(format!("two applies settle it: no plan after them: {error}"))),
    }
    if matches!(recorded(&stage.scene), Ok(Some(it)) if !it.resources.is_empty())
        && let Err(error) = mainstay.has_no_drift(&stage.wanted.yaml()).await
    {
        stage.scene.must(Err(format!("no drift after an apply that ended well: {error}")));
    }
    if let Ok(Some(state)) = recorded(&stage.scene) {
        let held = stage.hosts.with(|world| runs_its_files(&state, world));
        stage.scene.must(held);
    }
    if stage.scene.known().broken.is_none() {
        destroy(stage).await;
    }
}

async fn destroy(stage: &mut Stage) {
    stage.scene.line("destroying".to_owned());
    stage.scene.known().figures.destroys += 1;
    let haunted = known::has_a_dead_member(&stage.hosts.with(mainstay::fleet::World::kubernetes));
    let mut ended = whole_destroy(stage).await;
    if haunted && matches!(&ended, Ended::Ran(outcome) if !outcome.complete()) {
        stage.scene.count("destroy: steered around");
        ended = whole_destroy(stage).await;
    }
    match &ended {
        Ended::Ran(outcome) if outcome.complete() => {}
        Ended::Nothing => {}
        other => {
            stage.scene.must(Err(format!("destroy leaves it as it was: destroy without faults ended so: {other:?}")));
            return;
        }
    }
    let before = stage.scene.known().before.clone();
    let held = stage.hosts.with(|world| as_it_was(&before, world.present()));
    stage.scene.must(held);
    match recorded(&stage.scene) {
        Ok(Some(left)) if !left.resources.is_empty() => {
            let left = format!("destroy leaves it as it was: {} records are left", left.resources.len());
            stage.scene.must(Err(left));
        }
        Ok(_) => {}
        Err(error) => stage.scene.must(Err(format!("the state can be read again: {error}"))),
    }
}
