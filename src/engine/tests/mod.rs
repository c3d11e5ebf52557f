//! The engine, on hosts in memory and plans made by hand.

mod limits;
mod queue;
mod records;
mod rig;
mod steps;
mod stops;
