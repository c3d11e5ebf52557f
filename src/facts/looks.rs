//! Which resources to probe, and on which hosts.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::graph::Graph;
use crate::resource::{Address, AnyKind, DecodeError, HostName, Json};

/// Reads recorded attributes of a kind (by name) back; `kinds` has the registry behind it.
pub type Decode<'a> = dyn Fn(&str, &Value) -> Result<Arc<dyn AnyKind>, DecodeError> + Sync + 'a;

/// A resource to probe.
pub type Target = (Address, Arc<dyn AnyKind>);

/// The resources to probe.
#[derive(Clone, Debug, Default)]
pub struct Looks {
    /// By host. Cluster-wide resources are probed on every control plane.
    pub by_host: BTreeMap<HostName, Vec<Target>>,
    /// Recorded resources that this version can neither read nor probe.
    pub unreadable: BTreeMap<Address, DecodeError>,
}

impl Looks {
    /// Everything declared, and everything recorded (address and attributes) that no longer is.
    /// `hosts` are asked for their base facts even when nothing is to be looked at there.
    pub fn collect<'a>(
        graph: &Graph,
        recorded: impl IntoIterator<Item = (&'a Address, &'a Json)>,
        hosts: impl IntoIterator<Item = &'a HostName>,
        control_planes: &[HostName],
        decode: &Decode<'_>,
    ) -> Self {
        let mut looks = Self::default();
        for host in hosts {
            looks.by_host.entry(host.clone()).or_default();
        }
        for item in graph.items() {
            looks.add(&item.address, &item.resource, control_planes);
        }
        for (address, attributes) in recorded {
            if graph.number(address).is_some() {
                continue;
            }
            match decode(address.kind(), attributes) {
                Ok(resource) => looks.add(address, &resource, control_planes),
                Err(error) => _ = looks.unreadable.insert(address.clone(), error),
            }
        }
        looks
    }

    /// Removes probes that were not requested, and hosts without probes.
    pub fn retain(&mut self, asked_for: impl Fn(&Address) -> bool) {
        self.by_host.retain(|_, targets| {
            targets.retain(|(address, _)| asked_for(address));
            !targets.is_empty()
        });
        self.unreadable.retain(|address, _| asked_for(address));
    }

    fn add(&mut self, address: &Address, resource: &Arc<dyn AnyKind>, control_planes: &[HostName]) {
        let own = std::slice::from_ref(address.host());
        for host in if address.host().is_cluster() { control_planes } else { own } {
            let target = (address.clone(), Arc::clone(resource));
            match self.by_host.get_mut(host) {
                Some(targets) => targets.push(target),
                None => _ = self.by_host.insert(host.clone(), vec![target]),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::testing::{Thing, decode};
    use crate::resource::{Declarations, Kind};

    #[test]
    fn declared_and_formerly_declared_once_each_and_cluster_on_every_control_plane() {
        let [cp1, cp2, w1] = ["cp1", "cp2", "w1"].map(HostName::new);
        let mut wanted = Declarations::default();
        wanted.declare(&cp1, "c", "/", Thing::new("a", "1")).address();
        wanted.declare(&HostName::cluster(), "c", "/", Thing::new("net", "1")).address();
        let graph = Graph::build(wanted.into_items()).unwrap();
        let good = Json::from(serde_json::to_value(Thing::new("old", "1")).unwrap());
        let recorded: BTreeMap<Address, Json> = [
            (graph.items()[0].address.clone(), good.clone()),
            (Address::new(cp2.clone(), "c", Thing::NAME, Some("old")), good),
            (Address::new(cp2.clone(), "c", Thing::NAME, Some("bad")), Value::Null.into()),
        ]
        .into();
        let looks = Looks::collect(&graph, &recorded, [&cp1, &cp2, &w1], &[cp1.clone(), cp2.clone()], &decode);
        let named = |host: &HostName| -> Vec<String> {
            looks.by_host[host].iter().map(|(address, _)| address.to_string()).collect()
        };
        assert_eq!(named(&cp1), ["cp1/c/thing[a]", "cluster/c/thing[net]"]);
        assert_eq!(named(&cp2), ["cluster/c/thing[net]", "cp2/c/thing[old]"]);
        assert_eq!(named(&w1), [""; 0]);
        assert_eq!(looks.unreadable.keys().map(Address::to_string).collect::<Vec<_>>(), ["cp2/c/thing[bad]"]);
    }
}
