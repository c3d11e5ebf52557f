//! Parses YAML text into a tree with positions. One parser serves the check of the shape, the values and the
//! positions in messages.

mod build;
mod index;
mod scalar;
mod syntax;
mod text;
mod tree;

pub(super) use build::parse;
pub(super) use index::Index;
pub use text::LARGEST;
pub(super) use text::{check_text, decode};
pub(super) use tree::{Content, Entry, Node, Scalar};
