//! What a host can tell of how something came to be as it is: the nearest there is to "who was that".

use std::time::{Duration, UNIX_EPOCH};

use schemars::JsonSchema;
use serde::Serialize;

/// A hint, not a proof: files can be backdated, logs are cut, and a file's owner is not its editor.
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
}
