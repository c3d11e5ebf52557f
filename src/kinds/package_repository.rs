//! `package_repository`: a signed repository that the host's package manager (apt or dnf) reads.

use serde::{Deserialize, Serialize};

/// A repository. In both addresses `{family}` stands for `deb` or `rpm`, whichever the host has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PackageRepository {
    /// Name of its files, for example `kubernetes`; its key.
    pub name: String,
    /// Address, for example `https://pkgs.k8s.io/core:/stable:/v1.31/{family}/`.
    pub url: String,
    /// Address of its ASCII-armored public key.
    pub key_url: String,
}
