//! This machine's disk, with every write and every sync counted, and syncs left out where only the rest is of interest.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use mainstay::state::{Access, Disk, FileId, Listed, Machine, OpenFile, RealDisk};

/// What was asked of a disk.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) writes: u64,
    pub(crate) bytes: u64,
    /// Of files and folders.
    pub(crate) syncs: u64,
    /// Bytes of the journal alone, and the syncs of it.
    pub(crate) journal_bytes: u64,
    pub(crate) journal_syncs: u64,
}

#[derive(Debug, Default)]
struct Counters {
    writes: AtomicU64,
    bytes: AtomicU64,
    syncs: AtomicU64,
    journal_bytes: AtomicU64,
    journal_syncs: AtomicU64,
}

/// The disk.
#[derive(Debug)]
pub(crate) struct Counted {
    syncs: bool,
    counters: Arc<Counters>,
}

impl Counted {
    pub(crate) fn new(syncs: bool) -> Arc<Self> {
        Arc::new(Self { syncs, counters: Arc::default() })
    }

    pub(crate) fn counts(&self) -> Counts {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let Counters { writes, bytes, syncs, journal_bytes, journal_syncs } = &*self.counters;
        Counts {
            writes: of(writes),
            bytes: of(bytes),
            syncs: of(syncs),
            journal_bytes: of(journal_bytes),
            journal_syncs: of(journal_syncs),
        }
    }

    fn opened(&self, path: &Path, file: Box<dyn OpenFile>) -> Box<dyn OpenFile> {
        let journal = path.extension().is_some_and(|it| it == "journal");
        Box::new(CountedFile { file, journal, syncs: self.syncs, counters: Arc::clone(&self.counters) })
    }
}

#[derive(Debug)]
struct CountedFile {
    file: Box<dyn OpenFile>,
    journal: bool,
    syncs: bool,
    counters: Arc<Counters>,
}

fn add(counter: &AtomicU64, what: u64) {
    counter.fetch_add(what, Ordering::Relaxed);
}

impl Disk for Counted {
    fn machine(&self) -> &dyn Machine {
        &RealDisk
    }
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        RealDisk.read(path)
    }
    fn list(&self, folder: &Path) -> io::Result<Vec<Listed>> {
        RealDisk.list(folder)
    }
    fn is_folder(&self, path: &Path) -> bool {
        RealDisk.is_folder(path)
    }
    fn make_folder(&self, folder: &Path, access: Access) -> io::Result<()> {
        RealDisk.make_folder(folder, access)
    }
    fn create(&self, path: &Path, access: Access) -> io::Result<Box<dyn OpenFile>> {
        Ok(self.opened(path, RealDisk.create(path, access)?))
    }
    fn open(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
        Ok(self.opened(path, RealDisk.open(path)?))
    }
    fn id(&self, path: &Path) -> io::Result<FileId> {
        RealDisk.id(path)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealDisk.rename(from, to)
    }
    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealDisk.rename_new(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        RealDisk.remove(path)
    }
    fn remove_same(&self, path: &Path, file: &dyn OpenFile) -> io::Result<()> {
        RealDisk.remove_same(path, file)
    }
    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        add(&self.counters.syncs, 1);
        if self.syncs { RealDisk.sync_folder(folder) } else { Ok(()) }
    }
}

impl OpenFile for CountedFile {
    fn read(&self) -> io::Result<Vec<u8>> {
        self.file.read()
    }
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        add(&self.counters.writes, 1);
        add(&self.counters.bytes, bytes.len() as u64);
        if self.journal {
            add(&self.counters.journal_bytes, bytes.len() as u64);
        }
        self.file.write_at(bytes, offset)
    }
    fn truncate(&self, length: u64) -> io::Result<()> {
        self.file.truncate(length)
    }
    fn sync(&self) -> io::Result<()> {
        add(&self.counters.syncs, 1);
        if self.journal {
            add(&self.counters.journal_syncs, 1);
        }
        if self.syncs { self.file.sync() } else { Ok(()) }
    }
    fn try_lock(&self) -> io::Result<bool> {
        self.file.try_lock()
    }
    fn try_lock_shared(&self) -> io::Result<bool> {
        self.file.try_lock_shared()
    }
    fn id(&self) -> io::Result<FileId> {
        self.file.id()
    }
}
