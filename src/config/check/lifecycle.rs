//! Expected drift and renamed resources.

use super::values::plain_line;
use crate::config::faults::{Fault, Faults};
use crate::config::file;
use crate::config::quote::{all_of, quoted};
use crate::config::shape::nearest;
use crate::config::{Host, Lifecycle, Moved, pointer};
use crate::resource::HostName;
use crate::resource::Pattern;

/// Components: the second part of addresses.
pub const COMPONENTS: &[&str] = &[
    "container-runtime",
    "control-plane",
    "haproxy",
    "host",
    "keepalived",
    "kubernetes",
    "network",
    "nodes",
    "worker",
];

/// The only kind whose key is just a name; other keys identify an object on the host.
const NAMED: &str = "manifest";

pub(super) fn check(written: Option<&file::Lifecycle>, hosts: &[Host], faults: &mut Faults<'_>) -> Lifecycle {
    let ignore_drift = written.and_then(|it| it.ignore_drift.clone()).unwrap_or_default();
    for (number, text) in ignore_drift.iter().enumerate() {
        let at = pointer(["lifecycle", "ignoreDrift", &number.to_string()]);
        if pattern(text, "matches nothing", &at, faults)
            && let Some(fault) = no_such_host(text, "matches nothing", &at, hosts, faults)
        {
            faults.error(fault);
        }
    }
    let mut moved: Vec<Moved> = Vec::new();
    for (number, entry) in written.and_then(|it| it.moved.as_deref()).unwrap_or_default().iter().enumerate() {
        let entry = Moved { from: entry.from.clone().unwrap_or_default(), to: entry.to.clone().unwrap_or_default() };
        let at = |key: &str| pointer(["lifecycle", "moved", &number.to_string(), key]);
        // The shape check reports a missing key.
        if faults.written(&at("from")) && faults.written(&at("to")) {
            one_move(&entry, &at, hosts, faults);
            among_others(&entry, number, &moved, faults);
        }
        moved.push(entry);
    }
    Lifecycle { ignore_drift, moved }
}

/// Refuses a pattern that can cover nothing, as far as components tell; `nothing` says what that means. Returns whether
/// it can cover something.
pub(super) fn pattern(text: &str, nothing: &str, at: &str, faults: &mut Faults<'_>) -> bool {
    if !plain_line("pattern", text, at, faults) {
        return false;
    }
    let fault = |why: &str| Fault::at(at, format!("{} {nothing}{why}", quoted(text)));
    if text.is_empty() || text.trim() != text {
        let example = "write an address or a part of one, for example `cp1` or `*/haproxy`";
        faults.broken(fault("").help(example));
        return false;
    }
    let pattern = Pattern::new(text);
    let component = text.split('/').nth(1).unwrap_or_default();
    if COMPONENTS.iter().any(|name| pattern.covers(1, name)) {
        return true;
    }
    let fault = fault(&format!(": no component is named {}", quoted(component)));
    faults.error(meant(fault, component, COMPONENTS.iter().copied(), "the components are"));
    false
}

/// That a pattern covers no host of the file.
pub(super) fn no_such_host(text: &str, nothing: &str, at: &str, hosts: &[Host], faults: &Faults<'_>) -> Option<Fault> {
    let pattern = Pattern::new(text);
    if host_names(hosts).any(|name| pattern.covers(0, name)) || !faults.is_complete("/hosts") {
        return None;
    }
    let host = text.split('/').next().unwrap_or_default();
    let fault = Fault::at(at, format!("{} {nothing}: no host is named {}", quoted(text), quoted(host)));
    Some(meant(fault, host, host_names(hosts), "the hosts are"))
}

/// Every host, and the name for cluster-wide resources.
fn host_names(hosts: &[Host]) -> impl Iterator<Item = &str> {
    hosts.iter().map(|host| host.name.as_str()).chain([HostName::CLUSTER])
}

/// Most names that a message lists.
const LISTED: usize = 12;

fn meant<'a>(fault: Fault, word: &str, known: impl Iterator<Item = &'a str>, list: &str) -> Fault {
    let known: Vec<&str> = known.collect();
    match nearest(word, known.iter().copied()) {
        Some(near) => fault.help(format!("did you mean {}?", quoted(near))),
        None if known.len() <= LISTED => fault.help(format!("{list} {}", all_of(known))),
        None => fault,
    }
}

/// The rules of one rename by itself.
fn one_move(entry: &Moved, at: &dyn Fn(&str) -> String, hosts: &[Host], faults: &mut Faults<'_>) {
    let Moved { from, to } = entry;
    for (key, text) in [("from", from), ("to", to)] {
        if !plain_line("name", text, &at(key), faults) {
            return;
        }
        let whole = text.split('/').all(|part| !part.trim().is_empty()) && text.trim() == text;
        if text.contains('*') || !whole {
            let message = format!("{} is neither a host nor the beginning of an address", quoted(text));
            faults.broken(
                Fault::at(at(key), message)
                    .help("write one entry per move, without `*`, for example `w1` or `cluster/network`"),
            );
            return;
        }
    }
    let (before, after): (Vec<&str>, Vec<&str>) = (from.splitn(3, '/').collect(), to.splitn(3, '/').collect());
    if from == to {
        faults.error(Fault::at(at("to"), format!("{} is moved to itself", quoted(from))).help("remove the entry"));
    } else if before.len() != after.len() {
        let message = format!("{} and {} are of different types", quoted(from), quoted(to));
        faults.error(Fault::at(at("to"), message).help("move a host to a host, or a component to a component"));
    } else if before.len() == 1 {
        host_move(entry, at, hosts, faults);
    } else if before[0] != after[0] {
        let message = format!("{} and {} are on different hosts", quoted(from), quoted(to));
        faults.error(Fault::at(at("to"), message).help("to move a renamed host, write only its name"));
    } else if let ([_, _, old], [_, _, new]) = (before.as_slice(), after.as_slice()) {
        address_move(old, new, &at("to"), faults);
    }
}

fn host_move(entry: &Moved, at: &dyn Fn(&str) -> String, hosts: &[Host], faults: &mut Faults<'_>) {
    let Moved { from, to } = entry;
    let is = |name: &str| hosts.iter().any(|host| host.name == name);
    if [from, to].iter().any(|name| name.as_str() == HostName::CLUSTER) {
        faults.error(Fault::at(at("from"), format!("{} is not a host", quoted(HostName::CLUSTER))));
    } else if is(from) {
        let message = format!("{} has not moved: it is still among the hosts", quoted(from));
        let hosts = pointer(["hosts", from]);
        faults.error(Fault::at(at("from"), message).also(hosts, "here").help("rename the host, or remove the entry"));
    } else if !is(to) && faults.is_complete("/hosts") {
        let message = format!("no host is named {}", quoted(to));
        let names = hosts.iter().map(|host| host.name.as_str());
        faults.error(meant(Fault::at(at("to"), message), to, names, "the hosts are"));
    }
}

fn address_move(old: &str, new: &str, at: &str, faults: &mut Faults<'_>) {
    let kind = |text: &str| text.split('[').next().unwrap_or_default().to_owned();
    if kind(old) != kind(new) {
        faults.error(
            Fault::at(at, format!("{} cannot be moved to {}", quoted(old), quoted(new))).because("the kinds differ"),
        );
    } else if old != new && kind(new) != NAMED {
        faults.error(
            Fault::at(at, format!("{} and {} are different objects on a host", quoted(old), quoted(new)))
                .because("the key in brackets identifies the object on the host")
                .help("remove the entry; the old resource is destroyed and the new one created"),
        );
    }
}

/// Refuses duplicates, chains, and moves within other moves.
fn among_others(entry: &Moved, number: usize, others: &[Moved], faults: &mut Faults<'_>) {
    let at = |number: usize, key: &str| pointer(["lifecycle", "moved", &number.to_string(), key]);
    for (other, before) in others.iter().enumerate() {
        let clashes = [
            ("from", &entry.from, "from", &before.from, "is moved twice"),
            ("to", &entry.to, "to", &before.to, "is the target of two moves"),
            ("from", &entry.from, "to", &before.to, "is moved again"),
            ("to", &entry.to, "from", &before.from, "is moved again"),
        ];
        for (key, name, other_key, theirs, what) in clashes {
            if within(name, theirs) || within(theirs, name) {
                faults.error(
                    Fault::at(at(number, key), format!("{} {what}", quoted(name)))
                        .also(at(other, other_key), "the other move")
                        .help("write one move from the first name to the last"),
                );
                return;
            }
        }
    }
}

/// Whether a path is `prefix` or below it.
fn within(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '[']))
}
