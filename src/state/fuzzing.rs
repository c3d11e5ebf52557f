//! The journal's reader and writer by themselves, for those who give them any bytes (`fuzz/`). The store alone uses
//! them otherwise.

use super::error::StateError;
use super::journal::{self, Entry};
use super::model::Version;
use super::place::Named;

/// What a journal continues, none when it was cut off before its first line was whole, and what it tells.
///
/// # Errors
/// As for the store: [`StateError::DamagedJournal`] and [`StateError::Newer`].
pub fn read_journal(bytes: &[u8]) -> Result<(Option<Version>, Vec<Entry>), StateError> {
    let journal = journal::parse(&Named::new(&"state/lab.journal"), bytes)?;
    Ok((journal.continues, journal.entries))
}

/// A journal of these entries, each in a batch of its own.
pub fn write_journal(continues: &Version, entries: &[Entry]) -> Vec<u8> {
    let mut text = journal::first_line(continues);
    for (number, entry) in entries.iter().enumerate() {
        text.push_str(&journal::batch(number + 1, std::slice::from_ref(entry)));
    }
    text.into_bytes()
}
