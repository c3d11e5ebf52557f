//! What goes wrong during a run, as data.

use std::time::Duration;

use proptest::prelude::*;

/// One thing that goes wrong, in the place of an act or together with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The step fails before it acts.
    Fails,
    /// It fails in a way that package managers know to pass.
    FailsForNow,
    /// It fails in the middle.
    HalfWay,
    /// It acts, and the connection is lost before the answer.
    Unanswered,
    /// The connection is cut; this host cannot be reached for so many requests.
    Cut(u8),
    /// The host goes down, and stays down.
    Down,
    /// A host that was down comes back.
    Back,
    /// The host is slow.
    Slow(Duration),
    /// Somebody changes something behind mainstay's back.
    Drift(Drift),
    /// The user interrupts: once, or twice.
    Interrupt { now: bool },
}

/// A change behind mainstay's back; numbers pick among what there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Drift {
    /// Which one of all resources.
    pub(crate) which: u16,
    /// How: gone, or another value in this field.
    pub(crate) how: u8,
}

/// How a mainstay is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kill {
    /// At this act, before the host heard of it.
    Act(u16),
    /// At this act, when it was done.
    AfterAct(u16),
    /// At this engine event.
    Event(u16),
    /// In the place of this change of the disk.
    Change(u16),
    /// When it has written so many bytes.
    Byte(u32),
}

/// All that happens during one run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Weather {
    /// At which act, and what.
    pub(crate) troubles: Vec<(u16, Trouble)>,
    /// Whether, and when, the process dies.
    pub(crate) kill: Option<Kill>,
    /// Whether the power is cut then, and by which seed unsynced writes are lost.
    pub(crate) power: Option<u64>,
    /// The disk is full after so many bytes.
    pub(crate) full: Option<u32>,
    /// The disk's syncs fail after so many.
    pub(crate) syncs: Option<u16>,
}

pub(crate) fn drift() -> impl Strategy<Value = Drift> {
    (any::<u16>(), any::<u8>()).prop_map(|(which, how)| Drift { which, how })
}

fn trouble() -> impl Strategy<Value = Trouble> {
    prop_oneof![
        4 => Just(Trouble::Fails),
        2 => Just(Trouble::FailsForNow),
        3 => Just(Trouble::HalfWay),
        4 => Just(Trouble::Unanswered),
        3 => (0..6_u8).prop_map(Trouble::Cut),
        2 => Just(Trouble::Down),
        1 => Just(Trouble::Back),
        2 => prop_oneof![5 => 1..300_u64, 1 => 300..3000_u64].prop_map(|s| Trouble::Slow(Duration::from_secs(s))),
        4 => drift().prop_map(Trouble::Drift),
        1 => any::<bool>().prop_map(|now| Trouble::Interrupt { now }),
    ]
}

/// Early acts more often than late ones, because most plans are short.
fn at() -> impl Strategy<Value = u16> {
    prop_oneof![4 => 0..20_u16, 3 => 20..120_u16, 1 => 120..1000_u16]
}

fn kill() -> impl Strategy<Value = Kill> {
    prop_oneof![
        2 => at().prop_map(Kill::Act),
        2 => at().prop_map(Kill::AfterAct),
        1 => at().prop_map(Kill::Event),
        3 => prop_oneof![2 => 0..12_u16, 3 => at()].prop_map(Kill::Change),
        3 => prop_oneof![2 => 0..2000_u32, 2 => 2000..40_000_u32, 1 => 40_000..400_000_u32].prop_map(Kill::Byte),
    ]
}

pub(crate) fn weather() -> impl Strategy<Value = Weather> {
    let troubles = prop_oneof![
        5 => Just(Vec::new()),
        4 => prop::collection::vec((at(), trouble()), 1..3),
        1 => prop::collection::vec((at(), trouble()), 3..8),
    ];
    let kill = prop_oneof![7 => Just(None), 3 => kill().prop_map(Some)];
    let power = prop_oneof![1 => Just(None), 1 => any::<u64>().prop_map(Some)];
    let full = prop_oneof![19 => Just(None), 1 => (0..60_000_u32).prop_map(Some)];
    let syncs = prop_oneof![29 => Just(None), 1 => (0..60_u16).prop_map(Some)];
    let any = (troubles, kill, power, full, syncs).prop_map(|(troubles, kill, power, full, syncs)| Weather {
        troubles,
        kill,
        power,
        full,
        syncs,
    });
    prop_oneof![2 => Just(Weather::default()), 3 => any]
}
