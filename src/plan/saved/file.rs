//! Saved plan ↔ bytes.
//!
//! ```text
//! mainstay plan, format 1, 18231 bytes, sha256 9f86d0…
//! {"mainstay":"0.1.0","cluster":"prod",…}
//! ```
//!
//! The length tells a file that was cut short, the checksum covers every byte after the first line:
//! `tail -n +2 FILE | sha256sum`.

use super::model::Saved;
use crate::resource::sha256_hex;

/// Version of the file's format. Files of other versions are refused: planning again costs nothing.
pub const FORMAT: u32 = 1;

const MAGIC: &str = "mainstay plan, format ";
/// Maximum length of the first line; a longer first line is not a plan.
const LONGEST_HEADER: usize = 200;

/// Why a file is not a usable saved plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// The file is empty.
    #[error("is empty")]
    Empty,
    /// The file is not a saved plan.
    #[error("is not a saved plan")]
    NotAPlan,
    /// The end is missing.
    #[error("is truncated: {missing} of {length} bytes are missing")]
    Cut {
        /// How many bytes are missing.
        missing: usize,
        /// How many there should be after the first line.
        length: usize,
    },
    /// The first line is incomplete, so the length is unknown.
    #[error("is truncated in its first line")]
    CutInHeader,
    /// The content differs from what was written.
    #[error("is damaged: {what}")]
    Damaged {
        /// What is wrong.
        what: String,
    },
    /// Another version of mainstay wrote it.
    #[error("has format {found}; this version of mainstay ({}) supports format {FORMAT}", env!("CARGO_PKG_VERSION"))]
    OtherFormat {
        /// Its format.
        found: u32,
    },
}

/// The plan as it is written. The same plan yields the same bytes.
///
/// # Panics
/// Never: a plan has text keys only.
pub fn to_bytes(saved: &Saved) -> Vec<u8> {
    let mut body = serde_json::to_vec(saved).expect("a plan has text keys and no failing serializer");
    body.push(b'\n');
    let mut bytes = header(&body).into_bytes();
    bytes.append(&mut body);
    bytes
}

fn header(body: &[u8]) -> String {
    format!("{MAGIC}{FORMAT}, {} bytes, sha256 {}\n", body.len(), sha256_hex(body))
}

/// Whether a file that begins so was written by [`to_bytes`], of whatever format, whole or not.
pub fn begins_like_one(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC.as_bytes())
}

/// Reads a plan back. Nothing is believed before the checksum fits.
///
/// # Errors
/// When a byte is missing, too many or another one, and when the format is not [`FORMAT`].
pub fn from_bytes(bytes: &[u8]) -> Result<Saved, FileError> {
    let damaged = |what: &str| FileError::Damaged { what: what.to_owned() };
    if bytes.is_empty() {
        return Err(FileError::Empty);
    }
    let Some(end) = bytes.iter().take(LONGEST_HEADER).position(|&byte| byte == b'\n') else {
        let ours = begins_like_one(bytes) || MAGIC.as_bytes().starts_with(bytes);
        return Err(if ours { FileError::CutInHeader } else { FileError::NotAPlan });
    };
    let (first, body) = bytes.split_at(end + 1);
    let rest = first.strip_prefix(MAGIC.as_bytes()).ok_or(FileError::NotAPlan)?;
    let rest = str::from_utf8(rest).map_err(|_| damaged("its first line is not text"))?;
    let odd = || damaged("its first line is invalid");
    let (format, rest) = rest.split_once(", ").ok_or_else(odd)?;
    let found: u32 = format.parse().map_err(|_| odd())?;
    if found != FORMAT {
        return Err(FileError::OtherFormat { found });
    }
    let (length, _) = rest.split_once(" bytes, sha256 ").ok_or_else(odd)?;
    let length: usize = length.parse().map_err(|_| odd())?;
    if body.len() < length {
        return Err(FileError::Cut { missing: length - body.len(), length });
    }
    if body.len() > length {
        return Err(damaged(&format!("it is {} bytes too long", body.len() - length)));
    }
    if first != header(body).as_bytes() {
        return Err(damaged("checksum mismatch"));
    }
    serde_json::from_slice(body)
        .map_err(|error| FileError::Damaged { what: format!("its content does not match format {FORMAT}: {error}") })
}

#[cfg(test)]
mod tests;
