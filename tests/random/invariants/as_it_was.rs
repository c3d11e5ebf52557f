//! Destroy leaves every simulated host exactly as it was before mainstay came.

use std::collections::{BTreeMap, BTreeSet};

use mainstay::resource::{Address, HostName};
use serde_json::Value;

/// What was on the machines before mainstay came. Hosts are renamed, machines are not, so these addresses name machines.
#[derive(Clone, Debug, Default)]
pub(crate) struct Before {
    present: BTreeMap<Address, Value>,
    /// What somebody else took away or spoilt while it was ours; what is gone altogether is forgotten, not put back.
    gone: BTreeSet<Address>,
}

/// The machine behind a host's name, whatever it is called.
pub(crate) fn machine(host: &HostName) -> &str {
    host.as_str().split('x').next().unwrap_or_default()
}

/// The same address on a host of another name.
pub(crate) fn on_host(address: &Address, host: HostName) -> Address {
    Address::new(host, address.component(), address.kind(), address.key())
}

/// The address with the machine in place of the host's name.
pub(crate) fn on_machine(address: &Address) -> Address {
    on_host(address, HostName::new(machine(address.host())))
}

impl Before {
    /// Something was there, or not, when it was nobody's business yet.
    pub(crate) fn set(&mut self, address: &Address, value: Option<Value>) {
        match value {
            Some(value) => drop(self.present.insert(on_machine(address), value)),
            None => drop(self.present.remove(&on_machine(address))),
        }
    }

    /// Whether it is known what was there.
    pub(crate) fn has(&self, address: &Address) -> bool {
        self.present.contains_key(&on_machine(address))
    }

    /// Somebody took it away while it was mainstay's.
    pub(crate) fn taken_away(&mut self, address: &Address) {
        self.gone.insert(on_machine(address));
    }
}

/// Compares what is there now with what was there before. Of a package that was there before only whether it is there and
/// held counts: by design it keeps the version that it has then. A virtual IP is nothing that lies on a host: it goes with
/// keepalived.
pub(crate) fn as_it_was<'a>(
    before: &Before,
    now: impl Iterator<Item = (&'a Address, &'a Value)>,
) -> Result<(), String> {
    let now: BTreeMap<Address, Value> = now.map(|(address, value)| (on_machine(address), value.clone())).collect();
    let lies = |address: &&Address| address.kind() != "virtual_ip";
    let all: BTreeSet<&Address> = now.keys().chain(before.present.keys()).filter(lies).collect();
    let mut faults = Vec::new();
    for address in all {
        let (was, is) = (before.present.get(address), now.get(address));
        let same = match (address.kind(), was, is) {
            ("package", Some(was), Some(is)) => was.get("held") == is.get("held"),
            _ => was == is,
        };
        let forgotten = is.is_none() && before.gone.contains(address);
        if !same && !forgotten {
            let told =
                |it: Option<&Value>| it.map_or("absent".to_owned(), |it| it.to_string().chars().take(200).collect());
            faults.push(format!("  {address} was {}, is {}", told(was), told(is)));
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(format!("destroy leaves it as it was:\n{}", faults.join("\n"))) }
}
