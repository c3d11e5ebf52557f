//! `file`: a regular file with its content, mode and owner.
//!
//! What was there before is put back by destroy, with its mode and owner. Its content is recorded,
//! unless it holds passwords, the file of ours holds secrets (then it may hold some, too), or it is no
//! text or larger than 256 kB: such a file is kept beside ours on the host, as `PATH.mainstay-prior`, mode 0600.

mod base64;
mod content;
mod passwords;
mod takeover;

use serde::{Deserialize, Serialize};

use crate::resource::{
    Act, Action, FieldChange, Kind, Observation, Output, Prior, ProbeError, Script, Secret, Step, Value, sha256_hex,
};
pub use content::{Content, ContentBuilder};

/// A regular file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct File {
    /// Absolute path; its key.
    pub path: String,
    /// What it holds, to the last byte.
    pub content: Content,
    /// Permission bits in octal, for example `0644`.
    pub mode: String,
    /// `user:group`.
    pub owner: String,
    /// The program that must accept the content before it takes the file's place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<FileCheck>,
}

/// The program that will read a file, and so tests it first. The content that is replaced is kept beside the file, as
/// `PATH.mainstay-previous`, until the service that reads it runs with the new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileCheck {
    /// `haproxy -c`; errors refuse the file, warnings do not.
    Haproxy,
    /// `keepalived -t`; anything but silent success refuses the file. The scripts that the file
    /// names must be there already.
    Keepalived,
    /// containerd itself, where it is there. The content that is replaced is kept beside the file, as
    /// `PATH.mainstay-previous`, until the service that reads it does well with the new one.
    Containerd,
}

impl File {
    /// A file that everybody may read: mode 0644, owner root:root, no check.
    pub fn new(path: impl Into<String>, content: impl Into<Content>) -> Self {
        Self {
            path: path.into(),
            content: content.into(),
            mode: "0644".to_owned(),
            owner: "root:root".to_owned(),
            check: None,
        }
    }

    /// The same file with another mode, in octal.
    #[must_use]
    pub fn mode(self, mode: &str) -> Self {
        Self { mode: mode.to_owned(), ..self }
    }

    /// The same file with another owner, `user:group`.
    #[must_use]
    pub fn owner(self, owner: &str) -> Self {
        Self { owner: owner.to_owned(), ..self }
    }

    /// The same file, checked before it takes its place.
    #[must_use]
    pub fn checked_by(self, check: FileCheck) -> Self {
        Self { check: Some(check), ..self }
    }
}

/// What a look sees of a [`File`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FileSeen {
    /// The content, when it is text of at most 256 kB without passwords and the file is not one with secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// The content with its passwords masked, when there are any: for people to compare.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub masked: Option<String>,
    /// SHA-256 of the content.
    pub sha256: String,
    /// Permission bits, four octal digits.
    pub mode: String,
    /// `user:group`, as numbers where the host has no names.
    pub owner: String,
}

impl FileSeen {
    fn of(text: Option<String>, sha256: String, mode: String, owner: String) -> Self {
        let masked = text.as_deref().and_then(passwords::masked);
        Self { content: text.filter(|_| masked.is_none()), masked, sha256, mode, owner }
    }
}

/// Above this many bytes a content is not read; `look.sh` has the same number.
const READ_LIMIT: usize = 262_144;

/// The metadata of all files at once.
const TOGETHER: &str = r#"
all_files="
$(stat -c '%n|%a|%u|%g|%s|%F|%U:%G' -- $ITEMS)"
"#;

/// Where a host notes the directories that were made for files.
const MADE: &str = "/var/lib/mainstay/made";

/// The time of the inode's last change, which `touch` cannot set. The owner is not who changed it.
const CHANGED: &str = r#"stat -c '%Z changed
owner %U:%G' -- "$FILE""#;

/// Nothing is left to ask but the directory.
const GONE: &str = r#"stat -c '%Z last change of its directory' -- "${FILE%/*}/""#;

impl File {
    fn four_digits(&self) -> String {
        format!("{:0>4}", self.mode)
    }

    /// The content as a value of a script.
    fn content_value(&self) -> Value {
        let whole = self.content.whole();
        if self.content.has_secrets() { Value::Secret(whole) } else { Value::Text(whole.expose().to_owned()) }
    }

    fn write(&self, content: Value, sha256: &str, mode: &str, owner: &str) -> Script {
        Script::new(include_str!("file/write.sh"))
            .set("FILE", &self.path)
            .set("CONTENT", content)
            .set("SHA256", sha256)
            .set("MODE", mode)
            .set("OWNER", owner)
            .set("PREVIOUS", if self.check.is_some() { "keep" } else { "drop" })
            .set("MADE", MADE)
    }
}

impl Kind for File {
    const NAME: &'static str = "file";
    const PRINCIPAL: &'static str = "content";
    type Observed = FileSeen;

    fn key(&self) -> Option<String> {
        Some(self.path.clone())
    }

    fn secrets(&self) -> Vec<Secret> {
        self.content.secrets()
    }

    fn probe(&self) -> Script {
        let read = if self.content.has_secrets() { "no" } else { "yes" };
        let look = Script::new(include_str!("file/look.sh")).set("FILE", &self.path).set("READ", read);
        look.together(TOGETHER, &self.path)
    }

    fn parse(&self, output: &Output) -> Result<Observation<FileSeen>, ProbeError> {
        if !output.success() {
            return Err(ProbeError::failed(output));
        }
        if output.stdout == "absent\n" {
            return Ok(Observation::Absent);
        }
        let unexpected =
            || ProbeError::unexpected(format!("file facts `{}`", output.tail(1).chars().take(200).collect::<String>()));
        let (facts, read) = output.stdout.split_once('\n').ok_or_else(unexpected)?;
        let fields: Vec<&str> = facts.splitn(6, '|').collect();
        let [mode, uid, gid, size, kind, names] = fields[..] else { return Err(unexpected()) };
        let octal = !mode.is_empty() && mode.len() <= 4 && mode.bytes().all(|digit| (b'0'..b'8').contains(&digit));
        let numbers = [uid, gid, size].iter().all(|number| number.parse::<u64>().is_ok());
        let (user, group) = names.split_once(':').ok_or_else(unexpected)?;
        if !octal || !numbers || user.is_empty() || group.is_empty() {
            return Err(unexpected());
        }
        if !kind.starts_with("regular ") {
            return Err(ProbeError::unexpected(format!("{} is a {kind}, not a regular file", self.path)));
        }
        let (text, sha256) = match read.trim_end_matches('\n').split_once(' ').ok_or_else(unexpected)? {
            ("base64", encoded) => {
                let bytes = base64::decode(encoded).ok_or_else(unexpected)?;
                let sha256 = sha256_hex(&bytes);
                // A NUL is no text: no shell could put it back.
                (String::from_utf8(bytes).ok().filter(|text| !text.contains('\0')), sha256)
            }
            ("sha256", line) => {
                (None, line.strip_suffix("  -").filter(|hash| hash.len() == 64).ok_or_else(unexpected)?.into())
            }
            _ => return Err(unexpected()),
        };
        let known = |name: &str, number: &str| (if name == "UNKNOWN" { number } else { name }).to_owned();
        let owner = format!("{}:{}", known(user, uid), known(group, gid));
        Ok(Observation::Present(FileSeen::of(text, sha256, format!("{mode:0>4}"), owner)))
    }

    fn trace(&self, seen: &Observation<FileSeen>) -> Option<Script> {
        let body = if seen.present().is_some() { CHANGED } else { GONE };
        Some(Script::new(body).set("FILE", &self.path))
    }

    fn diff(&self, seen: &FileSeen) -> Vec<FieldChange> {
        let wanted = self.content.whole();
        let shown = |text: &str| passwords::masked(text).unwrap_or_else(|| text.to_owned());
        let content = match (&seen.content, &seen.masked) {
            (Some(content), _) if content == wanted.expose() => None,
            (None, _) if seen.sha256 == self.content.sha256() => None,
            _ if self.content.has_secrets() => Some(FieldChange::sensitive("content")),
            (Some(text), _) | (None, Some(text)) => {
                let change = FieldChange::compare("content", shown(text), shown(wanted.expose()));
                Some(change.map_or_else(|| FieldChange::sensitive("content"), FieldChange::as_text))
            }
            (None, None) => {
                let hash = |sha256: &str| format!("sha256:{sha256}");
                FieldChange::compare("content", hash(&seen.sha256), hash(&self.content.sha256()))
            }
        };
        let mode = FieldChange::compare("mode", &seen.mode, self.four_digits());
        let owner = FieldChange::compare("owner", &seen.owner, &self.owner);
        [content, mode, owner].into_iter().flatten().collect()
    }

    fn simulate(&self) -> FileSeen {
        let whole = self.content.whole();
        let readable = !self.content.has_secrets() && whole.expose().len() <= READ_LIMIT;
        let text = readable.then(|| whole.expose().to_owned());
        FileSeen::of(text, self.content.sha256(), self.four_digits(), self.owner.clone())
    }

    /// A short password could be guessed from an unkeyed hash of the file around it.
    fn shown(&self, seen: FileSeen) -> FileSeen {
        let masked = seen.content.as_deref().and_then(passwords::masked).or(seen.masked);
        let hidden = self.content.has_secrets() || masked.is_some();
        let sha256 = if hidden { Secret::MASK.to_owned() } else { seen.sha256 };
        let content = masked.or(seen.content).filter(|_| !self.content.has_secrets());
        FileSeen { content, masked: None, sha256, ..seen }
    }

    fn apply(&self, _: Act, before: &Observation<FileSeen>) -> Vec<Step> {
        let check = match self.check {
            None => "none",
            Some(FileCheck::Haproxy) => "haproxy",
            Some(FileCheck::Keepalived) => "keepalived",
            Some(FileCheck::Containerd) => "containerd",
        };
        let unread = before.present().is_some_and(|seen| seen.content.is_none());
        let script = self
            .write(self.content_value(), &self.content.sha256(), &self.mode, &self.owner)
            .set("CHECK", check)
            .set("KEEP", if unread { "yes" } else { "no" });
        vec![Step::run(format!("write {}", self.path), script)]
    }

    fn files(&self) -> Vec<(String, String)> {
        vec![(self.path.clone(), self.content.masked())]
    }

    /// By the digest: what else is known of a content depends on who looked, and on which version of mainstay.
    fn restored(&self, seen: &Observation<FileSeen>, prior: &Prior<FileSeen>) -> bool {
        match (seen, &prior.before) {
            (Observation::Present(seen), Observation::Present(was)) => {
                (&seen.sha256, &seen.mode, &seen.owner) == (&was.sha256, &was.mode, &was.owner)
            }
            (seen, was) => seen == was,
        }
    }

    fn takeover(&self, found: &FileSeen, action: Action) -> Option<String> {
        takeover::cost(self, found, action)
    }

    fn destroy(&self, prior: &Prior<FileSeen>) -> Vec<Step> {
        let (title, script) = match &prior.before {
            Observation::Absent => {
                let script = Script::new(include_str!("file/remove.sh")).set("FILE", &self.path).set("MADE", MADE);
                ("remove", script)
            }
            Observation::Present(FileSeen { content: Some(content), sha256, mode, owner, .. }) => {
                let script = self.write(content.into(), sha256, mode, owner);
                ("restore", script.set("CHECK", "none").set("KEEP", "drop").set("PREVIOUS", "drop"))
            }
            Observation::Present(FileSeen { content: None, sha256, mode, owner, .. }) => {
                let script = Script::new(include_str!("file/put_back.sh")).set("FILE", &self.path);
                ("restore", script.set("SHA256", sha256).set("MODE", mode).set("OWNER", owner))
            }
        };
        vec![Step::run(format!("{title} {}", self.path), script)]
    }
}

#[cfg(test)]
mod tests;
