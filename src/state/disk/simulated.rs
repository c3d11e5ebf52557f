//! A disk in memory on which everything that can go wrong does, when it is told to.
//!
//! It tells apart what every process sees (the page cache and the kernel's names) from what would
//! outlast a power cut, as [`Disk`] promises it and not better. Processes on it run in one thread:
//! whoever drives them may kill one at any operation or byte, let another act between two
//! operations of the first, fill the disk, cut the power and set clocks.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, ErrorKind};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

mod files;
mod platter;
mod process;

use platter::{Inode, Platter, ROOT};
pub use process::{Cut, SimulatedProcess};

/// A disk, the machines that have it, and their clocks. A clone is the same disk.
#[derive(Clone, Debug)]
pub struct SimulatedDisk {
    shared: Arc<Mutex<Shared>>,
}

/// One thing that a process did to the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deed {
    /// The process, see [`SimulatedProcess::number`].
    pub process: usize,
    /// What it did: `create`, `write`, `truncate`, `sync`, `rename`, `remove`, `make folder`, `sync folder`.
    pub act: &'static str,
    /// To what; the new name for `rename`.
    pub path: PathBuf,
    /// Bytes written.
    pub bytes: usize,
}

#[derive(Debug)]
struct Shared {
    platter: Platter,
    /// Bytes that still fit.
    room: Option<u64>,
    /// Syncs that still end well.
    syncs_left: Option<u64>,
    /// Whether a kernel lock is seen from other machines, too.
    network_locks: bool,
    locks: Vec<Lock>,
    machines: BTreeMap<String, Clock>,
    processes: Vec<Process>,
    /// Time since the disk was made.
    uptime: Duration,
    handles: u64,
    deeds: Option<Vec<Deed>>,
}

/// A kernel lock.
#[derive(Debug)]
struct Lock {
    inode: u64,
    handle: u64,
    process: usize,
    shared: bool,
}

/// The clock of a machine.
#[derive(Clone, Copy, Debug, Default)]
struct Clock {
    ahead: Duration,
    behind: Duration,
    boots: u32,
}

/// A process as the disk knows it.
struct Process {
    machine: String,
    dead: bool,
    operations: u64,
    changes: u64,
    bytes: u64,
    cut: Option<Cut>,
    /// What is to happen just before an operation.
    before: BTreeMap<u64, Vec<Box<dyn FnOnce() + Send>>>,
    leases: u32,
}

impl Process {
    fn new(machine: &str) -> Self {
        Self {
            machine: machine.to_owned(),
            dead: false,
            operations: 0,
            changes: 0,
            bytes: 0,
            cut: None,
            before: BTreeMap::new(),
            leases: 0,
        }
    }
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { machine, dead, operations, bytes, .. } = self;
        write!(f, "process on {machine}, dead: {dead}, {operations} operations, {bytes} bytes")
    }
}

impl Default for SimulatedDisk {
    fn default() -> Self {
        Self::new()
    }
}

impl SimulatedDisk {
    /// An empty disk.
    pub fn new() -> Self {
        let shared = Shared {
            platter: Platter::new(),
            room: None,
            syncs_left: None,
            network_locks: false,
            locks: Vec::new(),
            machines: BTreeMap::new(),
            processes: Vec::new(),
            uptime: Duration::ZERO,
            handles: 0,
            deeds: None,
        };
        Self { shared: Arc::new(Mutex::new(shared)) }
    }

    /// Another disk that holds the same, with nobody at work on it.
    #[must_use]
    pub fn copy(&self) -> Self {
        let shared = self.lock();
        let process = |old: &Process| Process { dead: true, ..Process::new(&old.machine) };
        let copy = Shared {
            platter: shared.platter.clone(),
            room: shared.room,
            syncs_left: shared.syncs_left,
            network_locks: shared.network_locks,
            locks: Vec::new(),
            machines: shared.machines.clone(),
            processes: shared.processes.iter().map(process).collect(),
            uptime: shared.uptime,
            handles: shared.handles,
            deeds: None,
        };
        Self { shared: Arc::new(Mutex::new(copy)) }
    }

    /// A process that starts on this machine; the disk as it sees it.
    pub fn process(&self, machine: &str) -> Arc<SimulatedProcess> {
        let mut shared = self.lock();
        shared.machines.entry(machine.to_owned()).or_default();
        shared.processes.push(Process::new(machine));
        Arc::new(SimulatedProcess::new(self.clone(), shared.processes.len() - 1))
    }

    /// From now on only so many bytes fit; what is removed gives its room back. Without a number the
    /// disk is as large as anybody likes, as in the beginning.
    pub fn full_after(&self, bytes: Option<u64>) {
        self.lock().room = bytes;
    }

    /// From now on so many syncs end well, and then none; what such a sync was to make lasting never
    /// will be, as on Linux. Without a number all end well, as in the beginning.
    pub fn fail_syncs_after(&self, syncs: Option<u64>) {
        self.lock().syncs_left = syncs;
    }

    /// Whether a kernel lock is seen from other machines, too, as on NFS. It is not in the beginning.
    pub fn share_locks(&self, shared: bool) {
        self.lock().network_locks = shared;
    }

    /// The power goes, everywhere: every process is dead, and of what was not synced anything may be
    /// lost or torn, as `seed` has it. The machines are up again at once.
    pub fn crash(&self, seed: u64) {
        let mut shared = self.lock();
        shared.kill_all();
        let before = shared.platter.used();
        shared.platter.cut(seed);
        let now = shared.platter.used();
        if let Some(room) = &mut shared.room {
            *room = (*room + before).saturating_sub(now);
        }
    }

    /// All machines are started again in good order: every process is dead, and nothing is lost.
    pub fn reboot(&self) {
        let mut shared = self.lock();
        shared.kill_all();
        shared.platter.settle();
    }

    /// Time goes on, for all machines.
    pub fn advance(&self, time: Duration) {
        self.lock().uptime += time;
    }

    /// Sets the clock of a machine forward.
    pub fn set_forward(&self, machine: &str, by: Duration) {
        self.lock().machines.entry(machine.to_owned()).or_default().ahead += by;
    }

    /// Sets the clock of a machine back.
    pub fn set_back(&self, machine: &str, by: Duration) {
        self.lock().machines.entry(machine.to_owned()).or_default().behind += by;
    }

    /// Keeps a record of what processes do from now on, for [`SimulatedDisk::take_deeds`].
    pub fn watch(&self) {
        self.lock().deeds.get_or_insert_default();
    }

    /// What processes did since one looked last.
    pub fn take_deeds(&self) -> Vec<Deed> {
        self.lock().deeds.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// All files, as every process sees them.
    pub fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let shared = self.lock();
        let mut found = BTreeMap::new();
        let mut folders = vec![(PathBuf::new(), ROOT)];
        while let Some((path, folder)) = folders.pop() {
            let Some(Inode::Folder(names)) = shared.platter.inodes.get(&folder) else { continue };
            for (name, number) in &names.seen {
                match shared.platter.inodes.get(number) {
                    Some(Inode::File(content)) => drop(found.insert(path.join(name), content.seen.clone())),
                    Some(Inode::Folder(_)) => folders.push((path.join(name), *number)),
                    None => {}
                }
            }
        }
        found
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    fn kill(&mut self, process: usize) {
        self.processes[process].dead = true;
        self.processes[process].before.clear();
        self.locks.retain(|lock| lock.process != process);
    }

    fn kill_all(&mut self) {
        (0..self.processes.len()).for_each(|process| self.kill(process));
        self.machines.values_mut().for_each(|clock| clock.boots += 1);
    }

    fn now(&self, process: usize) -> SystemTime {
        // A Tuesday in 2026; nothing depends on it.
        let midnight = SystemTime::UNIX_EPOCH + Duration::from_secs(1_780_000_000);
        let clock = self.machines[&self.processes[process].machine];
        midnight + self.uptime + clock.ahead - clock.behind
    }

    /// Folder and name of a path; paths are taken from one root, absolute or not.
    fn split(&self, path: &Path) -> io::Result<(u64, String)> {
        let mut folder = ROOT;
        let mut names = path.components().filter_map(|part| match part {
            Component::Normal(name) => Some(name.to_string_lossy().into_owned()),
            _ => None,
        });
        let Some(mut name) = names.next() else { return Ok((ROOT, String::new())) };
        for next in names {
            folder = self.inode_in(folder, &name)?;
            name = next;
        }
        Ok((folder, name))
    }

    fn inode_in(&self, folder: u64, name: &str) -> io::Result<u64> {
        match self.platter.inodes.get(&folder) {
            Some(Inode::Folder(names)) => names.seen.get(name).copied().ok_or_else(|| ErrorKind::NotFound.into()),
            _ => Err(ErrorKind::NotADirectory.into()),
        }
    }

    fn inode(&self, path: &Path) -> io::Result<u64> {
        match self.split(path)? {
            (ROOT, name) if name.is_empty() => Ok(ROOT),
            (folder, name) => self.inode_in(folder, &name),
        }
    }

    fn content(&mut self, number: u64) -> io::Result<&mut platter::Content> {
        match self.platter.inodes.get_mut(&number) {
            Some(Inode::File(content)) => Ok(content),
            Some(Inode::Folder(_)) => Err(ErrorKind::IsADirectory.into()),
            None => Err(ErrorKind::NotFound.into()),
        }
    }

    fn names(&mut self, number: u64) -> io::Result<&mut platter::Names> {
        match self.platter.inodes.get_mut(&number) {
            Some(Inode::Folder(names)) => Ok(names),
            _ => Err(ErrorKind::NotADirectory.into()),
        }
    }

    /// Room that a file gives back when its name goes.
    fn release(&mut self, number: u64) {
        let size = self.content(number).map_or(0, |content| content.seen.len() as u64);
        if let Some(room) = &mut self.room {
            *room += size;
        }
    }
}

#[cfg(test)]
mod tests;
