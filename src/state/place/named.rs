//! Names of the parts of a state in messages.

use std::fmt::{self, Display};

use serde::{Serialize, Serializer};

/// A part of a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The state itself.
    State,
    /// Its earlier versions.
    Generations,
    /// The journal.
    Journal,
    /// The lock.
    Lock,
}

/// A part of a state as messages name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    name: Box<str>,
    away: Box<str>,
}

impl Named {
    /// Something with this name.
    pub fn new(name: &impl Display) -> Self {
        Self::with(name, format!("move {name} away"))
    }

    /// The same; `away` is the instruction to get it out of the way by hand.
    pub(in crate::state) fn with(name: &impl Display, away: String) -> Self {
        Self { name: name.to_string().into(), away: away.into() }
    }

    /// How an operator gets it out of the way, as an imperative.
    pub(in crate::state) fn away(&self) -> &str {
        &self.away
    }
}

impl Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Serialize for Named {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
