//! What mainstay made and what was there before: the state, its journal and its lock.

mod model;

pub use model::{FORMAT, Record, State, Status};
