//! What happened in a case, line by line: a digest of all of it, and the last lines to be shown.

use std::collections::VecDeque;
use std::sync::LazyLock;

use crate::settings;

/// How many of the last lines are told.
pub(crate) static TOLD: LazyLock<usize> = LazyLock::new(settings::lines);

/// At least so many are kept, so that two traces can be compared.
const KEPT: usize = 400;

/// A trace. The same case yields the same one.
#[derive(Clone, Debug)]
pub(crate) struct Trace {
    digest: u64,
    lines: u64,
    tail: VecDeque<String>,
}

impl Default for Trace {
    fn default() -> Self {
        // FNV-1a: it needs to tell two runs apart, nothing else.
        Self { digest: 0xcbf2_9ce4_8422_2325, lines: 0, tail: VecDeque::new() }
    }
}

impl Trace {
    pub(crate) fn line(&mut self, line: String) {
        for byte in line.bytes().chain([b'\n']) {
            self.digest = (self.digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        self.lines += 1;
        if self.tail.len() == KEPT.max(*TOLD) {
            self.tail.pop_front();
        }
        self.tail.push_back(line);
    }

    pub(crate) fn digest(&self) -> u64 {
        self.digest
    }

    /// The last lines, with their numbers.
    pub(crate) fn tail(&self, lines: usize) -> String {
        let skipped = self.tail.len().saturating_sub(lines);
        let first = self.lines - self.tail.len() as u64;
        let numbered = self.tail.iter().enumerate().skip(skipped);
        numbered.map(|(at, line)| format!("{:6}  {line}\n", first + at as u64 + 1)).collect()
    }

    /// The first line in which two traces differ, of those that both kept.
    pub(crate) fn difference(&self, other: &Self) -> String {
        let mut both = self.tail.iter().zip(&other.tail);
        match both.find(|(mine, theirs)| mine != theirs) {
            Some((mine, theirs)) => format!("{mine}\n   in the second run: {theirs}"),
            None => format!("{} lines, then {}", self.lines, other.lines),
        }
    }
}
