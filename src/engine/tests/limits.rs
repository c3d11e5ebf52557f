//! What may run at the same time, and what goes first.

use super::rig::{Rig, Staged};
use crate::resource::{Action, HostName, Lane};

#[tokio::test]
async fn control_planes_go_one_by_one_and_hold_nobody_up() {
    let mut rig = Rig::default();
    for n in 0..6 {
        rig.create(&format!("cp{n}/control-plane/staged[join]"), &[]).lane = Some(Lane::ControlPlane);
        rig.create(&format!("w{n}/host/staged[a]"), &[]);
    }
    let ran = rig.run().await;
    assert!(ran.outcome.complete());
    assert_eq!(ran.most_at_once(|it| it.component() == "control-plane"), 1);
    assert_eq!(ran.most_at_once(|it| it.component() == "host"), 6);
}

#[tokio::test]
async fn load_balancers_are_made_together_and_changed_one_by_one() {
    for (action, most) in [(Action::Create, 3), (Action::Update, 1), (Action::Replace, 1), (Action::Destroy, 1)] {
        let mut rig = Rig::default();
        for n in 0..3 {
            let staged = Staged::default();
            rig.change(&format!("lb{n}/haproxy/staged[a]"), action, staged, &[]).lane = Some(Lane::LoadBalancer);
        }
        let ran = rig.run().await;
        assert!(ran.outcome.complete());
        assert_eq!(ran.most_at_once(|_| true), most, "{action:?}");
    }
}

#[tokio::test]
async fn a_host_has_one_package_step_at_a_time_and_no_host_waits_for_another() {
    let mut rig = Rig::default();
    for (host, package) in [("a", 0), ("a", 1), ("a", 2), ("b", 0), ("b", 1), ("b", 2)] {
        let lane = Lane::Packages(HostName::new(host));
        rig.create(&format!("{host}/host/staged[{package}]"), &[]).lane = Some(lane);
    }
    let ran = rig.run().await;
    assert!(ran.outcome.complete());
    assert_eq!(ran.most_at_once(|it| it.host().as_str() == "a"), 1);
    assert_eq!(ran.most_at_once(|_| true), 2);
}

#[tokio::test]
async fn hosts_at_once_and_steps_on_a_host_are_limited() {
    let mut rig = Rig { parallelism: 2, ..Rig::default() };
    for host in 0..5 {
        for key in 0..20 {
            rig.create(&format!("h{host}/host/staged[{key}]"), &[]);
        }
    }
    let ran = rig.run().await;
    assert_eq!(ran.outcome.endings.len(), 100);
    assert!(ran.outcome.complete());
    assert_eq!(ran.most_at_once(|it| it.host().as_str() == "h3"), 8);
    assert_eq!(ran.most_at_once(|_| true), 16);
}

#[tokio::test]
async fn the_longest_path_goes_first_and_needs_are_met() {
    let mut rig = Rig { parallelism: 1, ..Rig::default() };
    // Eight at a time run on a host: the quick ones fill it up unless the long path is preferred.
    for key in 0..9 {
        rig.create(&format!("cp1/host/staged[quick-{key}]"), &[]);
    }
    rig.create("cp1/host/package[kubeadm]", &[]);
    rig.create("cp1/control-plane/member", &["cp1/host/package[kubeadm]"]);
    let ran = rig.run().await;
    let started = ran.started();
    let at = |name: &str| started.iter().position(|it| it == name).unwrap();
    assert_eq!(at("cp1/host/package[kubeadm]"), 0);
    let init = at("cp1/control-plane/member");
    let ended = ran.events.iter().position(
        |event| matches!(event, super::super::event::Event::Ended { address, .. } if address.kind() == "package"),
    );
    let began = ran.events.iter().position(
        |event| matches!(event, super::super::event::Event::Started { address, .. } if address.kind() == "member"),
    );
    assert!(ended.unwrap() < began.unwrap() && init > 0, "{started:?}");
}
