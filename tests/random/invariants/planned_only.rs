//! Nothing is touched that the shown plan did not name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mainstay::fleet::{ActRequest, Purpose};
use mainstay::plan::{Change, Plan, Reason};
use mainstay::resource::{Action, Address, AnyKind, HostName, Lane};
use serde_json::Value;

use super::machine;

/// What a plan that was shown permits.
#[derive(Clone, Debug, Default)]
pub(crate) struct Permit {
    /// What is done to each resource that it names.
    pub(crate) actions: BTreeMap<Address, Action>,
    /// Of those that are made: what nothing else has to come before. Its host must still look as the plan saw it.
    pub(crate) expected: BTreeSet<Address>,
    /// What is somebody else's from now on, as it is.
    pub(crate) handed_over: BTreeSet<Address>,
    /// Kubernetes nodes that kubeadm makes or resets, and whose objects come and go with that.
    pub(crate) nodes: BTreeSet<String>,
    /// What is in the cluster goes with it, also what was handed over.
    pub(crate) ends: bool,
    /// What they are.
    pub(crate) resources: BTreeMap<Address, Arc<dyn AnyKind>>,
    /// Lanes of those that have one.
    pub(crate) lanes: BTreeMap<Address, Lane>,
    /// Who may carry out what belongs to the cluster.
    pub(crate) control_planes: BTreeSet<HostName>,
}

impl Permit {
    pub(crate) fn of(plan: &Plan) -> Self {
        let planned = plan.changes.iter().filter(|change| change.problem.is_none());
        let resource = |change: &Change| Some((change.address.clone(), Arc::clone(change.resource.as_ref()?)));
        let handed_over = |change: &&Change| matches!(change.reasons.first(), Some(Reason::HandedOver { .. }));
        let node = |change: &Change| {
            let attributes = change.resource.as_ref().filter(|_| change.action.touches_host())?.attributes();
            attributes.get("node").and_then(Value::as_str).map(str::to_owned)
        };
        // The settings are deleted with the last control plane.
        let again = |change: &Change| {
            let settings = change.address.kind() == "cluster_settings";
            change.act == Some(mainstay::resource::Act::Found) || (settings && change.action == Action::Forget)
        };
        let lane = |change: &Change| Some((change.address.clone(), change.lane.clone()?));
        Self {
            actions: planned.clone().map(|change| (change.address.clone(), change.action)).collect(),
            expected: planned
                .clone()
                .filter(|change| change.action == Action::Create && change.after.is_empty())
                .map(|change| change.address.clone())
                .collect(),
            handed_over: planned.clone().filter(handed_over).map(|change| change.address.clone()).collect(),
            nodes: planned.clone().filter_map(node).collect(),
            ends: plan.ends_the_cluster() || planned.clone().any(again),
            resources: planned.clone().filter_map(resource).collect(),
            lanes: planned.filter_map(lane).collect(),
            control_planes: plan.control_planes.iter().cloned().collect(),
        }
    }

    /// What two runs at once may change together.
    #[must_use]
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.actions.extend(other.actions.into_iter().filter(|(_, action)| action.touches_host()));
        self.nodes.extend(other.nodes);
        self.ends |= other.ends;
        self
    }
}

/// A host is told to act only on what the plan names, to the end that it names, and only where that belongs. Which control
/// plane is healthy is asked in the name of the resource for which one is wanted, whatever is done to it: a script that
/// only reads, and no last look.
pub(crate) fn only_planned_act(permit: &Permit, host: &HostName, request: &ActRequest<'_>) -> Result<(), String> {
    if request.act.is_none() {
        return Ok(());
    }
    let address = request.address;
    let action = permit.actions.get(address).copied();
    let fits = match request.purpose {
        Purpose::Apply if asks(permit, host, request) => action.is_some_and(Action::touches_host),
        Purpose::Apply => matches!(action, Some(Action::Create | Action::Update | Action::Replace)),
        Purpose::Destroy(_) => matches!(action, Some(Action::Destroy)),
    };
    let belongs = host == address.host() || permit.control_planes.contains(host);
    if fits && belongs {
        return Ok(());
    }
    let planned = action.map_or("nothing".to_owned(), |action| format!("{action:?}"));
    let purpose = if matches!(request.purpose, Purpose::Apply) { "apply" } else { "destroy" };
    Err(format!("only what was planned: {host} was told to {purpose} {address}, for which the plan has {planned}"))
}

fn asks(permit: &Permit, host: &HostName, request: &ActRequest<'_>) -> bool {
    let ready = mainstay::kinds::control_plane_ready();
    permit.control_planes.contains(host)
        && !request.look_after
        && request.act.is_some_and(|(script, _)| *script == ready)
}

/// Whether two addresses name the same thing: its host may be called otherwise, it may have been made under another
/// component, and of a cluster's first control plane and one that joined there is one on a host.
fn is_the_same(one: &Address, other: &Address) -> bool {
    let kubeadm = |address: &Address| address.is_member();
    let kind = one.kind() == other.kind() || (kubeadm(one) && kubeadm(other));
    kind && machine(one.host()) == machine(other.host()) && one.key() == other.key()
}

/// After a run only that differs which the plan touches, or which somebody else changed meanwhile.
pub(crate) fn only_planned_change(
    permit: &Permit,
    before: &BTreeMap<&Address, &Value>,
    after: &BTreeMap<&Address, &Value>,
    others: &BTreeSet<Address>,
) -> Result<(), String> {
    let acted = |address: &Address| {
        permit.actions.iter().any(|(other, action)| action.touches_host() && is_the_same(other, address))
    };
    let acts = |address: &Address| permit.actions.get(address).is_some_and(|action| action.touches_host());
    let goes =
        |address: &Address| address.kind() == "node" && address.key().is_some_and(|it| permit.nodes.contains(it));
    let ends = |address: &Address| permit.ends && address.host().is_cluster() && !after.contains_key(address);
    let touched = |address: &Address| acts(address) || acted(address) || goes(address) || ends(address);
    let differs = |address: &&Address| before.get(address) != after.get(address);
    let all: BTreeSet<&Address> = before.keys().chain(after.keys()).copied().filter(differs).collect();
    match all.into_iter().find(|address| !touched(address) && !others.contains(*address)) {
        None => Ok(()),
        Some(address) => {
            let (was, is) = (before.get(address), after.get(address));
            Err(format!("only what was planned: {address} changed from {was:?} to {is:?} and no plan touches it"))
        }
    }
}
