//! What kubeadm, etcd and the API do when a step asks them, and what they say when they do not.

use std::net::Ipv4Addr;

use serde_json::{Value, json};

use super::{Certificates, EtcdMember, Member, NoApi, Token};
use crate::fleet::world::{Line, World};
use crate::resource::{Address, Effect, HostName, Observation, Output, Slots, sha256_hex};

/// How long uploaded certificates stay, in seconds: two hours, by kubeadm's own choice.
const CERTIFICATES_STAY: u64 = 2 * 60 * 60;

/// One step that means something to the cluster.
#[derive(Clone, Copy, Debug)]
pub(in crate::fleet) struct Doing<'a> {
    /// The host on which it runs; it is up.
    pub(in crate::fleet) on: &'a HostName,
    /// The resource.
    pub(in crate::fleet) address: &'a Address,
    /// Name of the Kubernetes node that it makes, if any.
    pub(in crate::fleet) node: Option<&'a str>,
    /// What a look sees once kubeadm has ended well.
    pub(in crate::fleet) done: &'a Value,
    /// What earlier steps answered.
    pub(in crate::fleet) slots: &'a Slots,
    /// Second of the fleet's clock.
    pub(in crate::fleet) now: u64,
    /// It is cut off in the middle.
    pub(in crate::fleet) half: bool,
}

/// What a step answers that fails.
type Failed = Output;

fn failed(status: i32, text: impl Into<String>) -> Failed {
    Output { status, stdout: String::new(), stderr: text.into() }
}

fn no(text: impl Into<String>) -> Failed {
    failed(1, text)
}

/// Carries one step out and says what it answers.
pub(in crate::fleet) fn carry_out(world: &mut World, effect: &Effect, doing: Doing<'_>) -> Output {
    match (Step { world, doing }).run(effect) {
        Ok(_) | Err(_) if doing.half && is_question(effect) => no("interrupted (simulated)"),
        Ok(_) if doing.half => no("interrupted (simulated)"),
        Ok(stdout) => Output { stdout, ..Output::default() },
        Err(output) => output,
    }
}

fn is_question(effect: &Effect) -> bool {
    match effect {
        Effect::ApiReady
        | Effect::NoClusterHere
        | Effect::ControlPlaneWhole
        | Effect::NodeRegistered
        | Effect::NodeStanding { .. }
        | Effect::NodeReady
        | Effect::NodeAway
        | Effect::EndpointAnswers { .. }
        | Effect::TokenSigned { .. } => true,
        Effect::If { then, .. } => is_question(then),
        _ => false,
    }
}

struct Step<'w, 'd> {
    world: &'w mut World,
    doing: Doing<'d>,
}

impl Step<'_, '_> {
    fn own(&self) -> &HostName {
        self.doing.address.host()
    }

    fn slot(&self, name: &str) -> &str {
        self.doing.slots.get(name).map(crate::resource::Secret::expose).unwrap_or_default()
    }

    fn run(&mut self, effect: &Effect) -> Result<String, Failed> {
        let done = |()| "simulated".to_owned();
        match effect {
            Effect::ApiReady | Effect::UseApi => self.api().map(done),
            Effect::NoClusterHere => self.no_cluster_here().map(done),
            Effect::ControlPlaneWhole => self.whole().map(done),
            Effect::NodeRegistered => self.registered().map(done),
            Effect::NodeStanding { ready, not } => {
                Ok(if self.healthy().is_ok() { (*ready).to_owned() } else { (*not).to_owned() })
            }
            Effect::NodeReady => self.healthy().map(done),
            Effect::PutBack => Ok(String::new()),
            Effect::NodeAway => self.away().map(done),
            Effect::EndpointAnswers { address } => {
                let answers = self.world.model().endpoint_answers(Some(*address), self.world.down());
                answers.then(|| done(())).ok_or_else(|| no(format!("no host holds {address} (keepalived)")))
            }
            Effect::TokenSigned { id } => self.signed(id).map(done),
            Effect::Settle { joins, finished, bare } => {
                Ok(if self.settle(*joins)? { (*finished).to_owned() } else { (*bare).to_owned() })
            }
            Effect::Init { endpoint } => self.init(*endpoint).map(done),
            Effect::Join { endpoint, token, certificates } => self.join(*endpoint, token, *certificates).map(done),
            Effect::MakeToken { id, lifetime } => {
                self.api()?;
                let token = Token { owner: self.own().clone(), until: self.doing.now + lifetime.as_secs() };
                let id = self.slot(id).to_owned();
                self.world.note(Line::Token(id, Some(token)));
                Ok(done(()))
            }
            Effect::UploadCertificates { endpoint, key } => self.upload(*endpoint, key).map(done),
            Effect::DeleteTokens { certificates } => self.delete_tokens(*certificates).map(done),
            Effect::Reset => self.reset().map(done),
            Effect::RemoveMember { leaving } => self.remove_member(*leaving).map(done),
            Effect::If { slot, is, then } if self.slot(slot) == *is => self.run(then),
            Effect::If { .. } => Ok(done(())),
        }
    }

    /// The API server of the host on which this runs.
    fn api(&self) -> Result<(), Failed> {
        self.world.model().api(self.doing.on, self.world.down()).map_err(|why| match why {
            NoApi::NotHere => failed(75, "it is no control plane"),
            NoApi::Silent => failed(
                76,
                "Error from server (ServiceUnavailable): etcd failed: reason withheld: no quorum (simulated)",
            ),
        })
    }

    /// Who answers for all API servers: own load balancers at this address, or somebody else's.
    fn reached_at(&mut self, endpoint: Option<Ipv4Addr>) {
        if self.world.model().endpoint != endpoint {
            self.world.note(Line::Endpoint(endpoint));
        }
    }

    /// The API as all nodes reach it: through the endpoint.
    fn through_endpoint(&self) -> Result<(), Failed> {
        let (model, down) = (self.world.model(), self.world.down());
        if !model.endpoint_answers(model.endpoint, down) {
            let endpoint = model.endpoint.map(|it| it.to_string()).unwrap_or_default();
            return Err(no(format!("dial tcp {endpoint}: connect: no route to host")));
        }
        let hosts = model.planes.keys().map(Address::host).chain(model.others.iter().map(Address::host));
        if hosts.filter(|host| !down.contains(*host)).any(|host| model.api(host, down).is_ok()) {
            return Ok(());
        }
        Err(no("no API server behind the endpoint is ready: EOF"))
    }

    fn no_cluster_here(&self) -> Result<(), Failed> {
        if self.world.model().is_control_plane(self.doing.on) {
            return Err(no(format!(
                "{} is a control plane: a kubeadm init would begin a second cluster",
                self.doing.on
            )));
        }
        Ok(())
    }

    fn whole(&self) -> Result<(), Failed> {
        let model = self.world.model();
        if !model.is_control_plane(self.doing.on) {
            return Err(no("no control plane here yet"));
        }
        let address = self.doing.on;
        self.api().map_err(|_| no(format!("the apiserver on {address} is not ready")))?;
        if model.standing(self.own()) == Some(false) {
            return Err(no(format!("the kubelet has not registered node {}", self.own())));
        }
        let etcd = model.kubernetes(self.world.down());
        if etcd.members.iter().any(|member| !member.voting) {
            return Err(no("an etcd member does not vote yet"));
        }
        Ok(())
    }

    fn registered(&self) -> Result<(), Failed> {
        self.api()?;
        let there = self.world.model().standing(self.own()) == Some(true);
        if there { Ok(()) } else { Err(no(format!("the kubelet has not registered node {}", self.own()))) }
    }

    /// Whether the own host's node is as it should be.
    fn healthy(&self) -> Result<(), Failed> {
        let model = self.world.model();
        if model.standing(self.own()) != Some(true) || self.world.down().contains(self.own()) {
            return Err(no(format!("node {} is not Ready", self.own())));
        }
        if model.is_control_plane(self.own()) { self.whole() } else { self.through_endpoint() }
    }

    fn away(&self) -> Result<(), Failed> {
        self.api()?;
        let ready = self.world.model().standing(self.own()) == Some(true) && !self.world.down().contains(self.own());
        if ready { Err(no(format!("a node named {} is Ready", self.own()))) } else { Ok(()) }
    }

    fn token_lives(&self, slot: &str) -> bool {
        let token = self.world.model().tokens.get(self.slot(slot));
        token.is_some_and(|token| token.until > self.doing.now)
    }

    fn signed(&self, slot: &str) -> Result<(), Failed> {
        self.api()?;
        if self.token_lives(slot) { Ok(()) } else { Err(no("the controller manager has not signed cluster-info yet")) }
    }

    /// Whether kubeadm has ended well on the own host; if it was only begun, it is reset, unless etcd needs it.
    fn settle(&mut self, joins: bool) -> Result<bool, Failed> {
        let model = self.world.model();
        match model.standing(self.own()) {
            Some(true) => Ok(true),
            Some(false) => {
                self.spared()?;
                let etcd = model.kubernetes(self.world.down());
                let runs = etcd.of(self.own()).is_some_and(|member| member.up);
                let endpoint = self.through_endpoint().is_ok();
                if runs && joins && !etcd.has_quorum() && !endpoint {
                    return Err(no("neither etcd here nor the API at its endpoint answers"));
                }
                self.leave(endpoint);
                Ok(false)
            }
            None => Ok(false),
        }
    }

    /// Whether etcd keeps its majority without the own host's member.
    fn spared(&self) -> Result<(), Failed> {
        let etcd = self.world.model().kubernetes(self.world.down());
        let counts = etcd.of(self.own()).is_some_and(|member| member.voting && member.up);
        if counts && etcd.members.len() > 1 && etcd.has_quorum() && !etcd.lets_go(self.own()) {
            return Err(no("without this member etcd would lose its majority; bring the others back first"));
        }
        Ok(())
    }

    /// kubeadm has begun here, or ended well.
    fn stands(&mut self, complete: bool, founding: bool) {
        let mut is = self.doing.done.clone();
        is["complete"] = json!(complete);
        if founding && !complete {
            is["founding"] = json!(true);
        }
        // A host is one thing, by whatever name it goes.
        while let Some(other) = self.world.model().same_host(self.doing.address).cloned() {
            self.world.set(&other, Observation::Absent);
        }
        self.world.set(self.doing.address, Observation::Present(is));
    }

    fn member(&mut self, voting: bool) {
        let member = Member { voting, wiped: false };
        self.world.note(Line::Etcd(self.own().clone(), Some(member)));
    }

    /// What another role left here, which kubeadm's preflight finds.
    fn preflight(&self) -> Result<(), Failed> {
        let model = self.world.model();
        if model.same_host(self.doing.address).is_some() && model.standing(self.own()) == Some(true) {
            return Err(no("error execution phase preflight: [preflight] Some fatal errors occurred:\n\
                \t[ERROR FileAvailable--etc-kubernetes-kubelet.conf]: /etc/kubernetes/kubelet.conf already exists"));
        }
        Ok(())
    }

    fn init(&mut self, endpoint: Option<Ipv4Addr>) -> Result<(), Failed> {
        if self.world.model().standing(self.own()) == Some(true) {
            return Ok(());
        }
        self.preflight()?;
        self.stands(false, true);
        let etcd = self.world.model().kubernetes(self.world.down());
        if let Some(other) = etcd.members.iter().find(|member| member.host != *self.own()) {
            return Err(no(format!(
                "there is a cluster already, with an etcd member on {}: this would be a second one \
                behind the same endpoint (simulated)",
                other.host
            )));
        }
        self.reached_at(endpoint);
        self.member(true);
        if !self.world.model().endpoint_answers(endpoint, self.world.down()) {
            let endpoint = endpoint.map(|it| it.to_string()).unwrap_or_default();
            return Err(no(format!(
                "error execution phase wait-control-plane: Get \"https://{endpoint}/healthz\": dial \
                tcp {endpoint}: connect: no route to host: timed out waiting for the condition"
            )));
        }
        if !self.doing.half {
            self.stands(true, true);
        }
        Ok(())
    }

    fn join(&mut self, endpoint: Option<Ipv4Addr>, token: &str, certificates: Option<&str>) -> Result<(), Failed> {
        self.preflight()?;
        self.stands(false, false);
        let discovery = "error execution phase preflight: couldn't validate the identity of the API Server";
        self.reached_at(endpoint);
        self.through_endpoint().map_err(|why| no(format!("{discovery}: {}", why.stderr)))?;
        if !self.token_lives(token) {
            let id = self.slot(token);
            return Err(no(format!(
                "{discovery}: could not find a JWS signature in the cluster-info ConfigMap for token \
                ID \"{id}\""
            )));
        }
        if let Some(key) = certificates {
            self.certificates(key)?;
            self.join_etcd()?;
        }
        if !self.doing.half {
            self.stands(true, false);
        }
        Ok(())
    }

    fn certificates(&self, key: &str) -> Result<(), Failed> {
        let phase = "error execution phase control-plane-prepare/download-certs: error downloading certs";
        let now = self.doing.now;
        let Some(there) = self.world.model().certificates.as_ref().filter(|it| it.until > now) else {
            return Err(no(format!(
                "{phase}: error downloading the secret: Secret \"kubeadm-certs\" was not found in the \
                \"kube-system\" Namespace. This Secret might have expired"
            )));
        };
        if there.key != sha256_hex(self.slot(key).as_bytes()) {
            return Err(no(format!(
                "{phase}: error decoding secret data with provided key: cipher: message \
                authentication failed"
            )));
        }
        Ok(())
    }

    /// A learner is added, and votes once it is in contact, which a host that answers is.
    fn join_etcd(&mut self) -> Result<(), Failed> {
        let etcd = self.world.model().kubernetes(self.world.down());
        let phase = "error execution phase";
        if let Some(dead) = etcd.members.iter().find(|member| !member.up && member.host != *self.own()) {
            return Err(no(format!(
                "{phase} check-etcd: etcd cluster is not healthy: failed to dial endpoint of {}: \
                context deadline exceeded",
                dead.host
            )));
        }
        if etcd.of(self.own()).is_some() {
            return Err(no(format!("{phase} control-plane-join/etcd: etcdserver: Peer URLs already exists")));
        }
        if etcd.members.iter().any(|member| !member.voting) {
            return Err(no(format!(
                "{phase} control-plane-join/etcd: etcdserver: too many learner members in cluster"
            )));
        }
        self.member(!self.doing.half);
        Ok(())
    }

    fn upload(&mut self, endpoint: Option<Ipv4Addr>, key: &str) -> Result<(), Failed> {
        self.api()?;
        self.reached_at(endpoint);
        self.through_endpoint()
            .map_err(|why| no(format!("error execution phase upload-certs: error uploading certs: {}", why.stderr)))?;
        let certificates =
            Certificates { key: sha256_hex(self.slot(key).as_bytes()), until: self.doing.now + CERTIFICATES_STAY };
        if !self.doing.half {
            self.world.note(Line::Certificates(Some(certificates)));
        }
        Ok(())
    }

    fn delete_tokens(&mut self, certificates: bool) -> Result<(), Failed> {
        self.api()?;
        if certificates {
            self.world.note(Line::Certificates(None));
        }
        let tokens = self.world.model().tokens.iter();
        let own: Vec<String> = tokens.filter(|it| it.1.owner == *self.own()).map(|it| it.0.clone()).collect();
        for id in own.into_iter().filter(|_| !self.doing.half) {
            self.world.note(Line::Token(id, None));
        }
        Ok(())
    }

    /// Ends well also when the member could not leave, as kubeadm does.
    fn reset(&mut self) -> Result<(), Failed> {
        let model = self.world.model();
        if model.standing(self.own()).is_none() {
            return Ok(());
        }
        let etcd = model.kubernetes(self.world.down());
        let counts = etcd.of(self.own()).is_some_and(|member| member.voting && member.up);
        let part = self.slot(Slots::SCOPE) != Slots::WHOLE;
        if part {
            self.spared()?;
        }
        if counts && part && !etcd.has_quorum() && model.standing(self.own()) == Some(true) {
            return Err(no("neither etcd here nor the API at its endpoint answers"));
        }
        // kubeadm asks through the endpoint; mainstay asks the host's own etcd otherwise.
        let asks = counts || self.through_endpoint().is_ok();
        self.leave(asks);
        self.stands(false, false);
        Ok(())
    }

    /// The own host's etcd member leaves, if the others are asked and let it; its data goes in any case, unless this is cut
    /// off.
    fn leave(&mut self, asks: bool) {
        let (model, down) = (self.world.model(), self.world.down());
        let etcd = model.kubernetes(down);
        let Some(member) = etcd.of(self.own()) else { return };
        let wiped = |it: &EtcdMember| model.told.get(&it.host).is_some_and(|told| told.wiped);
        if etcd.members.iter().all(|it| it.host == *self.own() || wiped(it)) {
            self.end();
        } else if asks && etcd.lets_go(self.own()) {
            self.forget_member();
        } else if !self.doing.half {
            let dead = Member { voting: member.voting, wiped: true };
            self.world.note(Line::Etcd(self.own().clone(), Some(dead)));
        }
    }

    /// The member is no longer counted, although the host may still look finished.
    fn forget_member(&mut self) {
        if self.world.model().standing(self.own()) == Some(true) {
            self.stands(false, false);
        }
        self.world.note(Line::Etcd(self.own().clone(), None));
    }

    /// With the last member that has data goes all that etcd kept.
    fn end(&mut self) {
        self.forget_member();
        let wiped: Vec<HostName> = self.world.model().told.keys().cloned().collect();
        for host in wiped {
            self.world.note(Line::Etcd(host, None));
        }
        let objects = self.world.present().map(|(address, _)| address).filter(|it| it.host().is_cluster());
        let objects: Vec<Address> = objects.cloned().collect();
        for address in objects {
            self.world.set(&address, Observation::Absent);
        }
        let tokens: Vec<String> = self.world.model().tokens.keys().cloned().collect();
        for id in tokens {
            self.world.note(Line::Token(id, None));
        }
        self.world.note(Line::Certificates(None));
        self.world.note(Line::Endpoint(None));
    }

    /// The node's object, with its labels and taints.
    fn delete_node(&mut self) {
        let is_it = |address: &Address| address.kind() == "node" && address.key() == self.doing.node;
        let object = self.world.present().map(|(address, _)| address).find(|address| is_it(address)).cloned();
        if let Some(object) = object.filter(|_| self.doing.node.is_some()) {
            self.world.set(&object, Observation::Absent);
        }
    }

    fn remove_member(&mut self, leaving: bool) -> Result<(), Failed> {
        match self.api() {
            // A cluster that is beyond help must still be destroyable.
            Err(output) if output.status == 76 && leaving => return Ok(()),
            other => other?,
        }
        self.delete_node();
        let etcd = self.world.model().kubernetes(self.world.down());
        if etcd.of(self.own()).is_none() {
            return Ok(());
        }
        if !etcd.lets_go(self.own()) {
            return Err(no("etcdserver: unhealthy cluster"));
        }
        self.forget_member();
        Ok(())
    }
}
