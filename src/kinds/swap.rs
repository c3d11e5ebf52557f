//! `swap`: no swap, now and after a reboot.

use serde::{Deserialize, Serialize};

/// The wish that the host uses no swap, live or from /etc/fstab.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Swap {}
