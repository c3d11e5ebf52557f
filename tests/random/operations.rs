//! What happens to a cluster, one thing after the other, as data.

use proptest::prelude::*;

use crate::edits::{Edit, edit, fixed};
use crate::weather::{Drift, Weather, drift, weather};

/// One thing that happens.
#[derive(Clone, Debug)]
pub(crate) enum Operation {
    /// cluster.yaml is edited.
    Edit(Edit),
    /// cluster.yaml is applied.
    Apply(Run),
    /// Two mainstays are started at once; the second one on this machine or another.
    Two(Run, Run, Other),
    /// A part or all is destroyed.
    Destroy(Run),
    /// Parts are planned one after the other, and none is carried out.
    Plan(Vec<Part>),
    /// A plan is saved.
    Save(Part),
    /// The saved plan is applied; with everything that has moved accepted, or not.
    ApplySaved(Run, bool),
    /// Something is changed behind mainstay's back.
    Drift(Drift),
    /// A host goes down.
    Down(u8),
    /// All hosts are up again.
    Up,
    /// The clock is set: how many seconds, forward or back.
    Clock(i32),
    /// Time goes by, in seconds.
    Time(u32),
}

/// Where and when the second of two starts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Other {
    pub(crate) elsewhere: bool,
    /// Milliseconds later.
    pub(crate) after: u32,
    /// Seconds that it waits for the lock.
    pub(crate) waits: u16,
}

/// Which part of everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    All,
    /// `--target` this host.
    Host(u8),
    /// `--target` this component.
    Component(u8),
    /// `--exclude` this host.
    Without(u8),
    /// `--target` one resource.
    One(u16),
    /// `--target` what the whole plan refuses: the resource, its component on this host, or the host.
    Refused(u16),
    /// `--exclude` the same.
    WithoutRefused(u16),
    /// `--target` what the whole plan blocks because something is refused.
    Blocked(u16),
    /// `--replace` this resource.
    Replace(u16),
    /// `--refresh-only`.
    Refresh,
}

/// A run with its options, and what goes wrong in it.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) part: Part,
    pub(crate) parallelism: u8,
    pub(crate) fail_fast: bool,
    pub(crate) weather: Weather,
}

fn part() -> impl Strategy<Value = Part> {
    prop_oneof![
        12 => Just(Part::All),
        2 => any::<u8>().prop_map(Part::Host),
        1 => any::<u8>().prop_map(Part::Component),
        2 => any::<u8>().prop_map(Part::Without),
        1 => small_part(),
        2 => any::<u16>().prop_map(Part::Replace),
        1 => Just(Part::Refresh),
    ]
}

/// Parts that are picked by what the whole plan refuses.
fn small_part() -> impl Strategy<Value = Part> {
    prop_oneof![
        1 => any::<u16>().prop_map(Part::One),
        2 => any::<u16>().prop_map(Part::Refused),
        3 => any::<u16>().prop_map(Part::WithoutRefused),
        3 => any::<u16>().prop_map(Part::Blocked),
    ]
}

fn run_of(part: impl Strategy<Value = Part>) -> impl Strategy<Value = Run> {
    let parallelism = prop_oneof![3 => Just(64_u8), 1 => 1..4_u8];
    (part, parallelism, prop::bool::weighted(0.15), weather()).prop_map(|(part, parallelism, fail_fast, weather)| Run {
        part,
        parallelism,
        fail_fast,
        weather,
    })
}

fn run() -> impl Strategy<Value = Run> {
    run_of(part())
}

fn other() -> impl Strategy<Value = Other> {
    let after = prop_oneof![2 => Just(0_u32), 1 => 0..2000_u32, 1 => 2000..200_000_u32];
    let waits = prop_oneof![2 => Just(0_u16), 1 => 0..400_u16];
    (prop::bool::weighted(0.4), after, waits).prop_map(|(elsewhere, after, waits)| Other { elsewhere, after, waits })
}

/// An edit that is likely to be refused, perhaps with another one beside it, and then parts of it.
fn in_parts() -> impl Strategy<Value = Vec<Operation>> {
    let parts = prop::collection::vec(prop_oneof![3 => small_part(), 1 => part()], 1..6);
    let beside = prop_oneof![2 => Just(None), 1 => edit().prop_map(Some)];
    (fixed(), beside, parts, run_of(small_part())).prop_map(|(fixed, beside, parts, run)| {
        let edits = [Some(fixed), beside].into_iter().flatten().map(Operation::Edit);
        edits.chain([Operation::Plan(parts), Operation::Apply(run)]).collect()
    })
}

/// What happens next: one thing, or a few that belong together.
pub(crate) fn operations() -> impl Strategy<Value = Vec<Operation>> {
    prop_oneof![15 => operation().prop_map(|it| vec![it]), 1 => in_parts()]
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        30 => edit().prop_map(Operation::Edit),
        28 => run().prop_map(Operation::Apply),
        5 => (run(), run(), other()).prop_map(|(first, second, other)| Operation::Two(first, second, other)),
        3 => run().prop_map(Operation::Destroy),
        4 => part().prop_map(Operation::Save),
        4 => (run(), any::<bool>()).prop_map(|(run, accept)| Operation::ApplySaved(run, accept)),
        10 => drift().prop_map(Operation::Drift),
        4 => any::<u8>().prop_map(Operation::Down),
        4 => Just(Operation::Up),
        3 => prop_oneof![-4000..4000_i32, -90_000_000..90_000_000_i32].prop_map(Operation::Clock),
        2 => (0..100_000_u32).prop_map(Operation::Time),
    ]
}
