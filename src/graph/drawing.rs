//! The drawing of declared resources or of a plan.

use std::collections::BTreeMap;

use crate::resource::{Action, Address, HostName};

/// Nodes and edges, ready for a format.
#[derive(Clone, Debug, Default)]
pub struct Drawing<'a> {
    /// Addresses, in a plan with their actions.
    pub nodes: Vec<(&'a Address, Option<Action>)>,
    /// From dependency to dependent.
    pub edges: Vec<(usize, usize)>,
}

impl Drawing<'_> {
    /// Node numbers by host, hosts in order of appearance.
    pub(super) fn by_host(&self) -> Vec<(&HostName, Vec<usize>)> {
        let mut places: BTreeMap<&HostName, usize> = BTreeMap::new();
        let mut hosts: Vec<(&HostName, Vec<usize>)> = Vec::new();
        for (number, (address, _)) in self.nodes.iter().enumerate() {
            let place = *places.entry(address.host()).or_insert_with(|| {
                hosts.push((address.host(), Vec::new()));
                hosts.len() - 1
            });
            hosts[place].1.push(number);
        }
        hosts
    }

    /// A node's text below its host's name: the symbol of what is done, component and short form.
    pub(super) fn label(&self, number: usize) -> String {
        let (address, action) = self.nodes[number];
        let symbol = action.filter(|action| *action != Action::NoOp).map(|action| format!("{} ", action.symbol()));
        format!("{}{}/{}", symbol.unwrap_or_default(), address.component(), address.short())
    }
}
