//! Which files the simulated services read, when they were started or reloaded last.

use std::collections::{BTreeMap, BTreeSet};

use crate::resource::{Address, HostName, Observation};

/// Services that run, and the files that have changed since.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Running {
    services: BTreeMap<HostName, BTreeSet<Address>>,
    /// By service and path: the file as the service read it.
    was: BTreeMap<Address, BTreeMap<String, Observation>>,
}

/// Mode and owner of a file do not count for its reader.
fn same_content(one: &Observation, other: &Observation) -> bool {
    fn content(it: &Observation) -> Option<[&serde_json::Value; 3]> {
        it.present().map(|it| ["content", "masked", "sha256"].map(|field| &it[field]))
    }
    content(one) == content(other)
}

impl Running {
    /// Records the value at an address. Setting a service makes it read its files again.
    pub(super) fn notice(&mut self, address: &Address, was: Option<&Observation>, is: &Observation) {
        match (address.kind(), address.key()) {
            ("service", _) => {
                self.was.remove(address);
                let services = self.services.entry(address.host().clone()).or_default();
                if is.present().is_some_and(|is| is["state"] == "active") {
                    services.insert(address.clone());
                } else {
                    services.remove(address);
                }
            }
            ("file", Some(path)) => {
                let was = was.unwrap_or(&Observation::Absent);
                if same_content(was, is) {
                    return;
                }
                for service in self.services.get(address.host()).into_iter().flatten() {
                    let files = self.was.entry(service.clone()).or_default();
                    let read = files.entry(path.to_owned()).or_insert_with(|| was.clone());
                    if same_content(read, is) {
                        files.remove(path);
                    }
                }
            }
            _ => {}
        }
    }

    /// A service read a file when it was like this.
    pub(super) fn ran(&mut self, service: Address, path: String, was: Option<Observation>) {
        let files = self.was.entry(service).or_default();
        match was {
            Some(was) => drop(files.insert(path, was)),
            None => drop(files.remove(&path)),
        }
    }

    pub(super) fn is_outdated(&self, service: &Address, reads: &[&str]) -> bool {
        let files = self.was.get(service);
        files.is_some_and(|files| reads.iter().any(|path| files.contains_key(*path)))
    }

    /// Each file that is not as a service read it, and how it was.
    pub(super) fn outdated(&self) -> impl Iterator<Item = (&Address, &String, &Observation)> {
        self.was.iter().flat_map(|(service, files)| files.iter().map(move |(path, was)| (service, path, was)))
    }

    /// A host has another name.
    pub(super) fn rename(&mut self, from: &HostName, to: &HostName, named: impl Fn(&Address) -> Address) {
        self.was = std::mem::take(&mut self.was).into_iter().map(|(service, files)| (named(&service), files)).collect();
        if let Some(services) = self.services.remove(from) {
            self.services.insert(to.clone(), services.iter().map(named).collect());
        }
    }
}
