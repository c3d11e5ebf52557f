//! mainstay
pub mod config;
