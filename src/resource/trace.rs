//! What a host can tell of how something came to be as it is: the nearest there is to "who was that".

use std::time::{Duration, UNIX_EPOCH};

use schemars::JsonSchema;
use serde::Serialize;

use super::output::Output;

/// Command lines in a log can be as long as they like.
const LONGEST: usize = 200;

/// The last second of the year 9999; later ones cannot be written as a date.
const LATEST: u64 = 253_402_300_799;

/// A hint, not a proof: files can be backdated, logs are truncated, and the owner of a file may not have edited it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Trace {
    /// What happened, for example `stopped`.
    pub what: String,
    /// When, by the host's clock, in seconds since 1970 UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<u64>,
    /// By what or as whom, for example `apt-get remove haproxy`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

impl Trace {
    /// Understands the answer of [`super::Kind::trace`]: `WHEN WHAT`, WHEN in seconds since 1970 or `-`, and a second
    /// line BY where that is known. What is odd, or nothing, tells nothing: it is only a hint.
    pub fn parse(output: &Output) -> Option<Self> {
        let mut lines = output.stdout.lines().filter(|_| output.success());
        let (when, what) = lines.next()?.split_once(' ')?;
        let by = lines.next().map(printable).filter(|by| !by.is_empty());
        let at = when.parse().ok().filter(|at| *at <= LATEST);
        Some(Self { what: printable(what), at, by })
    }
}

/// As much of a text as a line of a terminal can take.
fn printable(text: &str) -> String {
    text.trim().chars().filter(|c| !c.is_control()).take(LONGEST).collect()
}

impl std::fmt::Display for Trace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.what)?;
        if let Some(at) = self.at {
            let time = humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(at)).to_string();
            write!(f, " {} {} UTC", &time[..10], &time[11..16])?;
        }
        match &self.by {
            Some(by) => write!(f, ", {by}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_are_enough_for_people() {
        let trace = Trace { what: "changed".into(), at: Some(1_795_126_259), by: Some("owner root:root".into()) };
        assert_eq!(trace.to_string(), "changed 2026-11-19 22:10 UTC, owner root:root");
        assert_eq!(Trace { at: None, by: None, ..trace }.to_string(), "changed");
    }

    #[test]
    fn what_is_odd_tells_nothing() {
        let parse = |status, text: &str| Trace::parse(&Output { status, stdout: text.into(), stderr: String::new() });
        let at = Trace { what: "was stopped".into(), at: Some(7), by: None };
        assert_eq!(parse(0, "7 was stopped\n\n"), Some(at.clone()));
        assert_eq!(parse(0, "- was stopped\nby ops\n"), Some(Trace { at: None, by: Some("by ops".into()), ..at }));
        for (status, text) in [(0, ""), (0, "7\n"), (1, "7 was stopped\n")] {
            assert_eq!(parse(status, text), None, "{text}");
        }
    }

    #[test]
    fn what_a_host_says_fits_a_line_of_a_terminal() {
        let said = format!("253402300800 \u{1b}[2Jgone{}\nby\u{7}me\n", "!".repeat(1000));
        let trace = Trace::parse(&Output { status: 0, stdout: said, stderr: String::new() }).unwrap();
        assert_eq!((trace.at, trace.by.as_deref()), (None, Some("byme")));
        let shown = trace.to_string();
        assert!(shown.starts_with("[2Jgone!") && shown.len() < 220, "{shown}");
    }
}
