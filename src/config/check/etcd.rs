//! etcd: its data and its clocks.

use super::components;
use super::values::{duration, host_path, show_duration};
use crate::config::Etcd;
use crate::config::faults::{Fault, Faults};
use crate::config::file;
use std::time::Duration;

const HEARTBEAT: &str = "/kubernetes/etcd/heartbeatInterval";
const ELECTION: &str = "/kubernetes/etcd/electionTimeout";

/// etcd's own defaults and upper limit.
const DEFAULT_HEARTBEAT: Duration = Duration::from_millis(100);
const DEFAULT_ELECTION: Duration = Duration::from_secs(1);
const LONGEST_ELECTION: Duration = Duration::from_secs(50);

pub(super) fn check(written: Option<&file::Etcd>, faults: &mut Faults<'_>) -> Etcd {
    let empty = file::Etcd::default();
    let written = written.unwrap_or(&empty);
    let data_dir = written.data_dir.as_deref().unwrap_or("/var/lib/etcd");
    let at = "/kubernetes/etcd/dataDir";
    if data_dir.trim_end_matches('/').matches('/').count() < 2 && data_dir.starts_with('/') {
        faults.broken(
            Fault::at(at, format!("the etcd data directory cannot be `{data_dir}` itself"))
                .help("use a separate directory, for example `/var/lib/etcd`"),
        );
    }
    let data_dir = host_path(data_dir, at, faults).unwrap_or_default();
    let millis = Duration::from_millis;
    let (heartbeat, election) = (written.heartbeat_interval.as_deref(), written.election_timeout.as_deref());
    let beat = duration(heartbeat, DEFAULT_HEARTBEAT, millis(10)..=millis(10_000), HEARTBEAT, faults);
    let wait = duration(election, DEFAULT_ELECTION, millis(50)..=LONGEST_ELECTION, ELECTION, faults);
    if !faults.is_broken(HEARTBEAT) && !faults.is_broken(ELECTION) && wait < beat * 5 {
        let (place, other) = if election.is_some() { (ELECTION, HEARTBEAT) } else { (HEARTBEAT, ELECTION) };
        let default = |written: Option<&str>| {
            if written.is_none() { " (etcd's default)" } else { "" }
        };
        let mut fault = Fault::at(
            place,
            format!(
                "the election timeout of {}{} is too short for a heartbeat interval of {}{}",
                show_duration(wait),
                default(election),
                show_duration(beat),
                default(heartbeat),
            ),
        )
        .because("a slow network would trigger elections")
        .help(format!("use at least five heartbeat intervals: `electionTimeout: {}` or more", show_duration(beat * 5)));
        if faults.written(other) {
            fault = fault.also(other, "the heartbeat interval");
        }
        faults.error(fault);
    }
    let whole = |duration: Duration| u32::try_from(duration.as_millis()).unwrap_or(u32::MAX);
    Etcd {
        data_dir: data_dir.trim_end_matches('/').to_owned(),
        heartbeat_interval_ms: heartbeat.map(|_| whole(beat)),
        election_timeout_ms: election.map(|_| whole(wait)),
        extra_args: components::extra_args(written.extra_args.as_ref(), &components::ETCD, faults),
    }
}
