//! Reading of files, streams and program output: completely, up to a limit, and without blocking on special files.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::thread;

use rustix::fs::OFlags;

/// A mebibyte; limits are multiples of it.
pub const MIB: u64 = 1024 * 1024;

/// Limit of a Kubernetes manifest; the API server takes objects of at most 1.5 MiB.
pub const MANIFEST: u64 = 16 * MIB;
/// Limit of a secret, of a private key, and of the output of a program that prints one.
pub const SECRET: u64 = MIB;
/// Limit of `known_hosts`, of `~/.ssh/config` and of a kubeconfig.
pub const SETTINGS: u64 = 64 * MIB;
/// Limit of a state, a journal and a saved plan: twenty times those of 5,000 hosts.
pub const STATE: u64 = 2048 * MIB;

/// Limit of the stderr of a program; only its end is shown.
const COMPLAINT: u64 = 64 * 1024;

/// Reads a regular file, or `/dev/null`, which is empty.
///
/// # Errors
/// At once for a directory, a named pipe, a device or a socket, and for a file above the limit.
pub fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    if is_dev_null(path) {
        return Ok(Vec::new());
    }
    let file = open(path)?;
    // A file of /proc says that it has 0 bytes.
    let length = file.metadata()?.len();
    if length > limit {
        return Err(too_large(limit));
    }
    // Reading does not block, so a kernel log that has no data yet is not awaited.
    read_stream(file, limit).map_err(|error| match error.kind() {
        ErrorKind::WouldBlock => io::Error::new(ErrorKind::InvalidInput, "it is a stream, not a regular file"),
        _ => error,
    })
}

/// As [`read`], for a file that must be UTF-8.
///
/// # Errors
/// As [`read`], or that the file is not UTF-8.
pub fn read_text(path: &Path, limit: u64) -> io::Result<String> {
    let text = String::from_utf8(read(path, limit)?);
    text.map_err(|_| io::Error::new(ErrorKind::InvalidData, "not UTF-8 text"))
}

/// Opens a regular file for reading.
///
/// # Errors
/// At once for a directory, a named pipe, a device or a socket.
pub fn open(path: &Path) -> io::Result<File> {
    // Before it is opened, because opening a device can have effects; afterwards, because the name may have changed hands.
    regular(&std::fs::metadata(path)?)?;
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
    regular(&file.metadata()?)?;
    Ok(file)
}

/// Reads a stream to its end.
///
/// # Errors
/// When it holds more than the limit, as soon as that is seen.
pub fn read_stream(stream: impl Read, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    stream.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(too_large(limit));
    }
    Ok(bytes)
}

/// The output of a program.
#[derive(Debug)]
pub struct Printed {
    /// How it ended.
    pub status: ExitStatus,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// The beginning of standard error, without the spaces around it.
    pub stderr: String,
}

/// Runs a program and reads its output. A program that prints more than the limit is killed.
///
/// # Errors
/// When it cannot be run or prints too much.
pub fn run(command: &mut Command, limit: u64) -> io::Result<Printed> {
    let piped = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn()?;
    let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(io::Error::other("the program has no standard output"));
    };
    let complaint = thread::spawn(move || {
        let mut bytes = Vec::new();
        // Output before an error is shown.
        drop(stderr.take(COMPLAINT).read_to_end(&mut bytes));
        bytes
    });
    let read = read_stream(stdout, limit);
    if read.is_err() {
        // It may have ended by itself.
        drop(child.kill());
    }
    let status = child.wait()?;
    let complaint = complaint.join().unwrap_or_default();
    let stderr = String::from_utf8_lossy(&complaint).trim().to_owned();
    let stdout = read.map_err(|error| match error.kind() {
        ErrorKind::InvalidData => {
            io::Error::new(ErrorKind::InvalidData, format!("the program printed more than {}", size(limit)))
        }
        _ => error,
    })?;
    Ok(Printed { status, stdout, stderr })
}

fn is_dev_null(path: &Path) -> bool {
    let null = Path::new("/dev/null");
    path == null || path.canonicalize().is_ok_and(|path| path == null)
}

fn regular(about: &Metadata) -> io::Result<()> {
    let kind = about.file_type();
    let (error, what) = match () {
        () if kind.is_file() => return Ok(()),
        () if kind.is_dir() => (ErrorKind::IsADirectory, "directory"),
        () if kind.is_fifo() => (ErrorKind::InvalidInput, "pipe"),
        () if kind.is_socket() => (ErrorKind::InvalidInput, "socket"),
        () => (ErrorKind::InvalidInput, "device"),
    };
    Err(io::Error::new(error, format!("it is a {what}, not a regular file")))
}

fn too_large(limit: u64) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("is larger than {}", size(limit)))
}

/// `16 MiB`, `2 GiB`.
fn size(bytes: u64) -> String {
    match bytes / MIB {
        0 => format!("{} KiB", bytes / 1024),
        mib if mib >= 1024 && mib % 1024 == 0 => format!("{} GiB", mib / 1024),
        mib => format!("{mib} MiB"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn refused(path: &Path, limit: u64) -> String {
        let began = Instant::now();
        let error = read(path, limit).unwrap_err().to_string();
        assert!(began.elapsed() < Duration::from_secs(5), "{error}");
        error
    }

    #[test]
    fn only_regular_files_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::write(at("file"), "text").unwrap();
        std::os::unix::fs::symlink("file", at("link")).unwrap();
        assert!(Command::new("mkfifo").arg(at("pipe")).status().unwrap().success());
        let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
        assert_eq!(read(&at("link"), 4).unwrap(), b"text");
        assert_eq!(read(Path::new("/dev/null"), 4).unwrap(), b"");
        assert_eq!(refused(&at("pipe"), MIB), "it is a pipe, not a regular file");
        assert_eq!(refused(&at("socket"), MIB), "it is a socket, not a regular file");
        assert_eq!(refused(dir.path(), MIB), "it is a directory, not a regular file");
        assert_eq!(refused(Path::new("/dev/zero"), MIB), "it is a device, not a regular file");
        assert_eq!(read(&at("nothing"), MIB).unwrap_err().kind(), ErrorKind::NotFound);
    }

    #[test]
    fn a_file_above_its_limit_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        std::fs::write(&path, vec![b'x'; 2048]).unwrap();
        assert_eq!(read(&path, 2048).unwrap().len(), 2048);
        assert_eq!(refused(&path, 1024), "is larger than 1 KiB");
        File::create(&path).unwrap().set_len(1 << 40).unwrap();
        assert_eq!(refused(&path, 16 * MIB), "is larger than 16 MiB");
        assert_eq!(read_stream(io::repeat(0), STATE / 1024).unwrap_err().to_string(), "is larger than 2 MiB");
    }

    #[test]
    fn a_program_that_prints_without_end_is_killed() {
        let error = run(Command::new("cat").arg("/dev/zero"), MIB).unwrap_err();
        assert_eq!(error.to_string(), "the program printed more than 1 MiB");
        let failed = run(Command::new("sh").args(["-c", "echo out; yes >&2; exit 3"]), MIB).unwrap();
        assert_eq!(failed.stdout, b"out\n");
        assert!(failed.stderr.starts_with("y\ny") && failed.stderr.len() as u64 <= COMPLAINT);
        let done = run(Command::new("sh").args(["-c", "echo out; exit 3"]), MIB).unwrap();
        assert_eq!((done.status.code(), done.stdout.as_slice()), (Some(3), &b"out\n"[..]));
    }
}
