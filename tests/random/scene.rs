//! What is known of a case while it runs: its trace, its figures, what must hold, and what did not.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mainstay::fleet::{SimulatedFleet, World};
use mainstay::resource::Address;
use mainstay::state::{Deed, SimulatedDisk};
use tokio::time::Instant;

use crate::figures::Figures;
use crate::files::MARKERS;
use crate::invariants::{Before, DroppedFirst, OnePerLane, OneVirtualIp, OneWriter, Quorum, no_secret};
use crate::trace::{TOLD, Trace};

/// Shared by all that watches a case.
#[derive(Clone, Debug)]
pub(crate) struct Scene {
    known: Arc<Mutex<Known>>,
    pub(crate) disk: SimulatedDisk,
}

/// What is known so far.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) trace: Trace,
    pub(crate) figures: Figures,
    /// The first thing that was broken.
    pub(crate) broken: Option<String>,
    /// The lines of the trace that led to it.
    pub(crate) led_to_it: String,
    pub(crate) writer: OneWriter,
    pub(crate) lanes: OnePerLane,
    pub(crate) quorum: Quorum,
    pub(crate) virtual_ip: OneVirtualIp,
    pub(crate) dropped_first: DroppedFirst,
    pub(crate) before: Before,
    /// Secrets that may be seen nowhere: those of files, and those that were made at run time.
    pub(crate) secrets: BTreeSet<String>,
    /// Changed behind mainstay's back since somebody looked last.
    pub(crate) others: BTreeSet<Address>,
    /// The disk, which two that are at work have in common, is full or will be, or does not make lasting what it should.
    pub(crate) disk_fails: bool,
    /// Up to when the disk's clock has gone.
    time: Option<Instant>,
}

impl Known {
    /// Something is broken; the first one counts, and what led to it is kept.
    fn break_off(&mut self, what: String) {
        self.trace.line(format!("BROKEN {what}"));
        if self.broken.is_none() {
            self.led_to_it = self.trace.tail(*TOLD);
            self.broken = Some(what);
        }
    }
}

impl Scene {
    pub(crate) fn new() -> Self {
        let disk = SimulatedDisk::new();
        disk.watch();
        let known = Known {
            trace: Trace::default(),
            figures: Figures::default(),
            broken: None,
            led_to_it: String::new(),
            writer: OneWriter::default(),
            lanes: OnePerLane::default(),
            quorum: Quorum::default(),
            virtual_ip: OneVirtualIp::default(),
            dropped_first: DroppedFirst::default(),
            before: Before::default(),
            secrets: MARKERS.iter().map(|it| (*it).to_owned()).collect(),
            disk_fails: false,
            others: BTreeSet::new(),
            time: None,
        };
        Self { known: Arc::new(Mutex::new(known)), disk }
    }

    pub(crate) fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers what was broken first.
    pub(crate) fn must(&self, held: Result<(), String>) {
        if let Err(what) = held {
            let mut known = self.known();
            known.break_off(what);
        }
    }

    pub(crate) fn line(&self, line: String) {
        self.known().trace.line(line);
    }

    pub(crate) fn count(&self, name: &'static str) {
        self.known().figures.count(name);
    }

    /// Lets the disk's clock go as far as the runtime's, and looks at what was done to the disk.
    pub(crate) fn catch_up(&self) {
        let now = Instant::now();
        let passed = self.known().time.replace(now).map_or(Duration::ZERO, |before| now - before);
        self.disk.advance(passed);
        self.saw(&self.disk.take_deeds());
    }

    fn saw(&self, deeds: &[Deed]) {
        let mut known = self.known();
        known.figures.deeds += deeds.len() as u64;
        for deed in deeds {
            known.trace.line(format!("    disk: {} {} {} {}", deed.process, deed.act, deed.path.display(), deed.bytes));
            if let Err(what) = known.writer.saw(deed) {
                known.break_off(what);
            }
        }
    }

    /// The hosts are as others left them.
    pub(crate) fn before_acting(&self, hosts: &SimulatedFleet) {
        let see = |world: &World| (world.kubernetes(), world.virtual_ip_holders(), world.api_servers());
        let (etcd, holders, servers) = hosts.with(see);
        let mut known = self.known();
        known.quorum.before(&etcd);
        known.virtual_ip.before(&holders);
        known.dropped_first.before(servers);
    }

    /// The hosts are as an act of ours left them.
    pub(crate) fn after_acting(&self, act: &str, hosts: &SimulatedFleet) {
        let (etcd, holders) = hosts.with(|world| (world.kubernetes(), world.virtual_ip_holders()));
        let (servers, backends) = hosts.with(|world| (world.api_servers(), world.api_backends()));
        let held = {
            let mut known = self.known();
            let dropped = known.dropped_first.after(act, &servers, &backends);
            [known.quorum.after(act, &etcd), known.virtual_ip.after(act, &holders), dropped]
        };
        for held in held {
            self.must(held);
        }
    }

    /// Something is shown to somebody, or written where somebody may read it.
    pub(crate) fn shown(&self, place: &str, text: &[u8]) {
        let found = no_secret(place, text, self.known().secrets.iter());
        self.must(found);
    }

    /// All files, for what must not stand in them; generations of the state are among them, so once is enough.
    pub(crate) fn look_into_files(&self) {
        for (path, bytes) in self.disk.files() {
            self.shown(&path.display().to_string(), &bytes);
        }
    }
}
