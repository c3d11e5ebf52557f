//! One process on a simulated disk.

use std::io;
use std::path::Path;
use std::sync::MutexGuard;
use std::time::{Duration, SystemTime};

use super::super::Machine;
use super::{Deed, Process, Shared, SimulatedDisk};
use crate::state::holder::{Holder, timestamp};

/// Where a process dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// In the place of this change of the disk (from 0), which is not made. Syncs count as changes.
    Change(u64),
    /// When it has written so many bytes; the last write is cut off there.
    Byte(u64),
}

/// What a process has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// Everything that it asked of the disk.
    pub operations: u64,
    /// What of that changed something, syncs included.
    pub changes: u64,
    /// Bytes that it wrote.
    pub bytes: u64,
}

/// A process, and the disk as it sees it. Once dead, all that it tries fails and changes nothing.
#[derive(Debug)]
pub struct SimulatedProcess {
    pub(super) disk: SimulatedDisk,
    number: usize,
}

impl SimulatedProcess {
    pub(super) fn new(disk: SimulatedDisk, number: usize) -> Self {
        Self { disk, number }
    }

    /// Which one it is, in the order in which they started, from 0.
    pub fn number(&self) -> usize {
        self.number
    }

    /// Lets it die there.
    pub fn fail_after(&self, cut: Cut) {
        self.me(&mut self.disk.lock()).cut = Some(cut);
    }

    /// Kills it now. Its kernel locks are free; what it has written is seen by the others.
    pub fn kill(&self) {
        self.disk.lock().kill(self.number);
    }

    /// Whether it was killed.
    pub fn is_dead(&self) -> bool {
        self.me(&mut self.disk.lock()).dead
    }

    /// What it has done so far: the numbers that [`Cut`] and [`SimulatedProcess::before`] speak of.
    pub fn used(&self) -> Used {
        let mut shared = self.disk.lock();
        let Process { operations, changes, bytes, .. } = *self.me(&mut shared);
        Used { operations, changes, bytes }
    }

    /// Lets something happen just before this operation (from 0), looking included, for example what
    /// another process does then. It may not use a store or a lease of this process.
    pub fn before(&self, operation: u64, act: impl FnOnce() + Send + 'static) {
        self.me(&mut self.disk.lock()).before.entry(operation).or_default().push(Box::new(act));
    }

    fn me<'a>(&self, shared: &'a mut Shared) -> &'a mut Process {
        &mut shared.processes[self.number]
    }

    fn dead() -> io::Error {
        io::Error::other("the process is dead (simulated)")
    }

    /// An operation begins.
    pub(super) fn operate(&self) -> io::Result<MutexGuard<'_, Shared>> {
        let mut shared = self.disk.lock();
        loop {
            let me = self.me(&mut shared);
            if me.dead {
                return Err(Self::dead());
            }
            let at = me.operations;
            let Some(acts) = me.before.remove(&at) else {
                me.operations += 1;
                return Ok(shared);
            };
            drop(shared);
            for act in acts {
                act();
            }
            shared = self.disk.lock();
        }
    }

    /// An operation begins that changes something.
    pub(super) fn change(&self, act: &'static str, path: &Path) -> io::Result<MutexGuard<'_, Shared>> {
        let mut shared = self.operate()?;
        let me = self.me(&mut shared);
        if me.cut.is_some_and(|cut| matches!(cut, Cut::Change(at) if at <= me.changes)) {
            shared.kill(self.number);
            return Err(Self::dead());
        }
        me.changes += 1;
        self.note(&mut shared, act, path, 0);
        Ok(shared)
    }

    fn note(&self, shared: &mut Shared, act: &'static str, path: &Path, bytes: usize) {
        if let Some(deeds) = &mut shared.deeds {
            deeds.push(Deed { process: self.number, act, path: path.to_owned(), bytes });
        }
    }

    /// How much of a write is done, and what then comes of it.
    pub(super) fn write(&self, shared: &mut Shared, wanted: usize, grows: usize) -> (usize, io::Result<()>) {
        let me = self.me(shared);
        let alive = match me.cut {
            Some(Cut::Byte(at)) => usize::try_from(at.saturating_sub(me.bytes)).unwrap_or(usize::MAX),
            _ => usize::MAX,
        };
        let fits = match shared.room {
            Some(room) => (wanted - grows).saturating_add(usize::try_from(room).unwrap_or(usize::MAX)),
            None => usize::MAX,
        };
        let done = wanted.min(alive).min(fits);
        self.me(shared).bytes += done as u64;
        if let Some(room) = &mut shared.room {
            *room -= (done.saturating_sub(wanted - grows) as u64).min(*room);
        }
        if let Some(deed) = shared.deeds.as_mut().and_then(|deeds| deeds.last_mut()) {
            deed.bytes = done;
        }
        if done == wanted {
            return (done, Ok(()));
        }
        if done == alive {
            shared.kill(self.number);
            return (done, Err(Self::dead()));
        }
        (done, Err(io::ErrorKind::StorageFull.into()))
    }
}

impl Machine for SimulatedProcess {
    fn now(&self) -> SystemTime {
        self.disk.lock().now(self.number)
    }

    fn uptime(&self) -> Duration {
        self.disk.lock().uptime
    }

    fn pause(&self, time: Duration) {
        self.disk.advance(time);
    }

    fn holder(&self, operation: &str) -> Holder {
        let mut shared = self.disk.lock();
        let now = timestamp(shared.now(self.number));
        let me = self.me(&mut shared);
        let (machine, lease) = (me.machine.clone(), me.leases);
        me.leases += 1;
        let boots = shared.machines[&machine].boots;
        Holder {
            id: format!("{:04x}{lease:04x}", self.number),
            operation: operation.to_owned(),
            owner: "simulated".to_owned(),
            host: machine.clone(),
            machine: Some(machine.clone()),
            boot: Some(format!("{machine} {boots}")),
            pid: u32::try_from(self.number).unwrap_or(u32::MAX),
            created: now.clone(),
            renewed: now,
        }
    }

    fn renews(&self) -> bool {
        false
    }
}
