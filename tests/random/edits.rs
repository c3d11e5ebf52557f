//! Edits of cluster.yaml between two runs; some of them must be refused.

use proptest::prelude::*;

use crate::cluster::{BY_NAME, Host, MOVED, OTHER_ADDRESS, PATTERNS, SECOND_MARK, Seed, Wanted, seed};
use crate::knobs::{FIXED, HANDED_OVER, KNOBS, Knob};

/// One edit. Numbers pick among what there is, whatever that is by then.
#[derive(Clone, Debug)]
pub(crate) enum Edit {
    /// A new host, at this place.
    Add(u8, Seed),
    /// A host is not wished any more.
    Remove(u8),
    /// A host is called otherwise.
    Rename(u8),
    /// A host is for something else.
    Roles(u8, u8),
    /// A host gets one more role, or loses one.
    Role(u8, u8),
    /// Other labels, taints, annotations.
    Marks(u8, u8),
    /// Labels, taints or annotations come or go, and the rest stays as it is.
    Mark(u8, u8),
    /// Another address in the cluster, or reached at another one.
    Address(u8, u8),
    /// The Kubernetes node has a name of its own, or no longer.
    Node(u8),
    /// The hosts are written in another order.
    Order(u8),
    /// Another VRRP priority.
    Priority(u8, u8),
    /// An option.
    Knob(u8, u8),
    /// Something is handed over to somebody else, or taken back.
    HandOver(u8, u8),
    /// A guard comes or goes.
    Guard(u8),
    /// Drift of something is ignored, or no longer.
    Ignore(u8),
    /// Renames that every state has seen are forgotten.
    ForgetRenames,
    /// A rename that makes no sense.
    OddRename(u8, u8),
}

pub(crate) fn edit() -> impl Strategy<Value = Edit> {
    let n = any::<u8>;
    let small = || prop_oneof![3 => 0..8_u8, 1 => any::<u8>()];
    prop_oneof![
        5 => (n(), seed()).prop_map(|(at, seed)| Edit::Add(at, seed)),
        5 => n().prop_map(Edit::Remove),
        2 => n().prop_map(Edit::Rename),
        2 => (n(), 1..8_u8).prop_map(|(host, roles)| Edit::Roles(host, roles)),
        2 => (n(), 0..3_u8).prop_map(|(host, role)| Edit::Role(host, role)),
        1 => (n(), n()).prop_map(|(host, marks)| Edit::Marks(host, marks)),
        2 => (n(), 0..4_u8).prop_map(|(host, mark)| Edit::Mark(host, mark)),
        1 => (n(), prop_oneof![Just(OTHER_ADDRESS), Just(BY_NAME)]).prop_map(|(host, at)| Edit::Address(host, at)),
        1 => n().prop_map(Edit::Order),
        3 => (n(), n()).prop_map(|(which, value)| Edit::HandOver(which, value)),
        1 => (n(), 1..=254_u8).prop_map(|(host, priority)| Edit::Priority(host, priority)),
        6 => (n(), small()).prop_map(|(knob, value)| Edit::Knob(knob, value)),
        // What restarts hosts that run.
        3 => (any::<bool>(), small()).prop_map(|(runtime, value)| {
            let knob = if runtime { Knob::Runtime } else { Knob::Rollout };
            // Another cgroup driver is refused anyway.
            Edit::Knob(knob as u8, if runtime { value & !2 } else { value })
        }),
        2 => n().prop_map(Edit::Guard),
        2 => n().prop_map(Edit::Ignore),
        1 => Just(Edit::ForgetRenames),
        1 => (n(), n()).prop_map(|(from, to)| Edit::OddRename(from, to)),
    ]
}

/// An edit that is nearly always refused on a running cluster.
pub(crate) fn fixed() -> impl Strategy<Value = Edit> {
    let n = any::<u8>;
    prop_oneof![
        6 => (0..FIXED.len(), 0..8_u8).prop_map(|(which, value)| Edit::Knob(FIXED[which] as u8, value)),
        3 => n().prop_map(|host| Edit::Address(host, OTHER_ADDRESS)),
        1 => n().prop_map(Edit::Node),
    ]
}

fn pick<T>(all: &[T], number: u8) -> Option<usize> {
    (!all.is_empty()).then(|| usize::from(number) % all.len())
}

fn toggle(list: &mut Vec<String>, number: u8) {
    let text = PATTERNS[usize::from(number) % PATTERNS.len()];
    match list.iter().position(|it| it == text) {
        Some(at) => drop(list.remove(at)),
        None => list.push(text.to_owned()),
    }
}

impl Edit {
    /// What this edit is counted as.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Add(..) => "edit: host added",
            Self::Remove(_) => "edit: host removed",
            Self::Rename(_) | Self::ForgetRenames | Self::OddRename(..) => "edit: rename",
            Self::Roles(..) | Self::Role(..) => "edit: roles",
            Self::Marks(..) | Self::Mark(..) => "edit: labels, taints",
            Self::Address(..) => "edit: address",
            Self::Node(_) => "edit: node name",
            Self::Order(_) => "edit: order",
            Self::Priority(..) => "edit: priority",
            Self::Knob(..) => "edit: option",
            Self::HandOver(..) => "edit: handed over, taken back",
            Self::Guard(_) | Self::Ignore(_) => "edit: guard, ignored drift",
        }
    }

    /// Changes what is wished; `machines` counts those that were ever used, and `is_recorded` tells whether a host of
    /// that name is on record.
    pub(crate) fn apply(&self, wanted: &mut Wanted, machines: &mut u8, is_recorded: impl Fn(&str) -> bool) {
        match *self {
            Self::Add(at, seed) => {
                *machines = machines.saturating_add(1);
                let at = usize::from(at) % (wanted.hosts.len() + 1);
                wanted.hosts.insert(at, Host::new(*machines, seed));
            }
            Self::Remove(number) => {
                if let Some(at) = pick(&wanted.hosts, number) {
                    wanted.hosts.remove(at);
                }
            }
            Self::Rename(number) => {
                let Some(at) = pick(&wanted.hosts, number) else { return };
                // A machine is known by its name or by its address: one of the two has to stay.
                if wanted.hosts[at].at & MOVED != 0 {
                    return;
                }
                let old = wanted.hosts[at].name.clone();
                let new = match old.split_once('x') {
                    Some((base, times)) => format!("{base}x{}", times.parse::<u8>().unwrap_or(0).wrapping_add(1)),
                    None => format!("{old}x1"),
                };
                let host = &mut wanted.hosts[at];
                host.node.get_or_insert_with(|| old.clone());
                host.name.clone_from(&new);
                // One move from the name on record to the last.
                if is_recorded(&old) {
                    wanted.moved.retain(|(_, to)| *to != old);
                }
                match wanted.moved.iter_mut().find(|(_, to)| *to == old) {
                    Some((_, to)) => *to = new,
                    None => wanted.moved.push((old, new)),
                }
            }
            Self::Roles(number, roles) => {
                if let Some(at) = pick(&wanted.hosts, number) {
                    wanted.hosts[at].roles = roles;
                }
            }
            Self::Marks(number, marks) => {
                if let Some(at) = pick(&wanted.hosts, number) {
                    wanted.hosts[at].marks = marks;
                }
            }
            Self::Role(number, role) => {
                if let Some(at) = pick(&wanted.hosts, number) {
                    wanted.hosts[at].roles ^= 1 << (role % 3);
                }
            }
            Self::Mark(number, mark) => {
                if let Some(at) = pick(&wanted.hosts, number) {
                    wanted.hosts[at].marks ^= [1, 2, 4, SECOND_MARK][usize::from(mark % 4)];
                }
            }
            Self::Address(number, bits) => {
                if let Some(at) = pick(&wanted.hosts, number) {
                    let host = &mut wanted.hosts[at];
                    let bits = if host.name.contains('x') { bits & !OTHER_ADDRESS } else { bits };
                    host.at ^= bits;
                    host.at |= if bits & OTHER_ADDRESS == 0 { 0 } else { MOVED };
                }
            }
            Self::Node(number) => {
                if let Some(at) = pick(&wanted.hosts, number) {
                    let host = &mut wanted.hosts[at];
                    host.node = host.node.is_none().then(|| format!("n{}", host.machine));
                }
            }
            Self::Order(by) => {
                let hosts = wanted.hosts.len().max(1);
                wanted.hosts.rotate_left(usize::from(by) % hosts);
                if by >= 128 {
                    wanted.hosts.reverse();
                }
            }
            Self::HandOver(which, value) => {
                wanted.knobs.hand_over(HANDED_OVER[usize::from(which) % HANDED_OVER.len()], value);
            }
            Self::Priority(number, priority) => {
                if let Some(at) = pick(&wanted.hosts, number) {
                    wanted.hosts[at].priority = priority;
                }
            }
            Self::Knob(number, value) => {
                let knob = KNOBS[usize::from(number) % KNOBS.len()];
                wanted.knobs.set(knob, value);
            }
            Self::Guard(number) => toggle(&mut wanted.guards, number),
            Self::Ignore(number) => toggle(&mut wanted.ignored, number),
            Self::ForgetRenames => wanted.moved.retain(|(from, _)| is_recorded(from)),
            Self::OddRename(from, to) => {
                let name = |number: u8| pick(&wanted.hosts, number).map(|at| wanted.hosts[at].name.clone());
                if let (Some(from), Some(to)) = (name(from), name(to)) {
                    wanted.moved.push((format!("{from}/host"), format!("{to}/host")));
                }
            }
        }
    }
}
