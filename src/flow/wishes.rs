//! The declared resources, and everything besides cluster.yaml that `stack` needs.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use super::error::FlowError;
use super::manifest::manifest;
use super::secrets::resolve;
use crate::config::{self, Cluster, LoadBalancer};
use crate::graph::Graph;
use crate::plan::Followed;
use crate::resource::{Address, Declared, DigestKey, HostFacts, HostName, Secret};
use crate::stack::{self, Inputs};

/// A placeholder for a missing password, and a second one to find its dependents.
const STAND_IN: &str = "unknown1";
const OTHER: &str = "unknown2";

/// The desired state of cluster.yaml, with everything that it refers to.
#[derive(Debug)]
pub struct Wishes {
    /// cluster.yaml, with sorted hosts.
    pub cluster: Cluster,
    /// Pod ranges of the nodes.
    pub pod_ranges: BTreeMap<HostName, ipnet::Ipv4Net>,
    /// The same as recorded, with the nodes' addresses.
    pods_before: BTreeMap<ipnet::Ipv4Net, Ipv4Addr>,
    auth_password: Option<Secret>,
    recorded: stack::Recorded,
    /// The text of the network plugin's manifest, where cluster.yaml names one.
    pub manifest: Option<String>,
}

impl Wishes {
    /// Reads everything that cluster.yaml refers to. The renames must already be applied to the state.
    pub fn gather(cluster: &Cluster, followed: &Followed<'_>) -> Result<Self, FlowError> {
        Self::with(cluster, followed, auth_password(cluster)?)
    }

    /// As [`Wishes::gather`], for commands that only compare: a missing secret is replaced by a placeholder, and the
    /// error names it.
    pub fn gather_known(cluster: &Cluster, followed: &Followed<'_>) -> Result<(Self, Option<FlowError>), FlowError> {
        let (password, missing) = match auth_password(cluster) {
            Ok(password) => (password, None),
            Err(error @ FlowError::Secret { .. }) => (Some(Secret::new(STAND_IN)), Some(error)),
            Err(error) => return Err(error),
        };
        Ok((Self::with(cluster, followed, password)?, missing))
    }

    fn with(cluster: &Cluster, followed: &Followed<'_>, auth_password: Option<Secret>) -> Result<Self, FlowError> {
        let state = &followed.state;
        let address = |host: &HostName| state.hosts.get(host)?["address"].as_str()?.parse().ok();
        let records = followed.state.resources.iter().map(|(address, record)| (address, &record.attributes));
        let recorded = stack::Recorded::read(records);
        let cluster = cluster.in_order(&recorded.order);
        Ok(Self {
            pods_before: stack::recorded_pods(&cluster, &state.pod_ranges, address),
            pod_ranges: stack::assign_pod_ranges(&cluster, &followed.state.pod_ranges)?,
            manifest: manifest(&cluster)?,
            recorded,
            auth_password,
            cluster,
        })
    }

    /// The graph of declared resources, with assumed values where facts of hosts decide.
    pub fn graph(&self) -> Result<Graph, FlowError> {
        let declared = stack::declare(&self.cluster, &self.inputs(self.auth_password.as_ref()))?;
        let keys = declared.keys().clone();
        let (items, handed_over) = declared.into_parts();
        Ok(Graph::build(items)?.handing_over(handed_over).with_keys(keys))
    }

    /// Replaces assumed values of the graph by values from host facts.
    pub fn complete(&self, graph: &mut Graph, facts: &BTreeMap<HostName, HostFacts>) -> Result<(), FlowError> {
        let values = stack::complete(&self.cluster, &self.inputs(self.auth_password.as_ref()), facts)?;
        graph.complete(values);
        Ok(())
    }

    /// The resources of this graph that depend on the password.
    pub fn depend_on_password(
        &self,
        facts: &BTreeMap<HostName, HostFacts>,
        graph: &Graph,
        key: &DigestKey,
    ) -> Result<BTreeSet<Address>, FlowError> {
        let other = Secret::new(OTHER);
        let inputs = self.inputs(Some(&other));
        let declared = stack::declare(&self.cluster, &inputs)?.into_items();
        let assumed = declared.into_iter().map(|item| (item.address, item.resource));
        let other: BTreeMap<_, _> = assumed.chain(stack::complete(&self.cluster, &inputs, facts)?).collect();
        let same =
            |item: &Declared| other.get(&item.address).is_some_and(|it| it.digest(key) == item.resource.digest(key));
        let depends = graph.items().iter().filter(|item| !same(item));
        Ok(depends.map(|item| item.address.clone()).collect())
    }

    fn inputs<'a>(&'a self, password: Option<&'a Secret>) -> Inputs<'a> {
        Inputs {
            pod_ranges: &self.pod_ranges,
            pods_before: &self.pods_before,
            vrrp_password: password,
            manifest: self.manifest.as_deref(),
            recorded: &self.recorded,
        }
    }
}

fn auth_password(cluster: &Cluster) -> Result<Option<Secret>, FlowError> {
    let LoadBalancer::KeepalivedHaproxy { keepalived, .. } = &cluster.load_balancer else { return Ok(None) };
    let Some(reference) = &keepalived.auth_password else { return Ok(None) };
    let key = "loadBalancer.keepalived.authPassword";
    let secret = resolve(reference, key)?;
    config::check_vrrp_password(secret.expose())
        .map_err(|error| FlowError::Unfit { key: key.to_owned(), reason: error.to_string() })?;
    Ok(Some(secret))
}
