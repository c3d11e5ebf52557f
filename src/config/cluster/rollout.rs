//! How changes go from host to host.

/// How changes that restart something on running nodes are carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rollout {
    /// How many workers may be unavailable at once.
    pub max_unavailable: AtOnce,
}

/// How many of several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtOnce {
    /// So many, at least one.
    Number(usize),
    /// So many of a hundred, from 1 to 100, rounded up.
    Percent(u8),
}

impl AtOnce {
    /// How many of `all` that is; at least one.
    pub fn of(self, all: usize) -> usize {
        match self {
            Self::Number(number) => number,
            Self::Percent(percent) => (all * usize::from(percent)).div_ceil(100).max(1),
        }
    }
}
