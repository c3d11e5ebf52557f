//! Saved plans: writing, reading, and comparing them with the current plan.
//!
//! A saved plan permits; it does not command. Whoever applies it looks at the hosts and plans again
//! from the same inputs, and carries that plan out only where it is the reviewed one, so a file that
//! somebody has tampered with can at worst refuse.
//!
//! It holds no secret: values are masked as in state, and what tells whether they have changed is a
//! digest keyed with the state's salt. Before there is a state the key is the lineage that the file
//! carries.

mod compare;
mod file;
mod model;
#[cfg(test)]
mod samples;

pub use compare::{Stale, compare};
pub use file::{FORMAT, FileError, begins_like_one, from_bytes, to_bytes};
pub use model::{Basis, Options, Origin, Saved, digest_key};
