//! `kernel_module`: a kernel module that is loaded now. Loading it at boot is a `file` of its own.

use serde::{Deserialize, Serialize};

/// A kernel module, loaded or built in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KernelModule {
    /// Name, for example `br_netfilter`; its key.
    pub name: String,
}
