//! All integration tests, in one binary.

#![expect(clippy::unwrap_used, reason = "a test, its set-up included, fails by panicking")]

mod architecture;
mod browser;
mod cli;
mod config;
mod config_schema;
mod corpora;
mod drift;
mod edits;
mod events;
mod examples;
mod help;
mod input;
mod keys;
mod kinds;
mod kubernetes;
mod many;
mod play;
mod pod_routes;
mod policy;
mod recipes;
mod same;
mod sandbox;
mod saved;
mod scenarios;
mod schemas;
mod secrets;
mod selection;
mod state;
mod talk;
