//! What a campaign consisted of.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::AddAssign;

/// Counts of one case, or of many.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figures {
    pub(crate) cases: u64,
    pub(crate) hosts: u64,
    pub(crate) largest: u64,
    pub(crate) runs: u64,
    pub(crate) destroys: u64,
    pub(crate) plans: u64,
    pub(crate) acts: u64,
    pub(crate) looks: u64,
    pub(crate) events: u64,
    pub(crate) deeds: u64,
    /// Everything else, by name: faults, kills, edits, refusals.
    pub(crate) by_name: BTreeMap<&'static str, u64>,
}

impl Figures {
    pub(crate) fn count(&mut self, name: &'static str) {
        *self.by_name.entry(name).or_default() += 1;
    }
}

impl AddAssign for Figures {
    fn add_assign(&mut self, other: Self) {
        self.cases += other.cases;
        self.hosts += other.hosts;
        self.largest = self.largest.max(other.largest);
        self.runs += other.runs;
        self.destroys += other.destroys;
        self.plans += other.plans;
        self.acts += other.acts;
        self.looks += other.looks;
        self.events += other.events;
        self.deeds += other.deeds;
        for (name, count) in other.by_name {
            *self.by_name.entry(name).or_default() += count;
        }
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cases, hosts, largest, runs, destroys, plans, acts, looks, events, deeds, by_name } = self;
        writeln!(
            f,
            "{cases} cases, {hosts} hosts at first (at most {largest}), {plans} plans, {runs} applies, {destroys} destroys, {acts} acts, \
             {looks} looks, {events} engine events, {deeds} changes of the disk"
        )?;
        let mut group = "";
        for (name, count) in by_name {
            let (this, what) = name.split_once(": ").unwrap_or(("", name));
            if this != group {
                write!(f, "{}  {this}:", if group.is_empty() { "" } else { "\n" })?;
                group = this;
            }
            write!(f, " {what} {count}")?;
        }
        Ok(())
    }
}
