//! Where `--log` and `--json-into` write: a file, a terminal, or a pipe that somebody reads. None of them can stop a run.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;

/// How long a pipe may stay full before it is given up.
const PATIENCE: Duration = Duration::from_secs(10);

/// An output that was named on the command line.
#[derive(Debug)]
pub(super) struct Sink(File);

impl Sink {
    /// Opens it for writing: a file at its end with `append`, else at its beginning; nothing is truncated. A file that is
    /// missing is created, private to its owner.
    pub(super) fn open(path: &Path, append: bool) -> io::Result<Self> {
        let refused = |what: &str| Err(io::Error::new(ErrorKind::InvalidInput, what));
        if let Ok(about) = std::fs::metadata(path) {
            let kind = about.file_type();
            match () {
                () if kind.is_dir() => return refused("it is a directory"),
                () if kind.is_socket() => return refused("it is a socket"),
                () if kind.is_block_device() => return refused("it is a disk"),
                () => {}
            }
        }
        let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
        let mut options = OpenOptions::new();
        options.write(true).append(append).create(true).truncate(false).mode(0o600);
        match options.custom_flags(flags.bits().cast_signed()).open(path) {
            // Opening a pipe would wait for a reader.
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::NXIO.raw_os_error()) => {
                refused("nobody reads from this pipe")
            }
            opened => opened.map(Self),
        }
    }

    /// The open file.
    pub(super) fn file(&self) -> &File {
        &self.0
    }

    /// Waits until the reader of a pipe has made room.
    fn wait(&self) -> io::Result<()> {
        let patience = Timespec::try_from(PATIENCE).map_err(io::Error::other)?;
        match poll(&mut [PollFd::new(&self.0, PollFlags::OUT)], Some(&patience)) {
            Ok(0) => {
                let text = format!("the reader has not read anything for {} s", PATIENCE.as_secs());
                Err(io::Error::new(ErrorKind::TimedOut, text))
            }
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match self.0.write(bytes) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.wait()?,
                written => return written,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::input::{self, MIB};

    fn pipe(path: &Path) {
        assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
    }

    #[test]
    fn what_cannot_be_written_to_is_refused_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        pipe(&at("pipe"));
        let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
        let why = |name: &str| Sink::open(&at(name), true).unwrap_err().to_string();
        assert_eq!(why("pipe"), "nobody reads from this pipe");
        assert_eq!(why("socket"), "it is a socket");
        assert_eq!(why(""), "it is a directory");
        Sink::open(Path::new("/dev/null"), true).unwrap().write_all(b"text").unwrap();
    }

    #[test]
    fn a_slow_reader_is_waited_for_and_one_that_stops_is_given_up() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pipe");
        pipe(&path);
        // Opened for both directions: a reader that never reads.
        let reader = File::options().read(true).write(true).open(&path).unwrap();
        let mut sink = Sink::open(&path, false).unwrap();
        let (began, bytes) = (Instant::now(), vec![b'x'; 1 << 20]);
        let error = sink.write_all(&bytes).unwrap_err();
        assert_eq!(error.to_string(), "the reader has not read anything for 10 s");
        assert!(began.elapsed() < 2 * PATIENCE);
        let slow =
            std::thread::spawn(move || input::read_stream(io::Read::take(reader, 2 << 20), 4 * MIB).unwrap().len());
        while sink.write_all(&[b'x'; 4096]).is_ok() && !slow.is_finished() {}
        assert_eq!(slow.join().unwrap(), 2 << 20);
    }
}
