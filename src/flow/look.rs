//! The refresh: probing the hosts, one round trip each.

use crate::facts::gather::gather;
use crate::facts::{FactSet, Looks};
use crate::fleet::{FleetError, HostReport, Look, Looker};
use crate::graph::Graph;
use crate::kinds;
use crate::plan::Chosen;
use crate::resource::{Address, HostName};
use crate::state::State;

/// Observes the progress of a refresh.
pub trait Listener {
    /// These hosts will be probed.
    fn begins(&mut self, hosts: &mut dyn Iterator<Item = &HostName>);
    /// A host answered or failed.
    fn answered(&mut self, host: &HostName, answer: &Result<HostReport, FleetError>);
    /// All hosts are done.
    fn ended(&mut self, facts: &FactSet);
}

/// An observer that does nothing.
impl Listener for () {
    fn begins(&mut self, _: &mut dyn Iterator<Item = &HostName>) {}
    fn answered(&mut self, _: &HostName, _: &Result<HostReport, FleetError>) {}
    fn ended(&mut self, _: &FactSet) {}
}

/// Probes the selected declared and recorded resources, at most `parallelism` hosts at a time. Missing answers are
/// part of the result.
pub async fn look(
    looker: &Looker,
    graph: &Graph,
    state: &State,
    chosen: &Chosen,
    control_planes: &[HostName],
    parallelism: usize,
    listener: &mut (dyn Listener + Send),
) -> FactSet {
    let recorded = state.resources.iter().map(|(address, record)| (address, &record.attributes));
    let mut looks = Looks::collect(graph, recorded, state.hosts.keys(), control_planes, &kinds::decode);
    if chosen.is_part() {
        // Before the first `kubeadm init` nobody may be a control plane already, left out or not; and where one leaves,
        // those that stay must be enough for etcd.
        let leaves = |it: &Address| it.is_member() && control_planes.contains(it.host()) && graph.number(it).is_none();
        let leaves = state.resources.keys().any(|it| chosen.has(it) && leaves(it));
        let joins = graph.items().iter().any(|item| item.address.is_member() && chosen.has(&item.address));
        let asked = leaves || joins;
        let counts = |it: &Address| asked && control_planes.contains(it.host()) && it.is_member();
        looks.retain(|address| chosen.has(address) || counts(address));
    }
    let ask = |host: HostName, wanted: Vec<Look>| {
        let looker = looker.clone();
        async move { looker.look(&host, &wanted).await }
    };
    listener.begins(&mut looks.by_host.keys());
    let facts = gather(looks, control_planes, parallelism, ask, |host, answer| listener.answered(host, answer)).await;
    listener.ended(&facts);
    facts
}
