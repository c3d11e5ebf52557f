//! The steps of one resource.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::super::event::{Ending, Event};
use super::rig::{Acted, Rig, Staged, address, failing, right, step};
use crate::fleet::ActOutcome;
use crate::resource::{Action, HostName, Mint, Observation, Output, ProbeError, Script, Seen, Slots, Step, Value};
use crate::state::Status;

const ONE: &str = "h/c/staged[one]";

fn staged(steps: Vec<Step>) -> Staged {
    Staged { steps, ..Staged::default() }
}

#[tokio::test]
async fn the_last_look_decides_what_is_done() {
    for (action, told) in [
        (Action::Create, "it still differs although all steps succeeded: value: 2 instead of 1"),
        (Action::Destroy, "it was not restored: now {\"value\":1}, before mainstay {\"value\":1}"),
    ] {
        let mut rig = Rig::default();
        rig.change(ONE, action, Staged { wrong: true, ..Staged::default() }, &[]);
        let ran = rig.run().await;
        assert_eq!(ran.failure(ONE), ("final check", told));
        assert_eq!(ran.state.resources[&address(ONE)].status, Status::Interrupted);
        assert!(!ran.outcome.complete());
    }
    let unexpected = Err(ProbeError::unexpected("two of it"));
    let gone = Ok(Seen { observation: Observation::Absent, digest: String::new() }.into());
    for (after, told) in [
        (unexpected, "unexpected probe output: two of it"),
        (gone, "it still does not exist although all steps succeeded"),
    ] {
        let mut rig = Rig::default().on_act(move |_| {
            Some(ActOutcome::Ran { output: Output::default(), kept: BTreeMap::new(), after: Some(after.clone()) })
        });
        rig.create(ONE, &[]);
        let ran = rig.run().await;
        assert_eq!(ran.failure(ONE), ("final check", told));
    }
    let mut rig = Rig::default();
    rig.create(ONE, &[]);
    let ran = rig.run().await;
    assert_eq!(ran.ending(ONE), &Ending::Done);
    let record = &ran.state.resources[&address(ONE)];
    assert_eq!((record.status, &record.observed), (Status::Ready, &right().observation.digest()));
    assert_eq!(record.prior.before, Observation::Absent);
}

#[tokio::test]
async fn a_host_that_changed_since_the_plan_is_left_alone() {
    let mut rig = Rig::default();
    rig.change(ONE, Action::Update, staged(vec![step("a"), step("b")]), &[]);
    let changed = Observation::Present(serde_json::json!({ "value": 7 }));
    rig.fleet.set(&address(ONE), changed).unwrap();
    let ran = rig.run().await;
    assert_eq!(ran.failure(ONE), ("a", "the host has changed since the plan; nothing was done. Plan again."));
    assert_eq!(ran.acts, []);
    // An intent that stood would let the next run take what is there now for its own work.
    assert!(!ran.state.resources.contains_key(&address(ONE)));
}

#[tokio::test]
async fn an_act_of_which_the_host_was_never_told_leaves_no_intent() {
    let mut rig = Rig::default();
    rig.create(ONE, &[]);
    rig.fleet.set_down(&HostName::new("h"), true).unwrap();
    let ran = rig.run().await;
    assert!(ran.failure(ONE).1.contains("cannot connect"), "{:?}", ran.failure(ONE));
    assert!(!ran.state.resources.contains_key(&address(ONE)));
}

/// What the run itself has changed may look different from the plan.
#[tokio::test]
async fn what_comes_after_another_change_is_not_held_to_the_old_look() {
    let mut rig = Rig::default();
    rig.create("h/c/staged[first]", &[]);
    rig.change(ONE, Action::Update, Staged::default(), &["h/c/staged[first]"]);
    rig.fleet.set(&address(ONE), Observation::Absent).unwrap();
    assert!(rig.run().await.outcome.complete());
    // No single answer stands behind an empty digest, so there is nothing to compare with.
    let mut rig = Rig::default();
    Arc::make_mut(rig.create(ONE, &[]).before.as_mut().unwrap()).digest.clear();
    assert!(rig.run().await.outcome.complete());
}

#[tokio::test]
async fn a_failure_ends_the_steps_but_for_those_that_clean_up() {
    let mut rig = Rig::default().on_act(|acted| match acted.step.as_str() {
        "b" => Some(failing("no space left\non device")),
        "clean" => Some(failing("cannot clean either")),
        _ => None,
    });
    rig.change(
        ONE,
        Action::Create,
        staged(vec![step("a"), step("b"), step("c"), step("clean").always(), step("sweep").always()]),
        &[],
    );
    let ran = rig.run().await;
    assert_eq!(ran.steps(ONE), ["a", "b", "clean", "sweep"]);
    assert_eq!(ran.failure(ONE), ("b", "exit 1\nno space left\non device"));
    assert_eq!(ran.state.resources[&address(ONE)].status, Status::Interrupted);
}

/// What was put back is not done any more, and what failed says so.
#[tokio::test]
async fn a_rescue_runs_only_after_a_failure_and_undoes_what_its_files_were_recorded_for() {
    let (file, other) = ("h/c/file[/f]", "h/other/file[/f]");
    let rig = |fails: &'static str, says: &'static str| {
        let mut rig = Rig::default().on_act(move |acted| {
            let said = Output { stdout: says.into(), ..Output::default() };
            match acted.step.as_str() {
                step if step == fails => Some(failing("it does not start")),
                "back" => Some(ActOutcome::Ran { output: said, kept: BTreeMap::new(), after: None }),
                _ => None,
            }
        });
        rig.create(file, &[]);
        rig.create(other, &[]);
        let back = step("back").capture(Slots::PUT_BACK).rescue();
        let resource = Staged { puts_back: vec!["/f".into()], ..staged(vec![step("a"), step("b"), back]) };
        let change = rig.change(ONE, Action::Create, resource, &[file, other]);
        change.needs = [address(file), address(other)].into();
        rig
    };
    let ran = rig("b", "the previous /f was put back\n").run().await;
    assert_eq!(ran.steps(ONE), ["a", "b", "back"]);
    assert_eq!(ran.failure(ONE), ("b", "exit 1\nit does not start\nthe previous /f was put back"));
    assert_eq!(ran.state.resources[&address(file)].status, Status::Interrupted);
    assert_eq!(ran.state.resources[&address(other)].status, Status::Ready, "another component's");
    // Nothing was put back, nothing was done before, or all went well.
    let ran = rig("b", "").run().await;
    assert_eq!(ran.failure(ONE), ("b", "exit 1\nit does not start"));
    assert_eq!(ran.state.resources[&address(file)].status, Status::Ready);
    assert_eq!(rig("a", "").run().await.steps(ONE), ["a"]);
    assert_eq!(rig("", "").run().await.steps(ONE), ["a", "b"]);
}

#[tokio::test]
async fn replacing_is_destroying_and_creating() {
    let mut rig = Rig::default();
    let undo = vec![step("unmake")];
    rig.change(ONE, Action::Replace, Staged { undo, ..staged(vec![step("make")]) }, &[]);
    let ran = rig.run().await;
    assert_eq!(ran.steps(ONE), ["unmake", "make"]);
    assert_eq!((ran.outcome.done(Action::Create), ran.outcome.done(Action::Destroy)), (1, 1));
}

#[tokio::test]
async fn secrets_flow_from_step_to_step_and_nowhere_else() {
    let text = format!("{}.{}", Slots::placeholder("id"), Slots::placeholder("hash"));
    let reads = |title: &'static str| {
        let script = Script::new(":").set("STEP", title).set("TOKEN", Value::Slotted(text.clone()));
        Step::run(title, script)
    };
    let mut rig = Rig::default().on_act(|acted| {
        let output = Output { stdout: "  sha256:abc\n".into(), ..Output::default() };
        (acted.step == "ask").then(|| ActOutcome::Ran { output, kept: BTreeMap::new(), after: None })
    });
    rig.change(
        ONE,
        Action::Create,
        staged(vec![Step::mint("id", Mint::TokenId), step("ask").capture("hash"), reads("join"), reads("check")]),
        &[],
    );
    let ran = rig.run().await;
    assert!(ran.outcome.complete(), "{:?}", ran.outcome.endings);
    let token = |step: &str| {
        let sent = ran.acts.iter().find(|it| it.step == step).unwrap();
        sent.text.lines().find_map(|line| line.strip_prefix("TOKEN=")).unwrap().trim_matches('\'').to_owned()
    };
    let (id, hash) = (token("join"), token("check"));
    assert_eq!(id, hash);
    let (id, hash) = id.split_once('.').unwrap();
    assert_eq!((id.len(), hash), (6, "sha256:abc"));
    let said = format!("{:?}{:?}{}", ran.events, ran.outcome, serde_json::to_string(&ran.state).unwrap());
    assert!(!said.contains(id) && !said.contains("sha256:abc"), "{said}");
}

#[tokio::test]
async fn what_a_step_learned_is_recorded_even_when_a_later_one_fails() {
    let mut rig = Rig::default().on_act(|acted| {
        let kept = [("pulled".to_owned(), "socat".to_owned())].into();
        match acted.step.as_str() {
            "a" => Some(ActOutcome::Ran { output: Output::default(), kept, after: None }),
            _ => Some(failing("no")),
        }
    });
    rig.change(ONE, Action::Create, staged(vec![step("a"), step("b")]), &[]);
    let ran = rig.run().await;
    assert_eq!(ran.state.resources[&address(ONE)].prior.kept["pulled"], "socat");
}

#[tokio::test(start_paused = true)]
async fn only_what_is_known_to_pass_is_tried_again_and_not_for_ever() {
    let tries = |stderr: &'static str, good_from: u32| {
        let count = AtomicU32::new(0);
        let mut rig = Rig::default()
            .on_act(move |_| (count.fetch_add(1, Ordering::SeqCst) + 1 < good_from).then(|| failing(stderr)));
        rig.change(ONE, Action::Create, staged(vec![step("install").transient(&["Could not get lock"])]), &[]);
        rig.run()
    };
    let retried = |events: &[Event]| events.iter().filter(|it| matches!(it, Event::Retried { .. })).count();
    let locked = "E: Could not get lock /var/lib/dpkg/lock";
    let ran = tries(locked, 3).await;
    assert_eq!((ran.ending(ONE), ran.acts.len(), retried(&ran.events)), (&Ending::Done, 3, 2));
    // What the first try changed is no reason to stop.
    assert_eq!(ran.acts.iter().map(|act| act.expects).collect::<Vec<_>>(), [true, false, false]);
    let ran = tries(locked, u32::MAX).await;
    assert_eq!((ran.failure(ONE).0, ran.acts.len(), retried(&ran.events)), ("install", 5, 4));
    let ran = tries("E: no such package", 3).await;
    assert_eq!((ran.failure(ONE).0, ran.acts.len(), retried(&ran.events)), ("install", 1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_condition_is_awaited_until_its_deadline() {
    let waits = |deadline, good_from: u32| {
        let count = AtomicU32::new(0);
        let mut rig = Rig::default().on_act(move |acted| {
            let bad = acted.step == "vote" && count.fetch_add(1, Ordering::SeqCst) + 1 < good_from;
            bad.then(|| failing("learner"))
        });
        let wait = Step::wait("the member votes", Script::new(":").set("STEP", "vote"), deadline);
        rig.change(ONE, Action::Create, staged(vec![step("join"), wait]), &[]);
        rig.run()
    };
    let ran = waits(Duration::from_secs(30), 2).await;
    assert_eq!(ran.ending(ONE), &Ending::Done);
    assert_eq!(ran.steps(ONE), ["join", "vote", "vote", "look"]);
    let told = ran.events.iter().any(|event| {
        matches!(event, Event::Waiting { until, missing, left, .. }
            if until == "the member votes" && missing == "learner" && *left > Duration::from_secs(20))
    });
    assert!(told, "{:?}", ran.events);
    let ran = waits(Duration::from_mins(5), u32::MAX).await;
    assert_eq!(
        ran.failure(ONE),
        ("wait until the member votes", "timed out after 300 s waiting until the member votes: learner")
    );
}

#[tokio::test]
async fn any_healthy_control_plane_carries_out_what_belongs_to_the_cluster() {
    const NETWORK: &str = "cluster/network/staged[flannel]";
    let sick = |hosts: &'static [&'static str]| {
        let mut rig = Rig::default().on_act(move |acted| {
            (acted.step == "probe" && hosts.contains(&acted.host.as_str())).then(|| failing("apiserver: not ready"))
        });
        for host in ["cp1", "cp2", "cp3"] {
            let join = address(&format!("{host}/control-plane/staged[join]"));
            rig.fleet.set(&join, right().observation).unwrap();
        }
        rig.control_planes(&["cp1", "cp2", "cp3"]);
        Arc::make_mut(rig.create(NETWORK, &[]).before.as_mut().unwrap()).digest.clear();
        rig.run()
    };
    let ran = sick(&["cp1"]).await;
    assert_eq!(ran.ending(NETWORK), &Ending::Done);
    let wrote = ran.acts.iter().find(|it| it.step == "write").unwrap();
    assert_eq!(wrote.host, "cp2");
    let ran = sick(&["cp1", "cp2", "cp3"]).await;
    let told = "no healthy control plane is available: cp1: apiserver: not ready; cp2: apiserver: not ready; \
                cp3: apiserver: not ready";
    assert_eq!(ran.failure(NETWORK), ("write", told));
}

#[tokio::test]
async fn a_step_on_another_control_plane_is_never_on_the_own_host_and_may_be_optional() {
    let leaves = |hosts: &'static [&'static str], optional: bool| {
        let mut rig = Rig::default();
        for host in hosts {
            let there = address(&format!("{host}/control-plane/staged"));
            rig.fleet.set(&there, right().observation).unwrap();
        }
        rig.control_planes(hosts);
        let remove = step("remove member").on_control_plane();
        let undo = vec![if optional { remove.optional() } else { remove }, step("reset")];
        rig.change("cp1/c/staged[join]", Action::Destroy, Staged { undo, ..Staged::default() }, &[]);
        rig.run()
    };
    let ran = leaves(&["cp1", "cp2"], false).await;
    assert!(ran.outcome.complete(), "{:?}", ran.outcome.endings);
    let hosts: Vec<&str> = ran.acts.iter().filter(|it| it.step != "probe").map(|it| it.host.as_str()).collect();
    assert_eq!(hosts, ["cp2", "cp1"]);
    let ran = leaves(&["cp1"], true).await;
    assert_eq!(ran.steps("cp1/c/staged[join]"), ["reset"]);
    let ran = leaves(&["cp1"], false).await;
    assert_eq!(ran.failure("cp1/c/staged[join]"), ("remove member", "there is no other control plane"));
}

#[tokio::test]
async fn each_other_control_plane_is_asked_whether_it_is_healthy_or_not() {
    let run = |refuses: &'static str| {
        let mut rig = Rig::default().on_act(move |acted| {
            let fails = acted.step == "probe" || (acted.step == "see" && acted.host == refuses);
            fails.then(|| failing("it has etcd's data"))
        });
        rig.control_planes(&["cp1", "cp2", "cp3"]);
        let steps = vec![step("see").on_each_other_control_plane(), step("init")];
        rig.change("cp1/c/staged[init]", Action::Create, Staged { steps, ..Staged::default() }, &[]);
        rig.run()
    };
    let ran = run("").await;
    assert!(ran.outcome.complete(), "{:?}", ran.outcome.endings);
    let done: Vec<_> = ran.acts.iter().map(|it| (it.step.as_str(), it.host.as_str())).collect();
    assert_eq!(done, [("see", "cp2"), ("see", "cp3"), ("init", "cp1")]);
    let ran = run("cp3").await;
    assert_eq!(ran.failure("cp1/c/staged[init]"), ("see", "exit 1\nit has etcd's data"));
    assert_eq!(ran.steps("cp1/c/staged[init]"), ["see", "see"]);
}

#[tokio::test]
async fn who_helped_well_helps_on_until_the_own_host_comes_in_between() {
    let run = |fails: &'static str| {
        let mut rig = Rig::default().on_act(move |acted| (acted.step == fails).then(|| failing("no")));
        for host in ["cp2", "cp3"] {
            rig.fleet.set(&address(&format!("{host}/control-plane/staged")), right().observation).unwrap();
        }
        rig.control_planes(&["cp1", "cp2", "cp3"]);
        let help = |title| step(title).on_control_plane();
        let steps = vec![help("invite"), help("sign"), step("join"), help("forget").always()];
        rig.change("cp1/c/staged[join]", Action::Create, Staged { steps, ..Staged::default() }, &[]);
        rig.run()
    };
    let told = |acts: &[Acted]| acts.iter().map(|it| it.step.clone()).collect::<Vec<_>>().join(" ");
    assert_eq!(told(&run("").await.acts), "probe invite sign join probe forget look");
    // One that fails may be sick by now.
    assert_eq!(told(&run("sign").await.acts), "probe invite sign probe forget");
}
