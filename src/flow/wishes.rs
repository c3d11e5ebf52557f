//! What is declared, with what `stack` needs besides cluster.yaml, read from where it lies.

use std::collections::BTreeMap;

use super::error::FlowError;
use super::secrets::resolve;
use crate::config::{self, Cluster, LoadBalancer, ManifestSource, Network};
use crate::graph::Graph;
use crate::plan::Followed;
use crate::resource::{HostFacts, HostName, Secret, sha256_hex};
use crate::stack::{self, Inputs};

/// What cluster.yaml wishes, with all that it refers to.
#[derive(Debug)]
pub struct Wishes<'a> {
    cluster: &'a Cluster,
    /// Pod ranges of the nodes.
    pub pod_ranges: BTreeMap<HostName, ipnet::Ipv4Net>,
    initialized_on: Option<HostName>,
    auth_password: Option<Secret>,
    recorded: stack::Recorded,
    /// The text of the network plugin's manifest, where cluster.yaml names one.
    pub manifest: Option<String>,
}

impl<'a> Wishes<'a> {
    /// Reads what cluster.yaml refers to. The records must have followed its renames.
    pub fn gather(cluster: &'a Cluster, followed: &Followed<'_>) -> Result<Self, FlowError> {
        Ok(Self {
            cluster,
            pod_ranges: stack::assign_pod_ranges(cluster, &followed.state.pod_ranges)?,
            initialized_on: followed.state.initialized_on().cloned(),
            recorded: stack::Recorded::read(
                followed.state.resources.iter().map(|(address, record)| (address, &record.attributes)),
            ),
            auth_password: auth_password(cluster)?,
            manifest: manifest(cluster)?,
        })
    }

    /// What is declared, with what is known of the hosts.
    pub fn graph(&self, facts: &BTreeMap<HostName, HostFacts>) -> Result<Graph, FlowError> {
        let inputs = Inputs {
            facts,
            pod_ranges: &self.pod_ranges,
            initialized_on: self.initialized_on.as_ref(),
            vrrp_password: self.auth_password.as_ref(),
            manifest: self.manifest.as_deref(),
            recorded: &self.recorded,
        };
        let (items, handed_over) = stack::declare(self.cluster, &inputs)?.into_parts();
        Ok(Graph::build(items)?.handing_over(handed_over))
    }
}

fn auth_password(cluster: &Cluster) -> Result<Option<Secret>, FlowError> {
    let LoadBalancer::KeepalivedHaproxy { keepalived, .. } = &cluster.load_balancer else { return Ok(None) };
    let Some(reference) = &keepalived.auth_password else { return Ok(None) };
    let key = "loadBalancer.keepalived.authPassword";
    let secret = resolve(reference, key)?;
    config::check_vrrp_password(secret.expose())
        .map_err(|error| FlowError::Unfit { key, reason: error.to_string() })?;
    Ok(Some(secret))
}

fn manifest(cluster: &Cluster) -> Result<Option<String>, FlowError> {
    let Network::Manifest { source, sha256 } = &cluster.network else { return Ok(None) };
    let (from, bytes) = match source {
        ManifestSource::Path(path) => {
            (path.display().to_string(), std::fs::read(path).map_err(|error| error.to_string()))
        }
        ManifestSource::Url(url) => (url.clone(), download(url)),
    };
    let fail = |reason: String| FlowError::Unfit { key: "network.manifest", reason: format!("{from}: {reason}") };
    let bytes = bytes.map_err(fail)?;
    let digest = sha256_hex(&bytes);
    match sha256 {
        Some(wanted) if *wanted != digest => Err(fail(format!("its SHA-256 is {digest}, cluster.yaml says {wanted}"))),
        _ => String::from_utf8(bytes).map(Some).map_err(|error| fail(error.to_string())),
    }
}

/// Fetches a URL with curl, which every operator has; what came is checked against its SHA-256.
fn download(url: &str) -> Result<Vec<u8>, String> {
    let arguments = ["--fail", "--silent", "--show-error", "--location", "--max-time", "60", "--", url];
    let output = std::process::Command::new("curl").args(arguments).output();
    let output = output.map_err(|error| format!("cannot run curl: {error}"))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
}
