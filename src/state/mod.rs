//! The state: what mainstay made and what was there before, with its journal and lock.
//!
//! The state file is written twice in a run at most: at the start when something is to be folded
//! in, and at the end. In between, every act is announced in the journal before it begins and its
//! result is appended when it has ended, so a kill at any moment loses nothing and the cost of a
//! resource does not grow with the size of the state. Formats are described in `state/README.md`.
//!
//! [`Place`] is where all of it is kept; today a local directory.
//!
//! No decisions are made here; the plan interprets interrupted state entries.

mod batches;
mod claim;
mod disk;
mod edit;
mod error;
mod file;
#[doc(hidden)]
pub mod fuzzing;
mod holder;
mod journal;
mod load;
mod lock;
mod migrate;
mod model;
mod place;
#[cfg(test)]
mod samples;
mod schema;
mod store;
mod surgery;

pub use claim::{Attempt, Claim, acquire};
pub use disk::simulated::{Cut, Deed, SimulatedDisk, SimulatedProcess};
pub use disk::{Access, Disk, FileId, Listed, Machine, OpenFile, RealDisk};
pub use edit::{Difference, EditError, forget, rename};
pub use error::StateError;
pub use file::{from_bytes, to_bytes};
pub use holder::Holder;
pub use journal::{Entry, fold};
pub use lock::{Lease, break_lock, held_as, show};
pub use model::{FORMAT, Record, State, Status};
pub use place::{Generation, Held, Named, Part, Place, local, local_on};
pub use schema::schema;
pub use store::{Store, check_cluster};
pub use surgery::{Content, Found, check_push, earlier, history, replace};
