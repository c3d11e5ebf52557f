//! Values for the tests of this folder.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::{Record, Status};
use crate::resource::{Address, Observation, Prior};

/// A record that is told from others by `mark`.
pub(super) fn record(mark: &str) -> Record {
    Record {
        version: 1,
        attributes: json!({"path": mark, "mode": "0644"}).into(),
        digest: format!("digest of {mark}"),
        observed: "0".repeat(64),
        prior: Prior { before: Observation::Absent, kept: BTreeMap::new() },
        needs: BTreeSet::new(),
        lane: None,
        made_from: crate::resource::MadeFrom::default(),
        status: Status::Ready,
    }
}

/// The same, begun and not ended.
pub(super) fn interrupted(mark: &str) -> Record {
    Record { status: Status::Interrupted, ..record(mark) }
}

/// The nth address.
pub(super) fn address(n: usize) -> Address {
    format!("cp{}/host/file[/etc/{n}]", n % 3).parse().expect("it is an address")
}
