//! `known_hosts(5)`: which keys hosts are known by. A host is accepted by an exact match only; a
//! revoked key, a changed key and a key of another type than the known ones are refused.

use std::fmt::Write as _;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use hmac::{Hmac, KeyInit, Mac};
use russh::keys::ssh_key::known_hosts::{Entry, HostPatterns, Marker};
use russh::keys::{Algorithm, HashAlg, PublicKey};

use crate::fleet::HostKeyChecking;
use crate::input;

/// The lines of one or more files. The first file is the one that new keys are recorded in.
#[derive(Debug)]
pub(super) struct KnownHosts {
    files: Vec<PathBuf>,
    lines: Mutex<Vec<Line>>,
}

#[derive(Debug)]
pub(super) struct Line {
    /// `FILE:NUMBER`.
    place: String,
    entry: Entry,
}

impl KnownHosts {
    /// Reads the files; a missing one holds nothing, an unreadable one is an error.
    pub(super) fn read(files: Vec<PathBuf>) -> Result<Self, String> {
        let mut lines = Vec::new();
        for file in &files {
            match input::read(file, input::SETTINGS) {
                Ok(bytes) => lines.extend(parse(&String::from_utf8_lossy(&bytes), file)),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(format!("{} cannot be read: {error}", file.display())),
            }
        }
        Ok(Self { files, lines: Mutex::new(lines) })
    }

    /// Algorithms of the keys that are known of a host; asking for these first makes the host show
    /// a key that can be compared.
    pub(super) fn algorithms(&self, address: &str, port: u16) -> Vec<Algorithm> {
        let name = lookup_name(address, port);
        let lines = self.lines.lock().expect("nobody panics while holding it");
        let known = lines.iter().filter(|line| line.entry.marker().is_none() && line.covers(&name));
        known.map(|line| line.entry.public_key().algorithm()).collect()
    }

    /// Whether a host may show this key; the error says what is known, what was shown, where that
    /// stands and what to do. A new key is recorded when that is asked for.
    pub(super) fn check(
        &self,
        address: &str,
        port: u16,
        key: &PublicKey,
        checking: HostKeyChecking,
    ) -> Result<(), String> {
        let name = lookup_name(address, port);
        let mut lines = self.lines.lock().expect("nobody panics while holding it");
        let file = self.files.first().map(|file| file.display().to_string()).unwrap_or_default();
        match judge(&lines, &name, key) {
            Verdict::Known => Ok(()),
            Verdict::Revoked { place } => Err(format!("its key {} is revoked in {place}", describe(key))),
            Verdict::Other { known } => Err(format!(
                "its key is {}, but {known} is known; if the host was reinstalled and this is its new key, run \
                 `ssh-keygen -R '{name}' -f {file}`, then record the new key",
                describe(key)
            )),
            Verdict::Authority { place } => Err(format!(
                "its key is {}, but only the certificate authority in {place} is known, and host certificates are not \
                 supported; record the host's own key in {file}",
                describe(key)
            )),
            Verdict::Unknown if checking == HostKeyChecking::AcceptNew => {
                let place = self.record(&name, key, lines.len())?;
                let entry = entry_of(&name, key).ok_or("its key cannot be encoded")?;
                lines.push(Line { place, entry });
                Ok(())
            }
            Verdict::Unknown => Err(format!(
                "{file} has no key for `{name}`; the host presents {}; compare the fingerprint, then run `ssh-keyscan \
                 -t {} -p {port} {address} >> {file}`, or set `ssh.hostKeyChecking: accept-new`",
                describe(key),
                scan_type(key),
            )),
        }
    }

    fn record(&self, name: &str, key: &PublicKey, index: usize) -> Result<String, String> {
        let file = self.files.first().ok_or("no known_hosts file is configured to record its key in")?;
        let fault = |error: std::io::Error| format!("its key cannot be recorded in {}: {error}", file.display());
        if let Some(folder) = file.parent() {
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(fault)?;
        }
        let old = match input::read(file, input::SETTINGS) {
            Ok(old) => old,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(fault(error)),
        };
        let text = plain(key).ok_or("its key cannot be encoded")?;
        let newline = if old.last().is_none_or(|last| *last == b'\n') { "" } else { "\n" };
        let mut open = std::fs::OpenOptions::new().append(true).create(true).mode(0o600).open(file).map_err(fault)?;
        open.write_all(format!("{newline}{name} {text}\n").as_bytes()).map_err(fault)?;
        tracing::info!("{name}: recorded {} in {}", describe(key), file.display());
        Ok(format!("{}, entry {}", file.display(), index + 1))
    }
}

pub(super) enum Verdict {
    Known,
    Unknown,
    Revoked { place: String },
    Other { known: String },
    Authority { place: String },
}

pub(super) fn judge(lines: &[Line], name: &str, key: &PublicKey) -> Verdict {
    let mut verdict = Verdict::Unknown;
    let mut others = String::new();
    let mut authority = None;
    for line in lines.iter().filter(|line| line.covers(name)) {
        let same = line.entry.public_key().key_data() == key.key_data();
        match line.entry.marker() {
            Some(Marker::Revoked) if same => return Verdict::Revoked { place: line.place.clone() },
            Some(Marker::Revoked) => {}
            Some(Marker::CertAuthority) => authority = Some(line.place.clone()),
            None if same => verdict = Verdict::Known,
            None => {
                let comma = if others.is_empty() { "" } else { ", " };
                let _ = write!(others, "{comma}{} ({})", describe(line.entry.public_key()), line.place);
            }
        }
    }
    match (verdict, authority) {
        (Verdict::Unknown, _) if !others.is_empty() => Verdict::Other { known: others },
        (Verdict::Unknown, Some(place)) => Verdict::Authority { place },
        (verdict, _) => verdict,
    }
}

impl Line {
    fn covers(&self, name: &str) -> bool {
        match self.entry.host_patterns() {
            HostPatterns::Patterns(patterns) => matches_any(patterns, name),
            HostPatterns::HashedName { salt, hash } => {
                let mut mac = Hmac::<sha1::Sha1>::new_from_slice(salt).expect("HMAC takes a key of any length");
                mac.update(name.as_bytes());
                mac.verify_slice(hash).is_ok()
            }
        }
    }
}

/// Lines that can be read; others (old key types, faults) match nothing, as in OpenSSH.
pub(super) fn parse(text: &str, file: &Path) -> Vec<Line> {
    let mut lines = Vec::new();
    for (index, text) in text.lines().enumerate() {
        let place = format!("{}:{}", file.display(), index + 1);
        let words: Vec<&str> = text.split_whitespace().collect();
        if words.first().is_none_or(|word| word.starts_with('#')) {
            continue;
        }
        // Without the comment, which the parser would take for part of the line, and with one
        // space where tabs may stand.
        let count = if words[0].starts_with('@') { 4 } else { 3 };
        match words[..count.min(words.len())].join(" ").parse::<Entry>() {
            Ok(entry) => lines.push(Line { place, entry }),
            Err(error) => tracing::warn!("{place}: this line cannot be read: {error}"),
        }
    }
    lines
}

/// The name under which a host's keys stand: the plain one for port 22, else `[NAME]:PORT`.
pub(super) fn lookup_name(address: &str, port: u16) -> String {
    let address = address.to_ascii_lowercase();
    if port == 22 { address } else { format!("[{address}]:{port}") }
}

/// A pattern list of OpenSSH: one pattern must match, and no negated one may. `name` is lower case.
pub(super) fn matches_any(patterns: &[String], name: &str) -> bool {
    let mut matched = false;
    for pattern in patterns {
        match pattern.strip_prefix('!') {
            Some(negated) if wildcard(&negated.to_ascii_lowercase(), name) => return false,
            Some(_) => {}
            None => matched |= wildcard(&pattern.to_ascii_lowercase(), name),
        }
    }
    matched
}

/// `*` stands for any run of characters, `?` for exactly one.
fn wildcard(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.as_bytes(), name.as_bytes());
    let (mut p, mut n, mut back) = (0, 0, None);
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                back = Some((p, n));
                p += 1;
            }
            Some(&c) if c == b'?' || c == name[n] => {
                p += 1;
                n += 1;
            }
            _ => {
                let Some((star, from)) = back else { return false };
                back = Some((star, from + 1));
                p = star + 1;
                n = from + 1;
            }
        }
    }
    pattern[p..].iter().all(|&c| c == b'*')
}

fn entry_of(name: &str, key: &PublicKey) -> Option<Entry> {
    format!("{name} {}", plain(key)?).parse().ok()
}

/// `TYPE BASE64`.
fn plain(key: &PublicKey) -> Option<String> {
    let text = key.to_openssh().ok()?;
    Some(text.split_whitespace().take(2).collect::<Vec<_>>().join(" "))
}

/// `ssh-ed25519 SHA256:...`, as ssh-keygen prints it.
pub(super) fn describe(key: &PublicKey) -> String {
    format!("{} {}", key.algorithm(), key.fingerprint(HashAlg::Sha256))
}

/// What `ssh-keyscan -t` calls the key's type.
fn scan_type(key: &PublicKey) -> &'static str {
    match key.algorithm() {
        Algorithm::Ecdsa { .. } => "ecdsa",
        Algorithm::Rsa { .. } => "rsa",
        _ => "ed25519",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use russh::keys::PrivateKey;

    const A: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";
    const B: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBA1lrLAxJtsnBH1HSmw3MFnCTJ5uXCwW0/Zi3gEtpUg";

    fn key(text: &str) -> PublicKey {
        PublicKey::from_openssh(text).unwrap()
    }

    /// The word for the verdict on a host that shows A.
    fn verdict(file: &str, address: &str, port: u16) -> &'static str {
        let file = file.replace("$A", A).replace("$B", B).replace("$TAB", &A.replace(' ', "\t"));
        match judge(&parse(&file, Path::new("kh")), &lookup_name(address, port), &key(A)) {
            Verdict::Known => "known",
            Verdict::Unknown => "unknown",
            Verdict::Revoked { .. } => "revoked",
            Verdict::Other { .. } => "other",
            Verdict::Authority { .. } => "authority",
        }
    }

    #[test]
    fn verdicts() {
        let rsa = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQDHpP2Xj";
        let hashed = {
            let mut mac = Hmac::<sha1::Sha1>::new_from_slice(b"salt").unwrap();
            mac.update(b"[h]:2222");
            let hash = HostPatterns::HashedName { salt: b"salt".to_vec(), hash: mac.finalize().into_bytes().into() };
            format!("{} $A\n", hash.to_string())
        };
        for (file, address, port, expected) in [
            ("", "h", 22, "unknown"),
            ("h $A\n", "h", 22, "known"),
            ("h $A comment with spaces\n", "h", 22, "known"),
            ("H $A\n", "h", 22, "known"),
            ("h $A\n", "H", 22, "known"),
            ("h,10.0.0.1 $A", "10.0.0.1", 22, "known"),
            ("h\t$TAB\tcomment\n", "h", 22, "known"),
            ("  h   $A\n", "h", 22, "known"),
            ("h $B\n", "h", 22, "other"),
            ("h $B\nh $A\n", "h", 22, "known"),
            // Ports are part of the name.
            ("h $A\n", "h", 2222, "unknown"),
            ("[h]:2222 $A\n", "h", 2222, "known"),
            ("[h]:2222 $A\n", "h", 22, "unknown"),
            ("[h]:2222 $B\n", "h", 2222, "other"),
            ("[h]:22 $A\n", "h", 22, "unknown"),
            ("[::1]:2222 $A\n", "::1", 2222, "known"),
            // Patterns.
            ("*.lab $A\n", "cp1.lab", 22, "known"),
            ("*.lab $A\n", "lab", 22, "unknown"),
            ("cp? $A\n", "cp1", 22, "known"),
            ("cp? $A\n", "cp10", 22, "unknown"),
            ("*.lab,!cp1.lab $A\n", "cp1.lab", 22, "unknown"),
            ("!cp1.lab,*.lab $A\n", "cp1.lab", 22, "unknown"),
            ("!cp1.lab $A\n", "cp2.lab", 22, "unknown"),
            ("[*.lab]:2222 $A\n", "x.lab", 2222, "known"),
            // Hashed names.
            (hashed.as_str(), "h", 2222, "known"),
            (hashed.as_str(), "h", 22, "unknown"),
            // Markers.
            ("@revoked * $A\n", "h", 22, "revoked"),
            ("h $A\n@revoked h $A\n", "h", 22, "revoked"),
            ("@revoked h $A\nh $A\n", "h", 22, "revoked"),
            ("@revoked\th\t$TAB\nh $A\n", "h", 22, "revoked"),
            ("@revoked other $A\nh $A\n", "h", 22, "known"),
            ("@revoked h $B\n", "h", 22, "unknown"),
            ("@revoked h $B\nh $A\n", "h", 22, "known"),
            ("@cert-authority *.lab $A\n", "cp1.lab", 22, "authority"),
            ("@cert-authority *.lab $B\n", "cp1.lab", 22, "authority"),
            ("@cert-authority *.lab $B\ncp1.lab $A\n", "cp1.lab", 22, "known"),
            ("@something h $A\n", "h", 22, "unknown"),
            // What cannot be read matches nothing, and takes no other line with it.
            ("h\nh ssh-ed25519\nh ssh-ed25519 !!!\n# h $A\nh $A\n", "h", 22, "known"),
            ("# h $A\n", "h", 22, "unknown"),
            ("|1|bad|hash $A\n", "h", 22, "unknown"),
        ] {
            assert_eq!(verdict(file, address, port), expected, "{address}:{port} in {file:?}");
        }
        assert_eq!(verdict(&format!("h {rsa}\n"), "h", 22,), "unknown", "a broken key is no key");
    }

    #[test]
    fn a_key_of_another_type_is_another_key_and_places_are_told() {
        let ecdsa = Algorithm::Ecdsa { curve: russh::keys::ssh_key::EcdsaCurve::NistP256 };
        let ecdsa = PrivateKey::random(&mut russh::keys::key::safe_rng(), ecdsa).unwrap();
        let file = format!("# one\n\nh {}\n", ecdsa.public_key().to_openssh().unwrap());
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("kh");
        std::fs::write(&path, &file).unwrap();
        let known = KnownHosts::read(vec![path.clone()]).unwrap();
        assert_eq!(known.algorithms("h", 22), [ecdsa.public_key().algorithm()]);
        let said = known.check("h", 22, &key(A), HostKeyChecking::AcceptNew).unwrap_err();
        assert!(said.contains(&format!("{}:3", path.display())) && said.contains("ecdsa-sha2-nistp256"), "{said}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), file, "nothing is recorded");
    }

    #[test]
    fn new_keys_are_recorded_once_in_a_private_file() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("new/kh");
        let known = KnownHosts::read(vec![path.clone()]).unwrap();
        for _ in 0..2 {
            known.check("h", 2222, &key(A), HostKeyChecking::AcceptNew).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("[h]:2222 {A}\n"));
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert!(known.check("h", 2222, &key(B), HostKeyChecking::AcceptNew).is_err());
        KnownHosts::read(vec![path]).unwrap().check("h", 2222, &key(A), HostKeyChecking::Strict).unwrap();
    }

    #[test]
    fn a_file_that_cannot_be_read_is_an_error() {
        let folder = tempfile::TempDir::new().unwrap();
        assert!(KnownHosts::read(vec![folder.path().to_owned()]).unwrap_err().contains("cannot be read"));
    }

    #[test]
    fn a_key_that_cannot_be_recorded_is_refused() {
        let known = KnownHosts::read(vec!["/proc/nowhere/kh".into()]).unwrap();
        assert!(known.check("h", 22, &key(A), HostKeyChecking::AcceptNew).is_err());
        let none = KnownHosts::read(Vec::new()).unwrap();
        assert!(none.check("h", 22, &key(A), HostKeyChecking::AcceptNew).is_err());
    }
}
