//! What mainstay has recorded after its apply: exactly what its plan looks at, and so what the peers must check.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;

use mainstay::resource::Address;
use serde_json::Value;

use super::{Lab, Result};

/// A file as it must be on a host.
pub(crate) struct WantedFile {
    pub(crate) path: String,
    pub(crate) mode: String,
    pub(crate) owner: String,
    pub(crate) group: String,
    /// Where the host's own content lies, below a directory for each host.
    pub(crate) source: String,
}

/// The same on every host, but for the contents of files.
#[derive(Default)]
pub(crate) struct Wanted {
    pub(crate) sysctls: BTreeMap<String, String>,
    pub(crate) modules: Vec<String>,
    pub(crate) files: Vec<WantedFile>,
    /// By component, as a role would have them.
    pub(crate) packages: BTreeMap<String, Vec<String>>,
    pub(crate) services: Vec<String>,
}

impl Wanted {
    /// Reads the state; writes the contents of files to `files/HOST/` beside it.
    pub(crate) fn of_state(lab: &Lab) -> Result<Self> {
        let state: Value = serde_json::from_str(&fs::read_to_string(lab.path("state/lab.json"))?)?;
        let mut wanted = Self::default();
        let mut counts: BTreeMap<String, usize> = lab.hosts.iter().map(|(host, _)| (host.clone(), 0)).collect();
        for (host, _) in &lab.hosts {
            fs::create_dir_all(lab.path("files").join(host))?;
        }
        for (address, record) in state["resources"].as_object().ok_or("the state has no resources")? {
            let address: Address = address.parse()?;
            let host = address.host().as_str();
            *counts.get_mut(host).ok_or_else(|| format!("{address}: no such host"))? += 1;
            let first = host == lab.hosts[0].0;
            wanted.add(&address, &record["attributes"], lab, first)?;
        }
        if counts.values().any(|count| *count != wanted.count()) {
            return Err(format!("the hosts do not have the same resources: {counts:?}, {wanted}").into());
        }
        Ok(wanted)
    }

    fn add(&mut self, address: &Address, attributes: &Value, lab: &Lab, first: bool) -> Result<()> {
        let attribute = |name| text(attributes, name);
        if address.kind() == "file" {
            let (path, owner) = (attribute("path")?, attribute("owner")?);
            let source = path.trim_start_matches('/').replace('/', "-");
            fs::write(lab.path("files").join(address.host().as_str()).join(&source), attribute("content")?)?;
            if first {
                let (owner, group) = owner.split_once(':').ok_or("an owner without a group")?;
                let (owner, group) = (owner.to_owned(), group.to_owned());
                self.files.push(WantedFile { path, mode: attribute("mode")?, owner, group, source });
            }
            return Ok(());
        }
        if !first {
            return Ok(());
        }
        match address.kind() {
            "sysctl" => _ = self.sysctls.insert(attribute("name")?, attribute("value")?),
            "kernel_module" => self.modules.push(attribute("name")?),
            "package" => {
                self.packages.entry(address.component().to_owned()).or_default().push(attribute("name")?);
            }
            "service" => self.services.push(attribute("name")?),
            other => return Err(format!("{address}: no peer is told how to check a {other}").into()),
        }
        Ok(())
    }

    fn count(&self) -> usize {
        let packages: usize = self.packages.values().map(Vec::len).sum();
        self.sysctls.len() + self.modules.len() + self.files.len() + packages + self.services.len()
    }
}

fn text(value: &Value, name: &str) -> Result<String> {
    Ok(value[name].as_str().ok_or_else(|| format!("no plain `{name}` in {value}"))?.to_owned())
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let packages: usize = self.packages.values().map(Vec::len).sum();
        let Self { sysctls, modules, files, services, .. } = self;
        let (sysctls, modules, files, services) = (sysctls.len(), modules.len(), files.len(), services.len());
        write!(
            f,
            "on each {sysctls} sysctls, {modules} kernel modules, {files} files, {packages} packages, {services} services"
        )
    }
}
