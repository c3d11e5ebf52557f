//! Hosts that run are interrupted in turns.

use std::collections::{BTreeMap, BTreeSet};

use mainstay::plan::{Change, Plan};
use mainstay::resource::{Action, Address, HostName, Observation};
use serde_json::Value;

/// A host that runs, and what a plan does to its container runtime.
#[derive(Clone, Debug, Default)]
struct Host {
    plane: bool,
    changes: BTreeSet<Address>,
}

/// Follows one run: never two control planes at once, never a worker with a control plane, never more workers than may be
/// unavailable, those that failed included, and nothing after the first one that failed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Turns {
    hosts: BTreeMap<HostName, Host>,
    at_once: usize,
    /// Who had the first turn, and whether it ended well.
    first: Option<HostName>,
    busy: BTreeSet<HostName>,
    failed: BTreeSet<HostName>,
}

fn found(change: &Change) -> Option<&Value> {
    match &change.before.as_ref()?.observation {
        Observation::Present(found) => Some(found),
        Observation::Absent => None,
    }
}

impl Turns {
    /// What a plan that was shown does to containerd where it runs and kubeadm has ended well; so many workers at once.
    pub(crate) fn of(plan: &Plan, at_once: usize) -> Self {
        let mut all = Self { at_once, ..Self::default() };
        for change in plan.changes.iter().filter(|change| change.address.is_member()) {
            let Some(found) = found(change).filter(|found| found["complete"] != false) else { continue };
            let plane = found["role"] == "control-plane";
            all.hosts.insert(change.address.host().clone(), Host { plane, changes: BTreeSet::new() });
        }
        let runtime = |change: &&Change| change.address.component() == "container-runtime";
        let service = |change: &&Change| change.address.kind() == "service";
        let running: BTreeSet<&HostName> = plan
            .changes
            .iter()
            .filter(runtime)
            .filter(service)
            .filter(|change| found(change).is_some_and(|found| found["state"] == "active"))
            .map(|change| change.address.host())
            .collect();
        all.hosts.retain(|host, _| running.contains(host));
        let acts = |change: &&Change| change.action.touches_host() && change.problem.is_none();
        for change in plan.changes.iter().filter(runtime).filter(acts) {
            // The plugins' package and what goes with its host restart nothing that stays.
            let restarts = change.address.kind() != "package" && change.action != Action::Destroy;
            if let Some(host) = all.hosts.get_mut(change.address.host()).filter(|_| restarts) {
                host.changes.insert(change.address.clone());
            }
        }
        all.hosts.retain(|_, host| !host.changes.is_empty());
        all
    }

    /// Work on a resource begins.
    pub(crate) fn begins(&mut self, address: &Address) -> Result<(), String> {
        let Some(host) = self.hosts.get(address.host()).filter(|host| host.changes.contains(address)) else {
            return Ok(());
        };
        let (name, plane) = (address.host().clone(), host.plane);
        let others: Vec<(&HostName, bool)> = self
            .busy
            .iter()
            .chain(&self.failed)
            .filter(|other| **other != name)
            .map(|other| (other, self.hosts[other].plane))
            .collect();
        let first = self.first.get_or_insert_with(|| name.clone());
        if self.failed.contains(first) && *first != name {
            return Err(format!("turns: {address} was begun after {first}, the first host, had failed"));
        }
        if let Some((other, _)) =
            others.iter().find(|(other, is_plane)| (plane || *is_plane) && self.busy.contains(*other))
        {
            return Err(format!("turns: {address} was begun while {other} had its turn"));
        }
        if let Some((other, _)) = others.iter().find(|(_, is_plane)| *is_plane) {
            return Err(format!("turns: {address} was begun after the control plane {other} had failed"));
        }
        if !plane && others.len() >= self.at_once {
            return Err(format!(
                "turns: {address} was begun while {others:?} were unavailable, and {} may be",
                self.at_once
            ));
        }
        self.busy.insert(name);
        Ok(())
    }

    /// It ended.
    pub(crate) fn ends(&mut self, address: &Address, well: bool) {
        let name = address.host();
        let Some(host) = self.hosts.get_mut(name) else { return };
        if !host.changes.remove(address) {
            return;
        }
        if !well {
            self.busy.remove(name);
            self.failed.insert(name.clone());
        } else if host.changes.is_empty() {
            self.busy.remove(name);
        }
    }
}
