//! The operations of a process on a simulated disk.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::{Access, Disk, FileId, Listed, Machine, OpenFile};
use super::platter::{Content, Inode, Names, Naming};
use super::{Lock, Shared, SimulatedDisk, SimulatedProcess};

/// An open file of a process.
#[derive(Debug)]
struct SimulatedFile {
    process: SimulatedProcess,
    path: PathBuf,
    inode: u64,
    handle: u64,
}

impl SimulatedProcess {
    fn opened(&self, shared: &mut Shared, path: &Path, inode: u64) -> Box<dyn OpenFile> {
        shared.handles += 1;
        let process = Self::new(SimulatedDisk { shared: Arc::clone(&self.disk.shared) }, self.number());
        Box::new(SimulatedFile { process, path: path.to_owned(), inode, handle: shared.handles })
    }

    /// Puts something under a name that is free.
    fn add(&self, shared: &mut Shared, path: &Path, inode: Inode) -> io::Result<u64> {
        let (folder, name) = shared.split(path)?;
        if name.is_empty() || shared.names(folder)?.seen.contains_key(&name) {
            return Err(ErrorKind::AlreadyExists.into());
        }
        let number = shared.platter.add(inode);
        shared.names(folder)?.change(Naming::New(name, number));
        Ok(number)
    }

    fn move_to(&self, shared: &mut Shared, from: &Path, to: &Path) -> io::Result<()> {
        let ((folder, old), (other, new)) = (shared.split(from)?, shared.split(to)?);
        if folder != other {
            return Err(ErrorKind::CrossesDevices.into());
        }
        let inode = shared.inode_in(folder, &old)?;
        if let Ok(replaced) = shared.inode_in(folder, &new) {
            if matches!(shared.platter.inodes.get(&replaced), Some(Inode::Folder(_))) {
                return Err(ErrorKind::IsADirectory.into());
            }
            shared.release(replaced);
        }
        shared.names(folder)?.change(Naming::Moved(old, new, inode));
        Ok(())
    }

    fn take(&self, shared: &mut Shared, path: &Path) -> io::Result<()> {
        let (folder, name) = shared.split(path)?;
        let inode = shared.inode_in(folder, &name)?;
        shared.content(inode)?;
        shared.release(inode);
        shared.names(folder)?.change(Naming::Gone(name));
        Ok(())
    }

    /// Counts one sync, and says whether it may end well.
    fn syncs(shared: &mut Shared) -> io::Result<()> {
        match &mut shared.syncs_left {
            Some(0) => Err(io::Error::other("input/output error (simulated)")),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }
}

impl SimulatedFile {
    /// Takes the kernel lock, alone or as one reader of many.
    fn take(&self, reader: bool) -> io::Result<bool> {
        let mut shared = self.process.operate()?;
        let me = self.process.number();
        let machine = &shared.processes[me].machine;
        let against = |lock: &Lock| lock.inode == self.inode && lock.handle != self.handle && !(reader && lock.shared);
        let seen = |lock: &Lock| shared.network_locks || shared.processes[lock.process].machine == *machine;
        if shared.locks.iter().any(|lock| against(lock) && seen(lock)) {
            return Ok(false);
        }
        let lock = Lock { inode: self.inode, handle: self.handle, process: me, shared: reader };
        shared.locks.retain(|old| old.handle != lock.handle);
        shared.locks.push(lock);
        Ok(true)
    }
}

impl Disk for SimulatedProcess {
    fn machine(&self) -> &dyn Machine {
        self
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let mut shared = self.operate()?;
        let inode = shared.inode(path)?;
        Ok(shared.content(inode)?.seen.clone())
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<Listed>> {
        let mut shared = self.operate()?;
        let inode = shared.inode(folder)?;
        let names = shared.names(inode)?.seen.clone();
        let listed = |(name, inode)| {
            let (size, modified) = match shared.platter.inodes.get(&inode) {
                Some(Inode::File(content)) => (content.seen.len() as u64, content.modified),
                _ => (0, std::time::SystemTime::UNIX_EPOCH),
            };
            Listed { name, size, modified }
        };
        Ok(names.into_iter().map(listed).collect())
    }

    fn is_folder(&self, path: &Path) -> bool {
        let Ok(shared) = self.operate() else { return false };
        let inode = shared.inode(path).ok();
        inode.is_some_and(|inode| matches!(shared.platter.inodes.get(&inode), Some(Inode::Folder(_))))
    }

    fn make_folder(&self, folder: &Path, _: Access) -> io::Result<()> {
        let mut shared = self.change("make folder", folder)?;
        self.add(&mut shared, folder, Inode::Folder(Names::default())).map(drop)
    }

    fn create(&self, path: &Path, _: Access) -> io::Result<Box<dyn OpenFile>> {
        let mut shared = self.change("create", path)?;
        let now = shared.now(self.number());
        let inode = self.add(&mut shared, path, Inode::File(Content::empty(now)))?;
        Ok(self.opened(&mut shared, path, inode))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
        let mut shared = self.operate()?;
        let inode = shared.inode(path)?;
        Ok(self.opened(&mut shared, path, inode))
    }

    fn id(&self, path: &Path) -> io::Result<FileId> {
        let inode = self.operate()?.inode(path)?;
        Ok(FileId { device: 0, inode })
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut shared = self.change("rename", to)?;
        self.move_to(&mut shared, from, to)
    }

    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut shared = self.change("rename", to)?;
        if shared.inode(to).is_ok() {
            return self.take(&mut shared, from).and(Err(ErrorKind::AlreadyExists.into()));
        }
        self.move_to(&mut shared, from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut shared = self.change("remove", path)?;
        self.take(&mut shared, path)
    }

    fn remove_same(&self, path: &Path, file: &dyn OpenFile) -> io::Result<()> {
        let open = file.id()?;
        // One act: that a process is suspended for a minute just between the two is not simulated.
        let mut shared = self.change("remove", path)?;
        if shared.inode(path).is_ok_and(|inode| inode == open.inode) { self.take(&mut shared, path) } else { Ok(()) }
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        let mut shared = self.change("sync folder", folder)?;
        let inode = shared.inode(folder)?;
        Self::syncs(&mut shared)?;
        shared.names(inode)?.sync();
        Ok(())
    }
}

impl OpenFile for SimulatedFile {
    fn read(&self) -> io::Result<Vec<u8>> {
        Ok(self.process.operate()?.content(self.inode)?.seen.clone())
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut shared = self.process.change("write", &self.path)?;
        let now = shared.now(self.process.number());
        let offset = usize::try_from(offset).map_err(io::Error::other)?;
        let length = shared.content(self.inode)?.seen.len();
        let grows = (offset + bytes.len()).saturating_sub(length).min(bytes.len());
        let (done, result) = self.process.write(&mut shared, bytes.len(), grows);
        shared.content(self.inode)?.write(offset, &bytes[..done], now);
        result
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        let mut shared = self.process.change("truncate", &self.path)?;
        let now = shared.now(self.process.number());
        let length = usize::try_from(length).map_err(io::Error::other)?;
        let content = shared.content(self.inode)?;
        let freed = content.seen.len().saturating_sub(length) as u64;
        content.resize(length, now);
        if let Some(room) = &mut shared.room {
            *room += freed;
        }
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut shared = self.process.change("sync", &self.path)?;
        let may = SimulatedProcess::syncs(&mut shared);
        let content = shared.content(self.inode)?;
        match &may {
            Ok(()) => content.sync(),
            Err(_) => content.lose(),
        }
        may
    }

    fn try_lock(&self) -> io::Result<bool> {
        self.take(false)
    }

    fn try_lock_shared(&self) -> io::Result<bool> {
        self.take(true)
    }

    fn id(&self) -> io::Result<FileId> {
        drop(self.process.operate()?);
        Ok(FileId { device: 0, inode: self.inode })
    }
}

impl Drop for SimulatedFile {
    fn drop(&mut self) {
        self.process.disk.lock().locks.retain(|lock| lock.handle != self.handle);
    }
}
