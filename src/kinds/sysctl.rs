//! `sysctl`: the live value of a kernel parameter. Its persistence is a `file` of its own.

use serde::{Deserialize, Serialize};

/// A kernel parameter's live value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sysctl {
    /// Name as sysctl(8) takes it: `net.ipv4.ip_forward`, or `net/ipv4/conf/eth0.100/rp_filter`
    /// where a part holds a dot; its key.
    pub name: String,
    /// Value; runs of blanks count as one.
    pub value: String,
}
