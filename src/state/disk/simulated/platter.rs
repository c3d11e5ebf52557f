//! What a disk holds: the content and the names that every process sees, and those of them that
//! would outlast a power cut.

use std::collections::BTreeMap;
use std::time::SystemTime;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// What a disk writes at once; a write that is cut off by a power cut lacks any of these.
const SECTOR: usize = 512;

/// The content of a file.
#[derive(Clone, Debug)]
pub(super) struct Content {
    /// As every process sees it.
    pub(super) seen: Vec<u8>,
    /// As it would be after a power cut, if nothing of `unsynced` came through.
    lasting: Vec<u8>,
    unsynced: Vec<Change>,
    /// When it was written to last.
    pub(super) modified: SystemTime,
}

/// A change of a content.
#[derive(Clone, Debug)]
enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    Length(usize),
}

impl Change {
    /// The same with its lost sectors left as they were.
    fn torn(&self, content: &mut Vec<u8>, random: &mut StdRng) {
        match self {
            Self::Length(_) => self.whole(content),
            Self::Write { offset, bytes } => {
                // The length may be there before the bytes: those are zero then.
                let end = if random.random() { offset + bytes.len() } else { content.len() };
                content.resize(end.max(content.len()), 0);
                let mut at = 0;
                while at < bytes.len() {
                    let next = bytes.len().min((offset + at) / SECTOR * SECTOR + SECTOR - offset);
                    if random.random() {
                        write(content, offset + at, &bytes[at..next]);
                    }
                    at = next;
                }
            }
        }
    }

    fn whole(&self, content: &mut Vec<u8>) {
        match self {
            Self::Write { offset, bytes } => write(content, *offset, bytes),
            Self::Length(length) => content.resize(*length, 0),
        }
    }
}

fn write(content: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    if content.len() < end {
        content.resize(end, 0);
    }
    content[offset..end].copy_from_slice(bytes);
}

impl Content {
    pub(super) fn empty(now: SystemTime) -> Self {
        Self { seen: Vec::new(), lasting: Vec::new(), unsynced: Vec::new(), modified: now }
    }

    fn change(&mut self, change: Change, now: SystemTime) {
        change.whole(&mut self.seen);
        self.unsynced.push(change);
        self.modified = now;
    }

    pub(super) fn write(&mut self, offset: usize, bytes: &[u8], now: SystemTime) {
        self.change(Change::Write { offset, bytes: bytes.to_vec() }, now);
    }

    pub(super) fn resize(&mut self, length: usize, now: SystemTime) {
        self.change(Change::Length(length), now);
    }

    /// All that was written is lasting now.
    pub(super) fn sync(&mut self) {
        for change in self.unsynced.drain(..) {
            change.whole(&mut self.lasting);
        }
    }

    /// What was written will never be lasting, though everybody sees it: a sync that failed.
    pub(super) fn lose(&mut self) {
        self.unsynced.clear();
    }

    /// A power cut: of what was not synced, anything may be lost.
    fn cut(&mut self, luck: Luck, random: &mut StdRng) {
        for change in std::mem::take(&mut self.unsynced) {
            match luck.of(random) {
                Fate::Kept => change.whole(&mut self.lasting),
                Fate::Lost => {}
                Fate::Torn => change.torn(&mut self.lasting, random),
            }
        }
        self.seen.clone_from(&self.lasting);
    }
}

/// The names in a folder.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    /// As every process sees them.
    pub(super) seen: BTreeMap<String, u64>,
    lasting: BTreeMap<String, u64>,
    unsynced: Vec<Naming>,
}

/// A change of names.
#[derive(Clone, Debug)]
pub(super) enum Naming {
    /// Something was created.
    New(String, u64),
    /// Something has another name now.
    Moved(String, String, u64),
    /// Something was removed.
    Gone(String),
}

impl Naming {
    fn apply(&self, names: &mut BTreeMap<String, u64>) {
        match self {
            Self::New(name, inode) => drop(names.insert(name.clone(), *inode)),
            Self::Moved(from, to, inode) => {
                names.remove(from);
                names.insert(to.clone(), *inode);
            }
            Self::Gone(name) => drop(names.remove(name)),
        }
    }
}

impl Names {
    pub(super) fn change(&mut self, naming: Naming) {
        naming.apply(&mut self.seen);
        self.unsynced.push(naming);
    }

    pub(super) fn sync(&mut self) {
        for naming in self.unsynced.drain(..) {
            naming.apply(&mut self.lasting);
        }
    }

    fn cut(&mut self, luck: Luck, random: &mut StdRng) {
        for naming in std::mem::take(&mut self.unsynced) {
            if luck.of(random) == Fate::Kept {
                naming.apply(&mut self.lasting);
            }
        }
        self.seen.clone_from(&self.lasting);
    }
}

/// What becomes of one change that was not synced.
#[derive(Clone, Copy, PartialEq)]
enum Fate {
    Kept,
    Lost,
    Torn,
}

/// What becomes of all that was not synced in one file or folder.
#[derive(Clone, Copy)]
enum Luck {
    /// It had come through all the same.
    Good,
    /// Nothing had.
    Bad,
    /// One change had, another had not, in any order.
    Mixed,
}

impl Luck {
    fn of(self, random: &mut StdRng) -> Fate {
        match self {
            Self::Good => Fate::Kept,
            Self::Bad => Fate::Lost,
            Self::Mixed => match random.random_range(0..3) {
                0 => Fate::Kept,
                1 => Fate::Lost,
                _ => Fate::Torn,
            },
        }
    }

    fn draw(random: &mut StdRng) -> Self {
        match random.random_range(0..4) {
            0 => Self::Good,
            1 => Self::Bad,
            _ => Self::Mixed,
        }
    }
}

/// What stands at an inode.
#[derive(Clone, Debug)]
pub(super) enum Inode {
    File(Content),
    Folder(Names),
}

/// The inode of the folder that all others are in.
pub(super) const ROOT: u64 = 0;

/// All inodes.
#[derive(Clone, Debug)]
pub(super) struct Platter {
    pub(super) inodes: BTreeMap<u64, Inode>,
    next: u64,
}

impl Platter {
    pub(super) fn new() -> Self {
        Self { inodes: BTreeMap::from([(ROOT, Inode::Folder(Names::default()))]), next: ROOT + 1 }
    }

    pub(super) fn add(&mut self, inode: Inode) -> u64 {
        let number = self.next;
        self.next += 1;
        self.inodes.insert(number, inode);
        number
    }

    /// A power cut. What has no name afterwards is gone.
    pub(super) fn cut(&mut self, seed: u64) {
        let mut random = StdRng::seed_from_u64(seed);
        for inode in self.inodes.values_mut() {
            let luck = Luck::draw(&mut random);
            match inode {
                Inode::File(content) => content.cut(luck, &mut random),
                Inode::Folder(names) => names.cut(luck, &mut random),
            }
        }
        let mut reached = vec![ROOT];
        let mut at = 0;
        while let Some(number) = reached.get(at) {
            if let Some(Inode::Folder(names)) = self.inodes.get(number) {
                reached.extend(names.seen.values());
            }
            at += 1;
        }
        self.inodes.retain(|number, _| reached.contains(number));
    }

    /// A power cut that everything has come through.
    pub(super) fn settle(&mut self) {
        for inode in self.inodes.values_mut() {
            match inode {
                Inode::File(content) => content.sync(),
                Inode::Folder(names) => names.sync(),
            }
        }
    }

    /// Bytes that the files with a name hold.
    pub(super) fn used(&self) -> u64 {
        let named = self.inodes.values().filter_map(|inode| match inode {
            Inode::Folder(names) => Some(names.seen.values()),
            Inode::File(_) => None,
        });
        let size = |number: &u64| match self.inodes.get(number) {
            Some(Inode::File(content)) => content.seen.len() as u64,
            _ => 0,
        };
        named.flatten().map(size).sum()
    }
}
