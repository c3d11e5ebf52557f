//! The DAG of declared resources: built and checked once, ordered, and drawn.

mod build;
mod dot;
mod drawing;
mod mermaid;
mod order;
mod picture;

pub use build::{Graph, GraphError};
pub use dot::dot;
pub use drawing::Drawing;
pub use mermaid::mermaid;
pub use order::{Edges, Order};
pub use picture::{Part, Picture};
