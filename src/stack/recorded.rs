//! What records say that cluster.yaml does not, and that must not change by itself.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::container_runtime::{self, CniDir};
use super::{haproxy, network, nodes};
use crate::resource::{Address, HostName};

/// What records say of hosts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// Where each host's containerd finds its CNI plugins.
    pub(super) cni_dirs: BTreeMap<HostName, CniDir>,
    /// Hosts with the built-in pod network.
    pub(super) bridged: BTreeSet<HostName>,
    /// Hosts with an haproxy.
    pub(super) balancers: BTreeSet<HostName>,
    /// Kubernetes nodes with something that mainstay set.
    pub(super) nodes: BTreeSet<String>,
}

impl Recorded {
    /// Reads recorded attributes.
    pub fn read<'a>(records: impl IntoIterator<Item = (&'a Address, &'a Value)>) -> Self {
        let mut recorded = Self::default();
        for (address, attributes) in records {
            let (host, what) = (address.host(), (address.component(), address.kind(), address.key()));
            if what == container_runtime::CONFIG {
                let content = attributes.get("content").and_then(Value::as_str).unwrap_or_default();
                recorded.cni_dirs.extend(CniDir::read(content).map(|dir| (host.clone(), dir)));
            } else if what == network::CONFLIST {
                recorded.bridged.insert(host.clone());
            } else if what == haproxy::SERVICE {
                recorded.balancers.insert(host.clone());
            } else if (what.0, what.1) == nodes::NODE {
                recorded.nodes.extend(address.key().map(str::to_owned));
            }
        }
        recorded
    }
}
