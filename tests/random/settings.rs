//! What the environment says of a campaign.

use std::path::PathBuf;

/// How many cases plain `cargo test` runs: what two cores get through in less than two minutes.
const CASES: u64 = 2000;

/// A campaign's settings; see CONTRIBUTING.md.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) cases: u64,
    pub(crate) seed: u64,
    /// The first case's number: where an earlier run of the same seed stopped.
    pub(crate) from: u64,
    /// When to stop, whatever is left.
    pub(crate) seconds: Option<u64>,
    pub(crate) threads: usize,
    /// So many broken cases end it.
    pub(crate) stop_after: usize,
    /// One case, to be run alone.
    pub(crate) replay: Option<u64>,
    /// One in so many cases is run twice.
    pub(crate) twice: u64,
    /// How long a broken case may be shrunk, in seconds.
    pub(crate) shrink: u64,
    /// Where progress goes, beside stderr.
    pub(crate) log: Option<PathBuf>,
}

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    let plain = text.replace('_', "");
    let number = plain.strip_prefix("0x").map_or_else(|| plain.parse(), |hex| u64::from_str_radix(hex, 16));
    Some(number.unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}

/// How many lines of a trace are told.
pub(crate) fn lines() -> usize {
    number("MAINSTAY_RANDOM_LINES").and_then(|it| usize::try_from(it).ok()).unwrap_or(150)
}

impl Settings {
    pub(crate) fn read() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            cases: number("MAINSTAY_RANDOM_CASES").unwrap_or(CASES),
            seed: number("MAINSTAY_RANDOM_SEED").unwrap_or(1),
            from: number("MAINSTAY_RANDOM_FROM").unwrap_or(0),
            seconds: number("MAINSTAY_RANDOM_SECONDS"),
            threads: number("MAINSTAY_RANDOM_THREADS").and_then(|it| usize::try_from(it).ok()).unwrap_or(threads),
            stop_after: number("MAINSTAY_RANDOM_STOP_AFTER").and_then(|it| usize::try_from(it).ok()).unwrap_or(1),
            replay: number("MAINSTAY_RANDOM_CASE"),
            twice: number("MAINSTAY_RANDOM_TWICE").unwrap_or(20).max(1),
            shrink: number("MAINSTAY_RANDOM_SHRINK").unwrap_or(60),
            log: std::env::var_os("MAINSTAY_RANDOM_LOG").map(PathBuf::from),
        }
    }
}
