//! Each rule is broken once: what a real cluster refuses is refused here, in its words.

use std::net::Ipv4Addr;
use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::fleet::World;
use crate::resource::{Effect, Observation, Secret, Slots};

const VIP: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 100);
const MINUTE: u64 = 60;
const FINISHED: &str = "finished";
const BARE: &str = "bare";

/// Hosts, and the hands that run steps on them.
struct Hosts {
    world: World,
    slots: Slots,
    now: u64,
    half: bool,
}

fn host(name: &str) -> HostName {
    HostName::new(name)
}

/// The member on a host: `w..` are workers.
fn address(name: &str) -> Address {
    format!("{name}/{}/member", role(name)).parse().unwrap()
}

fn role(name: &str) -> &'static str {
    if name.starts_with('w') { "worker" } else { "control-plane" }
}

impl Hosts {
    /// A load balancer on each of these, and nothing else.
    fn new(balancers: &[&str]) -> Self {
        let mut slots = Slots::default();
        slots.put("id", Secret::new("abcdef"));
        slots.put("key", Secret::new("0123"));
        let mut it = Self { world: World::default(), slots, now: 1_000_000, half: false };
        for name in balancers {
            it.balance(name, balancers);
        }
        it
    }

    /// With a cluster of these control planes, each with a load balancer.
    fn with(names: &[&str]) -> Self {
        let mut it = Self::new(names);
        it.init("cp1").unwrap();
        for name in &names[1..] {
            it.join(name).unwrap();
        }
        it
    }

    fn set(&mut self, address: &str, is: Value) {
        self.world.set(&address.parse().unwrap(), Observation::Present(is));
    }

    /// keepalived.conf of a host, which speaks to these.
    fn conf(&mut self, name: &str, speaks_to: &[&str]) {
        let number = |name: &str| name[2..].parse::<u8>().unwrap();
        let peers = speaks_to
            .iter()
            .filter(|it| **it != name)
            .fold(String::new(), |peers, peer| format!("{peers}        10.0.0.{}\n", number(peer)));
        let text = format!(
            "vrrp_instance a {{\n    virtual_router_id 51\n    priority {}\n    unicast_src_ip 10.0.0.{}\n    \
             unicast_peer {{\n{peers}    }}\n    virtual_ipaddress {{\n        {VIP}/24 dev eth0\n    }}\n}}\n",
            100 - number(name),
            number(name)
        );
        self.set(&format!("{name}/keepalived/file[/etc/keepalived/keepalived.conf]"), json!({ "content": text }));
    }

    fn service(&mut self, name: &str, service: &str, state: &str) {
        self.set(&format!("{name}/{service}/service[{service}]"), json!({ "state": state, "boot": "enabled" }));
    }

    fn balance(&mut self, name: &str, speaks_to: &[&str]) {
        self.set(&format!("{name}/haproxy/file[/etc/haproxy/haproxy.cfg]"), json!({ "content": "" }));
        self.service(name, "haproxy", "active");
        self.conf(name, speaks_to);
        self.service(name, "keepalived", "active");
    }

    fn run(&mut self, on: &str, own: &str, effect: &Effect) -> Result<String, String> {
        let (on, address, done) = (host(on), address(own), json!({ "complete": true, "role": role(own) }));
        let doing = Doing {
            on: &on,
            address: &address,
            node: None,
            done: &done,
            slots: &self.slots,
            now: self.now,
            half: self.half,
        };
        let output = carry_out(&mut self.world, effect, doing);
        if output.success() { Ok(output.stdout) } else { Err(output.stderr) }
    }

    #[track_caller]
    fn refused(&mut self, on: &str, own: &str, effect: &Effect, why: &str) {
        let said = self.run(on, own, effect).unwrap_err();
        assert!(said.contains(why), "{said}");
    }

    fn init(&mut self, name: &str) -> Result<(), String> {
        self.run(name, name, &Effect::Init { endpoint: Some(VIP) })?;
        self.run(name, name, &Effect::ControlPlaneWhole).map(drop)
    }

    /// All that a join needs, made on the first control plane, and the join.
    fn join(&mut self, name: &str) -> Result<(), String> {
        self.invite(name)?;
        self.run(name, name, &join_of(name))?;
        if role(name) == "worker" {
            return self.run("cp1", name, &Effect::NodeRegistered).map(drop);
        }
        self.run(name, name, &Effect::ControlPlaneWhole).map(drop)
    }

    fn invite(&mut self, name: &str) -> Result<(), String> {
        self.run("cp1", name, &Effect::NodeAway)?;
        self.run("cp1", name, &Effect::RemoveMember { leaving: false })?;
        self.run("cp1", name, &Effect::UploadCertificates { endpoint: Some(VIP), key: "key" })?;
        self.run("cp1", name, &Effect::MakeToken { id: "id", lifetime: Duration::from_secs(20 * MINUTE) })?;
        self.run("cp1", name, &Effect::TokenSigned { id: "id" }).map(drop)
    }

    /// Reset, taken out on another host, cleaned up.
    fn leave(&mut self, name: &str, by: &str) -> Result<(), String> {
        self.run(name, name, &Effect::Reset)?;
        self.run(by, name, &Effect::RemoveMember { leaving: true })?;
        self.world.set(&address(name), Observation::Absent);
        Ok(())
    }

    fn down(&mut self, name: &str, down: bool) {
        self.world.set_down(&host(name), down);
    }

    /// Members as text: `+` votes and runs, `-` votes and does not, `l` is a learner.
    fn members(&self) -> String {
        let mark = |it: &EtcdMember| {
            if !it.voting {
                'l'
            } else if it.up {
                '+'
            } else {
                '-'
            }
        };
        let members = self.world.kubernetes().members;
        members.iter().map(|it| format!("{}{}", mark(it), it.host)).collect::<Vec<_>>().join(" ")
    }
}

fn join_of(name: &str) -> Effect {
    Effect::Join { endpoint: Some(VIP), token: "id", certificates: (role(name) == "control-plane").then_some("key") }
}

const FIVE: [&str; 5] = ["cp1", "cp2", "cp3", "cp4", "cp5"];

#[test]
fn the_right_order_makes_and_takes_down_clusters_of_all_sizes() {
    for names in [&FIVE[..1], &FIVE[..3], &FIVE[..]] {
        let mut it = Hosts::with(names);
        it.join("w1").unwrap();
        assert!(it.world.kubernetes().has_quorum());
        assert_eq!(it.world.kubernetes().voting(), names.len());
        it.run("cp1", "w1", &Effect::DeleteTokens { certificates: true }).unwrap();
        assert!(it.world.model().tokens.is_empty() && it.world.model().certificates.is_none());
        it.leave("w1", "cp1").unwrap();
        for name in names[1..].iter().rev() {
            it.leave(name, "cp1").unwrap();
            assert!(it.world.kubernetes().has_quorum());
        }
        it.run("cp1", "cp1", &Effect::Reset).unwrap();
        it.world.set(&address("cp1"), Observation::Absent);
        assert_eq!((it.members().as_str(), it.world.model().endpoint), ("", None));
        it.init("cp1").unwrap();
    }
}

#[test]
fn nobody_joins_before_there_is_a_cluster() {
    let mut it = Hosts::new(&FIVE[..3]);
    it.refused("cp1", "cp2", &Effect::MakeToken { id: "id", lifetime: Duration::from_secs(1) }, "no control plane");
    it.refused("cp2", "cp2", &join_of("cp2"), "couldn't validate the identity of the API Server");
    assert_eq!(it.world.model().standing(&host("cp2")), Some(false), "kubeadm began");
    assert_eq!(it.members(), "");
}

#[test]
fn a_cluster_is_made_once() {
    let mut it = Hosts::with(&FIVE[..2]);
    // Also when the others cannot be asked.
    it.down("cp2", true);
    it.world.meddle(&address("cp1"), Observation::Absent);
    it.refused("cp1", "cp1", &Effect::Init { endpoint: Some(VIP) }, "there is a cluster already");
    it.refused("cp2", "cp1", &Effect::NoClusterHere, "cp2 is a control plane");
    let mut it = Hosts::with(&FIVE[..1]);
    it.init("cp1").unwrap();
    assert_eq!(it.members(), "+cp1");
}

#[test]
fn the_endpoint_must_answer_before_init_and_join() {
    let mut it = Hosts::new(&[]);
    it.refused("cp1", "cp1", &Effect::Init { endpoint: Some(VIP) }, "wait-control-plane");
    it.refused("cp1", "cp1", &Effect::EndpointAnswers { address: VIP }, "no host holds 10.0.0.100");
    // What it left is reset, and then it is made.
    it.balance("cp1", &["cp1"]);
    it.run("cp1", "cp1", &Effect::EndpointAnswers { address: VIP }).unwrap();
    assert_eq!(it.run("cp1", "cp1", &Effect::Settle { joins: false, finished: FINISHED, bare: BARE }).unwrap(), BARE);
    it.init("cp1").unwrap();
    assert_eq!(
        it.run("cp1", "cp1", &Effect::Settle { joins: false, finished: FINISHED, bare: BARE }).unwrap(),
        FINISHED
    );
    it.invite("w1").unwrap();
    for stops in ["haproxy", "keepalived"] {
        it.service("cp1", stops, "inactive");
        it.refused("w1", "w1", &join_of("w1"), "no route to host");
        it.service("cp1", stops, "active");
    }
    it.run("w1", "w1", &join_of("w1")).unwrap();
    // One that others hold is none of these hosts' business.
    Hosts::new(&[]).run("cp1", "cp1", &Effect::Init { endpoint: None }).unwrap();
}

#[test]
fn others_may_take_the_endpoint_over_and_give_it_back() {
    let mut it = Hosts::with(&FIVE[..1]);
    it.service("cp1", "keepalived", "inactive");
    it.run("cp1", "w1", &Effect::MakeToken { id: "id", lifetime: Duration::from_secs(MINUTE) }).unwrap();
    for (endpoint, refusal) in
        [(Some(VIP), Some("no route to host")), (None, None), (Some(VIP), Some("no route to host"))]
    {
        let upload = Effect::UploadCertificates { endpoint, key: "key" };
        let said = it.run("cp1", "cp2", &upload).err();
        assert_eq!(said.is_some(), refusal.is_some(), "{said:?}");
        assert!(said.unwrap_or_default().contains(refusal.unwrap_or_default()));
    }
    let join = Effect::Join { endpoint: None, token: "id", certificates: None };
    it.run("w1", "w1", &join).unwrap();
}

#[test]
fn tokens_and_certificates_expire() {
    for (minutes, refuses) in [(19, false), (20, true)] {
        let mut it = Hosts::with(&FIVE[..1]);
        it.invite("w1").unwrap();
        it.now += minutes * MINUTE;
        let said = it.run("w1", "w1", &join_of("w1"));
        assert_eq!(said.is_err(), refuses, "{said:?}");
        assert!(said.err().is_none_or(|said| said.contains("token ID \"abcdef\"")));
        assert_eq!(it.run("cp1", "w1", &Effect::TokenSigned { id: "id" }).is_err(), refuses);
    }
    for (minutes, refuses) in [(119, false), (120, true)] {
        let mut it = Hosts::with(&FIVE[..1]);
        it.invite("cp2").unwrap();
        it.now += minutes * MINUTE;
        it.run("cp1", "cp2", &Effect::MakeToken { id: "id", lifetime: Duration::from_secs(1) }).unwrap();
        let said = it.run("cp2", "cp2", &join_of("cp2"));
        assert_eq!(said.is_err(), refuses, "{said:?}");
        assert!(said.err().is_none_or(|said| said.contains("Secret \"kubeadm-certs\" was not found")));
    }
    let mut it = Hosts::with(&FIVE[..1]);
    it.invite("cp2").unwrap();
    it.slots.put("key", Secret::new("4567"));
    it.refused("cp2", "cp2", &join_of("cp2"), "message authentication failed");
    it.run("cp1", "cp2", &Effect::DeleteTokens { certificates: false }).unwrap();
    it.refused("cp2", "cp2", &join_of("cp2"), "JWS signature");
}

#[test]
fn one_learner_at_a_time() {
    let mut it = Hosts::with(&FIVE[..1]);
    it.invite("cp2").unwrap();
    it.half = true;
    it.refused("cp2", "cp2", &join_of("cp2"), "interrupted");
    it.half = false;
    assert_eq!(it.members(), "+cp1 lcp2");
    it.refused("cp1", "cp1", &Effect::ControlPlaneWhole, "does not vote yet");
    it.invite("cp3").unwrap();
    it.refused("cp3", "cp3", &join_of("cp3"), "too many learner members");
    // A host that begins again is reset first, and its member with it.
    assert_eq!(it.run("cp2", "cp2", &Effect::Settle { joins: true, finished: FINISHED, bare: BARE }).unwrap(), BARE);
    assert_eq!(it.members(), "+cp1");
    it.join("cp3").unwrap();
    it.join("cp2").unwrap();
    assert_eq!(it.members(), "+cp1 +cp2 +cp3");
}

#[test]
fn without_a_quorum_the_api_answers_nobody() {
    let mut it = Hosts::with(&FIVE[..3]);
    it.invite("w1").unwrap();
    it.down("cp3", true);
    it.run("cp1", "w1", &Effect::UseApi).unwrap();
    // A join asks every member.
    it.invite("cp4").unwrap();
    it.refused("cp4", "cp4", &join_of("cp4"), "check-etcd");
    it.down("cp2", true);
    assert!(!it.world.kubernetes().has_quorum());
    for asked in [
        Effect::UseApi,
        Effect::ApiReady,
        Effect::NodeAway,
        Effect::NodeRegistered,
        Effect::UploadCertificates { endpoint: Some(VIP), key: "key" },
        Effect::MakeToken { id: "id", lifetime: Duration::from_secs(1) },
        Effect::DeleteTokens { certificates: false },
        Effect::RemoveMember { leaving: false },
    ] {
        it.refused("cp1", "w1", &asked, "ServiceUnavailable");
    }
    it.refused("cp1", "cp1", &Effect::ControlPlaneWhole, "not ready");
    it.refused("w1", "w1", &join_of("w1"), "couldn't validate");
    it.refused("w1", "w1", &Effect::ApiReady, "no control plane");
    // A cluster that is beyond help must still be destroyable.
    it.run("cp1", "w1", &Effect::RemoveMember { leaving: true }).unwrap();
    it.down("cp2", false);
    it.run("cp1", "w1", &Effect::UseApi).unwrap();
}

#[test]
fn a_member_leaves_only_if_the_others_are_a_quorum() {
    let mut it = Hosts::with(&FIVE[..3]);
    it.down("cp3", true);
    it.refused("cp1", "cp2", &Effect::RemoveMember { leaving: true }, "etcdserver: unhealthy cluster");
    it.refused("cp2", "cp2", &Effect::Reset, "would lose its majority");
    assert_eq!(it.members(), "+cp1 +cp2 -cp3");
    // Without a majority nobody can tell whether others have the data, too.
    it.down("cp1", true);
    it.refused("cp2", "cp2", &Effect::Reset, "neither etcd here nor the API at its endpoint answers");
    it.down("cp1", false);
    // Where all goes, kubeadm reset goes on without, and what it leaves behind still counts.
    it.slots.put(Slots::SCOPE, Secret::new(Slots::WHOLE));
    it.run("cp2", "cp2", &Effect::Reset).unwrap();
    assert_eq!(it.members(), "+cp1 -cp2 -cp3");
    assert!(!it.world.kubernetes().has_quorum());

    // One that was begun and votes already is settled alike.
    let settle = Effect::Settle { joins: true, finished: FINISHED, bare: BARE };
    let mut it = Hosts::with(&FIVE[..3]);
    it.set("cp2/control-plane/member", json!({ "complete": false, "role": "control-plane" }));
    assert_eq!(it.members(), "+cp1 +cp2 +cp3");
    it.down("cp3", true);
    it.refused("cp2", "cp2", &settle, "would lose its majority");
    it.down("cp1", true);
    it.refused("cp2", "cp2", &settle, "neither etcd here nor the API at its endpoint answers");
    assert_eq!(it.members(), "-cp1 +cp2 -cp3");
    it.down("cp1", false);
    it.down("cp3", false);
    assert_eq!(it.run("cp2", "cp2", &settle).unwrap(), BARE);
    it.join("cp2").unwrap();
    assert_eq!(it.members(), "+cp1 +cp2 +cp3");

    // A dead one may always go, and must before the next one comes.
    let mut it = Hosts::with(&FIVE[..3]);
    it.down("cp3", true);
    it.run("cp1", "cp3", &Effect::RemoveMember { leaving: false }).unwrap();
    assert_eq!(it.members(), "+cp1 +cp2");
    it.join("cp4").unwrap();
}

#[test]
fn with_the_last_data_goes_all_that_etcd_kept() {
    let mut it = Hosts::with(&FIVE[..3]);
    it.set("cluster/nodes/node[w1]", json!({ "labels": {} }));
    it.slots.put(Slots::SCOPE, Secret::new(Slots::WHOLE));
    for name in &FIVE[..3] {
        it.service(name, "haproxy", "inactive");
    }
    for (name, left) in [("cp3", "+cp1 +cp2 -cp3"), ("cp2", "+cp1 -cp2 -cp3"), ("cp1", "")] {
        assert!(it.world.get(&"cluster/nodes/node[w1]".parse().unwrap()).present().is_some());
        it.down("cp1", name == "cp3");
        it.run(name, name, &Effect::Reset).unwrap();
        it.down("cp1", false);
        assert_eq!(it.members(), left);
    }
    assert_eq!(it.world.get(&"cluster/nodes/node[w1]".parse().unwrap()), Observation::Absent);
}

#[test]
fn a_reset_that_cannot_reach_the_others_leaves_a_dead_member() {
    let mut it = Hosts::with(&FIVE);
    for name in &FIVE {
        it.service(name, "haproxy", "inactive");
    }
    // Its own etcd lets it go, be it a part that goes or all.
    it.run("cp5", "cp5", &Effect::Reset).unwrap();
    it.slots.put(Slots::SCOPE, Secret::new(Slots::WHOLE));
    it.run("cp4", "cp4", &Effect::Reset).unwrap();
    assert_eq!(it.members(), "+cp1 +cp2 +cp3");
    for down in [true, false] {
        it.down("cp1", down);
        it.down("cp2", down);
        it.run("cp3", "cp3", &Effect::Reset).unwrap();
    }
    it.world.set(&address("cp3"), Observation::Absent);
    assert_eq!(it.members(), "+cp1 +cp2 -cp3");
    for name in &FIVE[..3] {
        it.service(name, "haproxy", "active");
    }
    // It must be taken out before its host may come again.
    it.refused("cp3", "cp3", &join_of("cp3"), "Peer URLs already exists");
    it.join("cp3").unwrap();
    assert_eq!(it.members(), "+cp1 +cp2 +cp3");
}

#[test]
fn a_host_has_one_role() {
    let mut it = Hosts::with(&FIVE[..1]);
    it.invite("cp2").unwrap();
    it.set("cp2/worker/member", json!({ "complete": true, "role": "worker" }));
    it.refused("cp2", "cp2", &join_of("cp2"), "kubelet.conf already exists");
    it.run("cp2", "cp2", &Effect::Reset).unwrap();
    it.run("cp2", "cp2", &join_of("cp2")).unwrap();
    assert_eq!(it.members(), "+cp1 +cp2");
    assert_eq!(it.world.get(&"cp2/worker/member".parse().unwrap()), Observation::Absent);
    it.refused("cp1", "w1", &Effect::NodeRegistered, "not registered");
    it.set("w1/worker/member", json!({ "complete": true, "role": "worker" }));
    it.refused("cp1", "w1", &Effect::NodeAway, "is Ready");
}

#[test]
fn what_an_earlier_step_answered_decides() {
    let mut it = Hosts::with(&FIVE[..1]);
    it.slots.put("standing", Secret::new(FINISHED));
    let join = join_of("cp2").only_if("standing", BARE);
    it.run("cp2", "cp2", &join).unwrap();
    assert_eq!(it.members(), "+cp1");
    it.slots.put("standing", Secret::new(BARE));
    it.refused("cp2", "cp2", &join, "JWS signature");
}

#[test]
fn a_world_that_was_never_told_is_healthy() {
    let mut it = Hosts::new(&[]);
    it.set("cp1/control-plane/member", json!({ "complete": true, "role": "control-plane" }));
    it.set("cp2/control-plane/member", json!({ "complete": true, "role": "control-plane" }));
    it.set("cp3/control-plane/member", json!({ "complete": false, "role": "control-plane" }));
    it.set("w1/worker/member", json!({ "complete": true, "role": "worker" }));
    assert_eq!(it.members(), "+cp1 +cp2");
    it.balance("cp1", &["cp1"]);
    it.join("cp3").unwrap();
    it.join("w2").unwrap();
    it.leave("cp2", "cp1").unwrap();
    assert_eq!(it.members(), "+cp1 +cp3");
    // Reset by hand, as `sim set` says: it left etcd as it should.
    it.world.meddle(&address("cp3"), Observation::Absent);
    assert_eq!(it.members(), "+cp1");
}

#[test]
fn the_virtual_ip_is_held_once_unless_two_do_not_hear_each_other() {
    let names = &FIVE[..3];
    let mut it = Hosts::with(names);
    let holders = |it: &Hosts| {
        let holders = it.world.virtual_ip_holders().remove(&VIP).unwrap_or_default();
        holders.iter().map(HostName::as_str).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(holders(&it), "cp1");
    it.service("cp1", "haproxy", "failed");
    assert_eq!(holders(&it), "cp2");
    it.down("cp2", true);
    assert_eq!(holders(&it), "cp3");
    it.down("cp2", false);
    it.service("cp1", "haproxy", "active");
    // A newcomer that nobody speaks to yet hears nobody.
    it.balance("cp4", &FIVE[..4]);
    assert_eq!(holders(&it), "cp1 cp4");
    // A file that was not read yet changes nothing.
    for name in names {
        it.conf(name, &FIVE[..4]);
    }
    assert_eq!(holders(&it), "cp1 cp4");
    for name in names {
        it.service(name, "keepalived", "active");
    }
    assert_eq!(holders(&it), "cp1");
    // Where nothing is known of how they speak, one holds it.
    let mut it = Hosts::new(&[]);
    for name in names {
        it.balance(name, names);
        it.set(&format!("{name}/keepalived/file[/etc/keepalived/keepalived.conf]"), json!({ "sha256": "0" }));
        it.service(name, "keepalived", "active");
    }
    assert_eq!(it.world.model().holders_of(VIP, &BTreeSet::new()), [host("cp1")].into());
}
