//! What tests put in the way of a simulated fleet: faults, delays, drift, and a place to watch from.

use std::fmt::Debug;
use std::time::Duration;

use super::error::FleetError;
use super::report::{ActOutcome, ActRequest};
use super::simulated::SimulatedFleet;
use crate::resource::{HostName, Output};

/// Decides what becomes of each request to a [`SimulatedFleet`], and sees what became of it.
///
/// Each method gets the fleet: [`SimulatedFleet::with`] shows its hosts without a copy, and its other methods change
/// them behind mainstay's back. No lock is held meanwhile.
pub trait Interference: Send + Sync + Debug {
    /// A host is about to act: to run a step, to answer whether an awaited condition holds, or, with
    /// [`ActRequest::act`] empty, only to look.
    fn act(&self, host: &HostName, request: &ActRequest<'_>, fleet: &SimulatedFleet) -> Fate {
        let _ = (host, request, fleet);
        Fate::Go
    }

    /// It has acted, or has not, as the outcome says; called after every [`Interference::act`] but [`Fate::Gone`].
    fn acted(
        &self,
        host: &HostName,
        request: &ActRequest<'_>,
        outcome: &Result<ActOutcome, FleetError>,
        fleet: &SimulatedFleet,
    ) {
        let _ = (host, request, outcome, fleet);
    }

    /// A host is about to be looked at.
    fn look(&self, host: &HostName, fleet: &SimulatedFleet) -> Fate {
        let _ = (host, fleet);
        Fate::Go
    }
}

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Fate {
    /// Nothing stands in its way.
    Go,
    /// Nothing is done, and this is what the script is said to have answered once it has seen that all is as planned. Of
    /// a look, it is what each of its probes answered, as a failure.
    Fail(Output),
    /// Nothing is done, and this is the answer. A look goes on.
    Answer(Box<ActOutcome>),
    /// The script fails in the middle: of what its step means to the cluster, or else of the fields that it changes,
    /// the first half is done. What cannot be halved is not done at all. A look breaks off.
    HalfWay,
    /// All is done, and then the connection is lost before the answer came.
    Unanswered,
    /// The host cannot be reached; nothing is done.
    Unreachable,
    /// It takes this long before it begins. What takes longer than it may is done nevertheless, unseen.
    Slow(Duration),
    /// The process that asks is killed before the host heard of it: never resolves.
    Gone,
    /// The process that asks is killed after all was done and before it heard of it: never resolves.
    GoneAfter,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::{Arc, Mutex};

    use tokio::time::{Instant, timeout};

    use super::*;
    use crate::fleet::{Look, Purpose};
    use crate::resource::testing::{Thing, seen};
    use crate::resource::{Address, AnyKind, Observation, ProbeError, Registered, Script, Slots};

    /// One fate for all, and how many answers came.
    #[derive(Debug)]
    struct Always(Fate, Mutex<u32>);

    impl Interference for Always {
        fn act(&self, _: &HostName, _: &ActRequest<'_>, _: &SimulatedFleet) -> Fate {
            self.0.clone()
        }
        fn acted(&self, _: &HostName, _: &ActRequest<'_>, _: &Result<ActOutcome, FleetError>, fleet: &SimulatedFleet) {
            assert!(fleet.with(|world| world.down().is_empty()));
            *self.1.lock().unwrap() += 1;
        }
        fn look(&self, _: &HostName, _: &SimulatedFleet) -> Fate {
            self.0.clone()
        }
    }

    const LIMIT: Duration = Duration::from_mins(10);

    fn here() -> Address {
        "h/c/thing[a]".parse().unwrap()
    }

    fn thing() -> Arc<dyn AnyKind> {
        let wanted = Thing { size: 2, text: "new".into(), ..Thing::new("a", "new") };
        (Registered::of::<Thing>().decode)(&serde_json::to_value(wanted).unwrap()).unwrap()
    }

    /// Updates a thing that differs in three fields. Yields the outcome, if there was one, whether it was told, and
    /// what is there then.
    async fn update(fate: Fate) -> (Option<Result<ActOutcome, FleetError>>, u32, Observation) {
        update_expecting(None, fate).await
    }

    async fn update_expecting(
        expect: Option<&str>,
        fate: Fate,
    ) -> (Option<Result<ActOutcome, FleetError>>, u32, Observation) {
        let watch = Arc::new(Always(fate, Mutex::new(0)));
        let bare = SimulatedFleet::in_memory(BTreeMap::new());
        let fleet = bare.again(BTreeMap::new()).interfered(Arc::clone(&watch) as Arc<dyn Interference>);
        fleet.set(&here(), seen("old").observation).unwrap();
        let (script, slots, thing, address) = (Script::new(":"), Slots::default(), thing(), here());
        let request = ActRequest {
            address: &address,
            resource: thing.as_ref(),
            purpose: Purpose::Apply,
            expect,
            act: Some((&script, &slots)),
            effect: None,
            completes: true,
            look_after: true,
            timeout: LIMIT,
        };
        let outcome = timeout(LIMIT * 2, fleet.act(&HostName::new("h"), &request)).await.ok();
        let told = *watch.1.lock().unwrap();
        (outcome, told, bare.world().get(&here()))
    }

    #[tokio::test(start_paused = true)]
    async fn each_fate_does_what_it_says() {
        let (old, new) = (seen("old").observation, Observation::Present(thing().simulate()));
        let (outcome, told, now) = update(Fate::Go).await;
        assert!(matches!(outcome, Some(Ok(ActOutcome::Ran { after: Some(Ok(_)), .. }))), "{outcome:?}");
        assert_eq!((told, now), (1, new.clone()));

        let said = Output { status: 7, ..Output::default() };
        let (outcome, told, now) = update(Fate::Fail(said.clone())).await;
        let ran = ActOutcome::Ran { output: said, kept: BTreeMap::new(), after: None };
        assert_eq!((outcome.unwrap().unwrap(), told, now), (ran.clone(), 1, old.clone()));
        // A script looks first, so what fails in it fails on what was planned.
        let (outcome, _, now) = update_expecting(Some("another"), Fate::Fail(Output::default())).await;
        assert!(matches!(outcome, Some(Ok(ActOutcome::Stale { .. }))) && now == old, "{outcome:?}");
        let (outcome, _, now) = update(Fate::Answer(Box::new(ran.clone()))).await;
        assert_eq!((outcome.unwrap().unwrap(), now), (ran, old.clone()));

        let (outcome, told, now) = update(Fate::HalfWay).await;
        assert!(matches!(outcome, Some(Ok(ActOutcome::Ran { output, after: None, .. })) if !output.success()));
        assert!(told == 1 && now != old && now != new, "{now:?}");

        let (outcome, told, now) = update(Fate::Unanswered).await;
        assert!(matches!(outcome, Some(Err(FleetError::Lost { .. }))), "{outcome:?}");
        assert_eq!((told, now), (1, new.clone()));

        let (outcome, told, now) = update(Fate::Unreachable).await;
        assert!(matches!(outcome, Some(Err(FleetError::Connect { .. }))), "{outcome:?}");
        assert_eq!((told, now), (1, old.clone()));

        let (outcome, told, now) = update(Fate::Gone).await;
        assert!(outcome.is_none());
        assert_eq!((told, now), (0, old));
        let (outcome, told, now) = update(Fate::GoneAfter).await;
        assert!(outcome.is_none());
        assert_eq!((told, now), (1, new.clone()));

        let began = Instant::now();
        let (outcome, _, now) = update(Fate::Slow(LIMIT / 2)).await;
        assert!(matches!(outcome, Some(Ok(_))) && began.elapsed() >= LIMIT / 2);
        assert_eq!(now, new);
        let (outcome, _, now) = update(Fate::Slow(LIMIT * 2)).await;
        assert!(matches!(outcome, Some(Err(FleetError::Timeout { seconds: 600, .. }))), "{outcome:?}");
        assert_eq!(now, new);
    }

    #[tokio::test(start_paused = true)]
    async fn looks_are_interfered_with_too() {
        let look = |fate| async move {
            let fleet = SimulatedFleet::in_memory(BTreeMap::new()).interfered(Arc::new(Always(fate, Mutex::new(0))));
            let looks = [Look { address: here(), resource: thing() }];
            timeout(LIMIT, fleet.look(&HostName::new("h"), &looks)).await.ok()
        };
        assert!(look(Fate::Go).await.unwrap().unwrap().seen[&here()].is_ok());
        let failed = look(Fate::Fail(Output { status: 9, ..Output::default() })).await.unwrap().unwrap();
        assert!(matches!(failed.seen[&here()], Err(ProbeError::Failed { status: 9, .. })));
        assert!(matches!(look(Fate::Unanswered).await, Some(Err(FleetError::Lost { .. }))));
        assert!(matches!(look(Fate::Unreachable).await, Some(Err(FleetError::Connect { .. }))));
        assert!(look(Fate::Slow(LIMIT / 2)).await.is_some());
        assert!(look(Fate::Gone).await.is_none());
    }
}
