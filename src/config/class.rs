//! What changing a key of cluster.yaml does to a running cluster.

use serde::Serialize;

/// What changing a key does to a running cluster. Each key has exactly one class, written beside it in `file/`; the
/// schema, the reference `schema/keys.md` and the test that changes every key are made from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// It takes effect at once, and nothing restarts.
    Live,
    /// Something restarts on one host after another.
    Rolling,
    /// As rolling, with each node drained before its restart.
    Drain,
    /// A member leaves or joins.
    Member,
    /// The cluster is changed in several ordered passes.
    Migration,
    /// It counts only when the cluster or a member is created.
    Creation,
    /// It is refused.
    Fixed,
    /// Only mainstay itself reads it.
    Tool,
}

impl Class {
    /// All of them, in the order of the reference.
    pub const ALL: [Self; 8] = [
        Self::Live,
        Self::Rolling,
        Self::Drain,
        Self::Member,
        Self::Migration,
        Self::Creation,
        Self::Fixed,
        Self::Tool,
    ];

    /// Its name, as the schema and the reference write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Rolling => "rolling",
            Self::Drain => "drain",
            Self::Member => "member",
            Self::Migration => "migration",
            Self::Creation => "creation",
            Self::Fixed => "fixed",
            Self::Tool => "tool",
        }
    }

    /// What a change of such a key does.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Live => "takes effect at once, and nothing restarts",
            Self::Rolling => "restarts one host at a time, workers `rollout.maxUnavailable` at a time",
            Self::Drain => "as rolling, and each node is drained before and uncordoned after",
            Self::Member => "a host joins or leaves, and etcd keeps its quorum",
            Self::Migration => "several ordered passes over the cluster, with both values served meanwhile",
            Self::Creation => "counts only when the cluster is created or a node joins",
            Self::Fixed => "refused on a running cluster",
            Self::Tool => "read by mainstay itself, and no host is changed",
        }
    }

    /// The last sentence of the key's description.
    pub(super) fn sentence(self) -> String {
        format!("Changing it: {}, {}.", self.as_str(), self.meaning())
    }
}
