//! Who holds a lock.

use std::fmt;
use std::fs;
use std::process::Command;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

/// The holder of a lock and its operation; the content of the lock file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Holder {
    /// Random; names the lock in `mainstay lock break ID`.
    pub id: String,
    /// The operation, for example `apply`.
    pub operation: String,
    /// The user's name.
    pub owner: String,
    /// The operator's machine.
    pub host: String,
    /// Machine ID, if the machine has one.
    pub machine: Option<String>,
    /// Boot ID, if the machine has one.
    pub boot: Option<String>,
    /// The process.
    pub pid: u32,
    /// When the lock was taken; RFC 3339.
    pub created: String,
    /// When its holder last said that it lives; RFC 3339.
    pub renewed: String,
}

impl Holder {
    /// This process, now.
    pub(super) fn here(operation: &str) -> Self {
        let now = timestamp(SystemTime::now());
        let name = |variable| std::env::var(variable).ok().filter(|name| !name.is_empty());
        Self {
            id: format!("{:08x}", rand::random::<u32>()),
            operation: operation.to_owned(),
            owner: name("USER").or_else(|| asked("id", "-un")).unwrap_or_else(|| "unknown".to_owned()),
            host: line("/proc/sys/kernel/hostname")
                .or_else(|| asked("uname", "-n"))
                .unwrap_or_else(|| "unknown".to_owned()),
            machine: line("/etc/machine-id"),
            boot: line("/proc/sys/kernel/random/boot_id"),
            pid: std::process::id(),
            created: now.clone(),
            renewed: now,
        }
    }

    /// The same process, as it takes a lock now.
    pub(super) fn taking(&self, now: SystemTime) -> Self {
        let now = timestamp(now);
        Self { created: now.clone(), renewed: now, ..self.clone() }
    }

    /// Whether it would see the same kernel locks as `other`: if one of them is free, its holder
    /// is gone for certain.
    pub(super) fn shares_kernel_with(&self, other: &Self) -> bool {
        match (&self.boot, &other.boot) {
            (Some(mine), Some(theirs)) => mine == theirs || self.is_reboot_of(other),
            (None, None) => self.host == other.host,
            _ => false,
        }
    }

    /// Whether this is the same machine, booted again since.
    fn is_reboot_of(&self, other: &Self) -> bool {
        self.machine.is_some() && self.machine == other.machine && self.host == other.host
    }

    /// Whether its clock, if it is right, says that it renewed its lease within this time. One that is ahead of ours by
    /// more says nothing.
    pub(super) fn renewed_near(&self, now: SystemTime, within: Duration) -> bool {
        let ahead = humantime::parse_rfc3339(&self.renewed).ok().and_then(|renewed| renewed.duration_since(now).ok());
        ahead.unwrap_or_default() <= within && self.silent_for(now) <= within
    }

    /// Time since its last sign of life, by our clock, which says `now`; zero when its clock is ahead
    /// of ours.
    pub(super) fn silent_for(&self, now: SystemTime) -> Duration {
        // A time that cannot be read is as good as none.
        let renewed = humantime::parse_rfc3339(&self.renewed).unwrap_or(SystemTime::UNIX_EPOCH);
        now.duration_since(renewed).unwrap_or_default()
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, operation, owner, host, pid, created, .. } = self;
        write!(f, "`mainstay {operation}` by {owner} on {host} (process {pid}) since {created}, id {id}")
    }
}

/// A time in the format of lock files: always of the same length, so that it can be renewed in place.
pub(super) fn timestamp(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(time).to_string()
}

fn line(path: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.trim();
    (!line.is_empty()).then(|| line.to_owned())
}

/// The one-line output of a standard Unix program.
fn asked(program: &str, flag: &str) -> Option<String> {
    let output = Command::new(program).arg(flag).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_kernel_and_a_rebooted_machine_are_told_from_another_machine() {
        let boot = |host: &str, machine: Option<&str>, boot: Option<&str>| Holder {
            host: host.into(),
            machine: machine.map(Into::into),
            boot: boot.map(Into::into),
            ..Holder::here("apply")
        };
        let here = boot("desk", Some("m1"), Some("b2"));
        assert!(here.shares_kernel_with(&boot("container", None, Some("b2"))), "a container on this machine");
        assert!(here.shares_kernel_with(&boot("desk", Some("m1"), Some("b1"))), "before the reboot");
        assert!(!here.shares_kernel_with(&boot("desk", Some("m2"), Some("b1"))), "another machine of the same name");
        assert!(!here.shares_kernel_with(&boot("lap", Some("m1"), Some("b1"))), "a cloned machine");
        assert!(!boot("desk", None, Some("b2")).shares_kernel_with(&boot("desk", None, Some("b1"))), "cannot tell");
        assert!(boot("mac", None, None).shares_kernel_with(&boot("mac", None, None)), "no boot ids there");
        assert!(!boot("mac", None, None).shares_kernel_with(&boot("mini", None, None)));
    }

    #[test]
    fn the_message_says_who_where_since_when_and_for_what() {
        let holder = Holder {
            id: "1f".into(),
            owner: "ann".into(),
            host: "desk".into(),
            pid: 7,
            created: timestamp(SystemTime::UNIX_EPOCH),
            ..Holder::here("apply")
        };
        let text = "`mainstay apply` by ann on desk (process 7) since 1970-01-01T00:00:00Z, id 1f";
        assert_eq!(holder.to_string(), text);
    }

    #[test]
    fn silence_is_measured_and_a_clock_ahead_is_no_silence() {
        let at = |time| Holder { renewed: timestamp(time), ..Holder::here("apply") };
        let now = SystemTime::now();
        assert!(at(now - Duration::from_secs(90)).silent_for(now) >= Duration::from_secs(90));
        assert_eq!(at(now + Duration::from_secs(90)).silent_for(now), Duration::ZERO);
    }
}
