//! `file`: a regular file with its content, mode and owner.

mod content;

use serde::{Deserialize, Serialize};

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

/// The program that will read a file, and so tests it first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileCheck {
    /// `haproxy -c`; errors refuse the file, warnings do not.
    Haproxy,
    /// `keepalived -t`; anything but silent success refuses the file. The scripts that the file
    /// names must be there already.
    Keepalived,
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
