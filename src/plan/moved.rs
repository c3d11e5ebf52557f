//! Renames of cluster.yaml (`lifecycle.moved`): records follow the new name, no host is touched.
//!
//! The records are renamed before anything is planned, as if they had always been there. So
//! everything that follows from records (what is pending, what drifted, what is destroyed and in
//! what order, pod ranges, which host was initialized) is planned as ever, and carrying the plan out
//! begins with the same renaming, in one write of the state.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::model::Warning;
use crate::graph::Graph;
use crate::resource::{Address, Pattern};
use crate::state::{self, EditError, State};

/// One rename: from, to.
pub type Rename = (String, String);

/// Why a rename in `lifecycle.moved` cannot be applied to the state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoveError {
    /// Both names have state entries.
    #[error("lifecycle.moved: cannot move {from} to {to}: {to} already has state entries")]
    Taken {
        /// The old name.
        from: String,
        /// The new name.
        to: String,
    },
    /// It cannot be renamed for another reason.
    #[error("lifecycle.moved")]
    Edit(#[from] EditError),
    /// The old name is still in use.
    #[error("lifecycle.moved: {from} has not moved: it is still declared")]
    StillDeclared {
        /// The old name.
        from: String,
    },
    /// Nothing has the new name.
    #[error("lifecycle.moved: no declared resource is named {to}")]
    NotDeclared {
        /// The new name.
        to: String,
    },
}

/// A state with the renames applied.
#[derive(Clone, Debug)]
pub struct Followed<'a> {
    /// The state with the current names; the given one if nothing was renamed.
    pub state: Cow<'a, State>,
    /// Addresses that have moved, by their new name.
    pub previous: BTreeMap<Address, Address>,
    /// The renames that had records to move.
    pub renames: Vec<Rename>,
    /// Notices, one line for each rename.
    pub notices: Vec<Warning>,
}

/// Applies renames to the state. A rename without state entries under its old name is already done.
pub fn follow<'a>(state: &'a State, renames: &[Rename]) -> Result<Followed<'a>, MoveError> {
    let state = Cow::Borrowed(state);
    let mut followed = Followed { state, previous: BTreeMap::new(), renames: Vec::new(), notices: Vec::new() };
    for (from, to) in renames {
        let [old, new] = [from, to].map(|text| {
            let pattern = Pattern::new(text.as_str());
            followed.state.resources.keys().any(|address| pattern.matches(address))
        });
        if !old {
            continue;
        }
        if new {
            return Err(MoveError::Taken { from: from.clone(), to: to.clone() });
        }
        let moves = state::rename(followed.state.to_mut(), from, to)?;
        let things =
            if moves.len() == 1 { "1 resource moves".to_owned() } else { format!("{} resources move", moves.len()) };
        let text = format!("{from} was renamed {to}: {things} in the state; no host is changed");
        followed.notices.push(Warning::notice("renamed", text));
        followed.previous.extend(moves.into_iter().map(|(old, new)| (new, old)));
        followed.renames.push((from.clone(), to.clone()));
    }
    Ok(followed)
}

/// Refuses renames of resources that are still declared, or to resources that are not declared; for hosts, this was
/// checked with cluster.yaml.
pub fn check_renames(renames: &[Rename], graph: &Graph) -> Result<(), MoveError> {
    let declared = |text: &str| {
        let pattern = Pattern::new(text);
        graph.items().iter().any(|item| pattern.matches(&item.address))
    };
    for (from, to) in renames.iter().filter(|(from, _)| from.contains('/')) {
        if declared(from) {
            return Err(MoveError::StillDeclared { from: from.clone() });
        }
        if !declared(to) {
            return Err(MoveError::NotDeclared { to: to.clone() });
        }
    }
    Ok(())
}
