//! The shape of the file: which keys there are, which are required, what type each has. The
//! generated JSON Schema is the one place that says so; the check below follows it, so an editor
//! and mainstay cannot disagree.

mod check;
mod classes;
mod hints;
mod schema;
mod suggest;

pub(super) use check::check;
pub use schema::schema;
pub(in crate::config) use suggest::nearest;
