//! Values that the state has and cluster.yaml does not, and that must stay the same in the next plan.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::container_runtime::{self, CniDir};
use super::{haproxy, keepalived, network, nodes};
use crate::resource::{Address, HostName, Json};

/// Values of the state entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// Where each host's containerd finds its CNI plugins.
    pub(super) cni_dirs: BTreeMap<HostName, CniDir>,
    /// Hosts with the built-in pod network.
    pub(super) bridged: BTreeSet<HostName>,
    /// Hosts with an haproxy.
    pub(super) balancers: BTreeSet<HostName>,
    /// Node names of the control planes in the order of haproxy's servers, then those of the other load balancers, highest
    /// priority first.
    pub order: Vec<String>,
    /// Kubernetes nodes with something that mainstay set.
    pub(super) nodes: BTreeSet<String>,
}

impl Recorded {
    /// Reads recorded attributes.
    pub fn read<'a>(records: impl IntoIterator<Item = (&'a Address, &'a Json)>) -> Self {
        let mut recorded = Self::default();
        let mut ranked: Vec<(u8, String)> = Vec::new();
        for (address, attributes) in records {
            let (host, what) = (address.host(), (address.component(), address.kind(), address.key()));
            if what == container_runtime::CONFIG {
                let content = attributes.get("content").and_then(Value::as_str).unwrap_or_default();
                recorded.cni_dirs.extend(CniDir::read(content).map(|dir| (host.clone(), dir)));
            } else if what == network::CONFLIST {
                recorded.bridged.insert(host.clone());
            } else if what == haproxy::SERVICE {
                recorded.balancers.insert(host.clone());
            } else if what == haproxy::CONFIG && recorded.order.is_empty() {
                let servers =
                    lines(attributes).filter_map(|line| line.trim().strip_prefix("server ")?.split(' ').next());
                recorded.order = servers.map(str::to_owned).collect();
            } else if what == keepalived::CONFIG {
                let said = |name| lines(attributes).find_map(|line| line.trim().strip_prefix(name));
                let priority = said("priority ").and_then(|priority| priority.parse().ok());
                ranked.extend(priority.zip(said("router_id ").map(str::to_owned)));
            } else if (what.0, what.1) == nodes::NODE {
                recorded.nodes.extend(address.key().map(str::to_owned));
            }
        }
        ranked.sort_by(|(one, _), (other, _)| other.cmp(one));
        for (_, node) in ranked {
            if !recorded.order.contains(&node) {
                recorded.order.push(node);
            }
        }
        recorded
    }
}

/// The lines of a recorded file; the content of a file with secrets is a list.
fn lines(attributes: &Value) -> impl Iterator<Item = &str> {
    let content = attributes.get("content");
    let parts = content.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object);
    let texts = parts.flat_map(|part| part.values()).filter_map(Value::as_str);
    content.and_then(Value::as_str).into_iter().chain(texts).flat_map(str::lines)
}
