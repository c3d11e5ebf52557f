//! Whether a running service runs with its files as they are on disk.

use serde::{Deserialize, Serialize};

/// The files that a service reads, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reads {
    /// Absolute paths without spaces.
    pub(super) files: &'static [&'static str],
    /// When they are read.
    pub(super) at: ReadAt,
}

/// When a service reads its files: it decides which process must be younger than they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReadAt {
    /// When its main process starts.
    Start,
    /// At each reload, by a new child of its main process.
    NewWorker,
    /// At each reload, by the process that runs already. Only a note of the reload proves that one.
    Signal,
}

impl ReadAt {
    /// The word that the scripts know it by.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::NewWorker => "new_worker",
            Self::Signal => "signal",
        }
    }
}

impl Reads {
    /// What the service of this name reads. Known by the name, not declared: what a probe asks depends on identity alone.
    pub(super) fn of(service: &str) -> Option<Self> {
        let (files, at): (&[&str], _) = match service {
            "haproxy" => (&["/etc/haproxy/haproxy.cfg"], ReadAt::NewWorker),
            "keepalived" => (&["/etc/keepalived/keepalived.conf"], ReadAt::Signal),
            "containerd" => (&["/etc/containerd/config.toml"], ReadAt::Start),
            "kubelet" => (&["/var/lib/kubelet/config.yaml", "/var/lib/kubelet/kubeadm-flags.env"], ReadAt::Start),
            _ => return None,
        };
        Some(Self { files, at })
    }
}

/// Which version of its files a service runs with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::kinds) enum Loaded {
    /// The one on disk; also of a service that reads no file of interest, or does not run.
    #[default]
    Current,
    /// An older one.
    Stale,
    /// The host cannot say; never a difference.
    Unknown,
}

impl Loaded {
    /// What the probe prints.
    pub(super) fn parse(word: &str) -> Option<Self> {
        match word {
            "current" => Some(Self::Current),
            "stale" => Some(Self::Stale),
            "unknown" => Some(Self::Unknown),
            _ => None,
        }
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "what serde calls")]
    pub(super) fn is_current(&self) -> bool {
        *self == Self::Current
    }
}
