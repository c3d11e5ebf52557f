//! What mainstay made and what was there before: the state, its journal and its lock.
//!
//! The state file is written twice in a run at most: at the start when something is to be folded
//! in, and at the end. In between, every act is announced in the journal before it begins and its
//! result is appended when it has ended, so a kill at any moment loses nothing and the cost of a
//! resource does not grow with the size of the state. Formats are described in `state/README.md`.
//!
//! Not done here: deciding anything. What an interrupted record means is the plan's business.

mod backend;
mod edit;
mod error;
mod file;
mod holder;
mod journal;
mod local;
mod lock;
mod model;
mod paths;
#[cfg(test)]
mod samples;
mod schema;
mod store;
mod surgery;

pub use backend::{Backend, Generation};
pub use edit::{Difference, EditError, forget, rename};
pub use error::StateError;
pub use file::{from_bytes, to_bytes};
pub use holder::Holder;
pub use journal::{Entry, fold};
pub use local::LocalFile;
pub use lock::{Held, Lease, acquire, break_lock, held_as, show};
pub use model::{FORMAT, Record, State, Status, Version};
pub use schema::schema;
pub use store::Store;
pub use surgery::{Content, Found, Replaced, check_push, earlier, history, replace};
