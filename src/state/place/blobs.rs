//! A place over five calls on named blobs, in memory: the pattern for remote places, and a second subject of the
//! contract tests.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::generations::{current, outdated};
use super::{
    Aside, Expected, Generation, Held, Journal, Left, LeftJournal, Lock, Named, Part, Place, Purpose, Timing, Writer,
};
use crate::state::disk::{Disk, Machine};
use crate::state::error::StateError;
use crate::state::holder::{Holder, timestamp};
use crate::state::model::Version;
use crate::state::{SimulatedProcess, file};

/// Changes with every write of a blob.
type Tag = u64;

/// Named blobs.
#[derive(Clone, Debug, Default)]
pub(super) struct Blobs(Arc<Mutex<Stored>>);

#[derive(Debug, Default)]
struct Stored {
    blobs: BTreeMap<String, (Vec<u8>, Tag)>,
    writes: Tag,
}

impl Stored {
    fn put(&mut self, name: &str, bytes: &[u8]) {
        self.writes += 1;
        self.blobs.insert(name.to_owned(), (bytes.to_owned(), self.writes));
    }
}

impl Blobs {
    fn lock(&self) -> MutexGuard<'_, Stored> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, name: &str) -> Option<(Vec<u8>, Tag)> {
        self.lock().blobs.get(name).cloned()
    }

    /// Says whether it was absent and is created.
    pub(super) fn create(&self, name: &str, bytes: &[u8]) -> bool {
        let mut stored = self.lock();
        let free = !stored.blobs.contains_key(name);
        if free {
            stored.put(name, bytes);
        }
        free
    }

    /// Says whether it had this tag and is replaced.
    fn replace(&self, name: &str, bytes: &[u8], tag: Tag) -> bool {
        let mut stored = self.lock();
        let same = stored.blobs.get(name).is_some_and(|(_, now)| *now == tag);
        if same {
            stored.put(name, bytes);
        }
        same
    }

    pub(super) fn delete(&self, name: &str) {
        self.lock().blobs.remove(name);
    }

    fn list(&self, prefix: &str) -> Vec<(String, usize)> {
        let stored = self.lock();
        let found = stored.blobs.iter().filter(|(name, _)| name.starts_with(prefix));
        found.map(|(name, (bytes, _))| (name[prefix.len()..].to_owned(), bytes.len())).collect()
    }
}

/// `lease.json`: never deleted, so that no epoch comes twice.
#[derive(Debug, Serialize, Deserialize)]
struct Epoch {
    epoch: u64,
    holder: Option<Holder>,
}

impl Epoch {
    fn bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap()
    }
}

/// The blobs of one cluster, as one process sees them.
#[derive(Clone, Debug)]
pub(super) struct InMemory {
    pub(super) blobs: Blobs,
    pub(super) cluster: String,
    pub(super) process: Arc<SimulatedProcess>,
}

impl InMemory {
    pub(super) fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.cluster)
    }

    fn get(&self, name: &str) -> Option<(Vec<u8>, Tag)> {
        self.blobs.get(&self.path(name))
    }

    fn create(&self, name: &str, bytes: &[u8]) -> bool {
        self.blobs.create(&self.path(name), bytes)
    }

    fn replace(&self, name: &str, bytes: &[u8], tag: Tag) -> bool {
        self.blobs.replace(&self.path(name), bytes, tag)
    }

    /// Creates it or replaces what a kill has left there.
    fn put(&self, name: &str, bytes: &[u8]) -> bool {
        match self.get(name) {
            Some((_, tag)) => self.replace(name, bytes, tag),
            None => self.create(name, bytes),
        }
    }

    fn named(&self, name: &str) -> Named {
        Named::new(&format!("memory://{}", self.path(name)))
    }
}

/// Name of a batch; names sort as serial and number do.
fn batch(serial: u64, number: usize) -> String {
    format!("journal/{serial:010}-{number:06}")
}

impl Place for InMemory {
    fn name(&self, part: Part) -> Named {
        self.named(match part {
            Part::State => "state.json",
            Part::Generations => "generations/",
            Part::Journal => "journal/",
            Part::Lock => "lease.json",
        })
    }

    fn machine(&self) -> &dyn Machine {
        self.process.machine()
    }

    fn timing(&self) -> Timing {
        Timing::DEFAULT
    }

    fn read(&self) -> Result<Option<Vec<u8>>, StateError> {
        Ok(self.get("state.json").map(|(bytes, _)| bytes))
    }

    fn generations(&self) -> Result<Vec<Generation>, StateError> {
        let generation = |(name, size): (String, usize)| {
            let (serial, before) = Generation::parse(&name)?;
            let name = self.named(&format!("generations/{name}"));
            Some(Generation { serial, written: SystemTime::UNIX_EPOCH, size: size as u64, name, before })
        };
        let all = self.blobs.list(&self.path("generations/"));
        let mut all: Vec<Generation> = all.into_iter().filter_map(generation).collect();
        all.sort_by(|a, b| a.order().cmp(&b.order()));
        Ok(all)
    }

    fn generation(&self, kept: &Generation) -> Result<Vec<u8>, StateError> {
        let found = self.get(&format!("generations/{}", kept.file()));
        found.map(|(bytes, _)| bytes).ok_or(StateError::NoGeneration { at: kept.name.clone(), serial: kept.serial })
    }

    fn journal(&self) -> Result<Option<LeftJournal>, StateError> {
        // An older chain, or one without its first batch, was merged already.
        let names = self.blobs.list(&self.path("journal/"));
        let Some((serial, _)) = names.last().and_then(|(name, _)| name.split_once('-')) else { return Ok(None) };
        let serial = serial.parse().unwrap();
        let mut chain = Chain { place: self.clone(), batches: Vec::new() };
        let mut bytes = Vec::new();
        while let Some((more, tag)) = self.get(&batch(serial, chain.batches.len())) {
            bytes.extend(more);
            chain.batches.push((batch(serial, chain.batches.len()), tag));
        }
        Ok((!bytes.is_empty()).then(|| LeftJournal { bytes, left: Box::new(chain) }))
    }

    fn prepare(&self) -> Result<(), StateError> {
        Ok(())
    }

    fn lock(&self, _: &Holder, _: Purpose) -> Result<Lock, StateError> {
        let Some((bytes, tag)) = self.get("lease.json") else { return Ok(Lock::Free) };
        Ok(match serde_json::from_slice(&bytes) {
            Ok(Epoch { holder: None, .. }) => Lock::Free,
            Ok(Epoch { epoch, holder: Some(holder) }) => {
                let left = Box::new(FoundLease { place: self.clone(), epoch, tag });
                Lock::Held { holder: Box::new(holder), held: Held::Elsewhere, left }
            }
            Err(error) => Lock::Unreadable { reason: error.to_string() },
        })
    }

    fn take(&self, holder: Holder) -> Result<Option<Arc<dyn Writer>>, StateError> {
        let now = self.get("lease.json").map(|(bytes, tag)| (serde_json::from_slice::<Epoch>(&bytes).unwrap(), tag));
        let epoch = now.as_ref().map_or(1, |(now, _)| now.epoch + 1);
        let bytes = Epoch { epoch, holder: Some(holder.clone()) }.bytes();
        let won = match now {
            Some((Epoch { holder: Some(_), .. }, _)) => false,
            Some((_, tag)) => self.replace("lease.json", &bytes, tag),
            None => self.create("lease.json", &bytes),
        };
        Ok(won.then(|| Arc::new(BlobWriter { place: self.clone(), epoch, holder }) as Arc<dyn Writer>))
    }

    fn neighbours(&self) -> Result<Vec<Arc<dyn Place>>, StateError> {
        let all = self.blobs.list("").into_iter();
        let clusters = all.filter_map(|(name, _)| Some(name.strip_suffix("/state.json")?.to_owned()));
        let others = clusters.filter(|cluster| *cluster != self.cluster);
        Ok(others.map(|cluster| Arc::new(Self { cluster, ..self.clone() }) as Arc<dyn Place>).collect())
    }
}

/// A held lease that was found: removing it frees the epoch.
#[derive(Debug)]
struct FoundLease {
    place: InMemory,
    epoch: u64,
    tag: Tag,
}

impl Left for FoundLease {
    fn remove(&self) -> Result<(), StateError> {
        let free = Epoch { epoch: self.epoch, holder: None };
        self.place.replace("lease.json", &free.bytes(), self.tag);
        Ok(())
    }
}

/// The holder of an epoch.
#[derive(Clone, Debug)]
struct BlobWriter {
    place: InMemory,
    epoch: u64,
    holder: Holder,
}

impl BlobWriter {
    fn lost(&self) -> StateError {
        StateError::LockLost { at: self.place.name(Part::Lock), id: self.holder.id.clone() }
    }

    /// The tag of the lease, if it still is ours.
    fn ours(&self) -> Result<Tag, StateError> {
        let (bytes, tag) = self.place.get("lease.json").ok_or_else(|| self.lost())?;
        let now: Epoch = serde_json::from_slice(&bytes).unwrap();
        (now.epoch == self.epoch && now.holder.is_some()).then_some(tag).ok_or_else(|| self.lost())
    }
}

impl Writer for BlobWriter {
    fn holder(&self) -> &Holder {
        &self.holder
    }

    fn check(&self) -> Result<(), StateError> {
        self.ours().map(drop)
    }

    fn renew(&self) -> Result<(), StateError> {
        let renewed = timestamp(self.place.machine().now());
        let lease = Epoch { epoch: self.epoch, holder: Some(Holder { renewed, ..self.holder.clone() }) };
        let renewed = self.place.replace("lease.json", &lease.bytes(), self.ours()?);
        if renewed { Ok(()) } else { Err(self.lost()) }
    }

    fn release(&self) {
        if let Ok(tag) = self.ours() {
            self.place.replace("lease.json", &Epoch { epoch: self.epoch, holder: None }.bytes(), tag);
        }
    }

    fn replace(&self, expected: Expected<'_>, next: &Version, bytes: &[u8]) -> Result<(), StateError> {
        let found = self.place.get("state.json");
        let at = self.place.name(Part::State);
        expected.check(&at, found.as_ref().map(|(bytes, _)| &bytes[..]))?;
        self.check()?;
        self.place.put(&format!("generations/{}", current(next.serial)), bytes);
        let replaced = match found {
            Some((_, tag)) => self.place.replace("state.json", bytes, tag),
            None => self.place.create("state.json", bytes),
        };
        if !replaced {
            let now = self.place.read()?.map(|bytes| file::version(&at, &bytes)).transpose()?;
            let (expected, found) = (format!("{expected:?}"), format!("{now:?}"));
            return Err(StateError::Moved { at, expected, found });
        }
        for one in outdated(self.place.generations()?, next.serial) {
            self.place.blobs.delete(&self.place.path(&format!("generations/{}", one.file())));
        }
        Ok(())
    }

    fn set_aside(&self, aside: Aside<'_>, bytes: &[u8]) -> Result<Named, StateError> {
        self.check()?;
        let name = format!("generations/{aside}");
        self.place.put(&name, bytes);
        Ok(self.place.named(&name))
    }

    fn create_journal(&self, continues: &Version, first: &str) -> Result<Box<dyn Journal>, StateError> {
        let chain = Chain { place: self.place.clone(), batches: Vec::new() };
        let mut journal = BlobJournal { writer: self.clone(), serial: continues.serial, chain };
        journal.append(first)?;
        Ok(Box::new(journal))
    }
}

/// The batches of a journal, with the tags that they had.
#[derive(Debug)]
struct Chain {
    place: InMemory,
    batches: Vec<(String, Tag)>,
}

impl Left for Chain {
    fn remove(&self) -> Result<(), StateError> {
        // The first batch last: a chain whose removal is cut short still begins with its first line.
        for (name, tag) in self.batches.iter().rev() {
            if self.place.get(name).is_some_and(|(_, now)| now == *tag) {
                self.place.blobs.delete(&self.place.path(name));
            }
        }
        Ok(())
    }
}

#[derive(Debug)]
struct BlobJournal {
    writer: BlobWriter,
    serial: u64,
    chain: Chain,
}

impl Left for BlobJournal {
    fn remove(&self) -> Result<(), StateError> {
        self.chain.remove()
    }
}

impl Journal for BlobJournal {
    fn append(&mut self, text: &str) -> Result<(), StateError> {
        self.writer.check()?;
        let (place, name) = (&self.writer.place, batch(self.serial, self.chain.batches.len()));
        let created = place.create(&name, text.as_bytes());
        let (now, tag) = place.get(&name).ok_or_else(|| self.writer.lost())?;
        // A lost answer to our own request looks like a batch of another process.
        if !created && now != text.as_bytes() {
            return Err(self.writer.lost());
        }
        self.chain.batches.push((name, tag));
        // The next holder may have read the journal before the batch was in it. A seal would save this request.
        self.writer.check()
    }
}
