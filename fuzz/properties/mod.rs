//! What must hold for any bytes, one file an entry; a violation is a panic.
//!
//! The fuzz targets and a test of the package (`tests/integration/corpora.rs`) both run these, so what a
//! corpus has found once stays found.

mod cluster_yaml;
mod frames;
mod host_facts;
mod journal;
mod known_hosts;
mod plan_file;
mod planning;
mod probe;
mod ssh_config;
mod state_file;
mod trace;

/// What a target's bytes go through.
pub(crate) type Property = fn(&[u8]);

/// Every target by its name, which its corpus and its program have, too.
pub(crate) const PROPERTIES: &[(&str, Property)] = &[
    ("cluster_yaml", cluster_yaml::check),
    ("frames", frames::check),
    ("host_facts", host_facts::check),
    ("journal", journal::check),
    ("known_hosts", known_hosts::check),
    ("plan_file", plan_file::check),
    ("probe", probe::check),
    ("ssh_config", ssh_config::check),
    ("state_file", state_file::check),
    ("trace", trace::check),
];

/// Runs the property of a target.
pub(crate) fn check(target: &str, bytes: &[u8]) {
    let (_, property) = PROPERTIES.iter().find(|(name, _)| *name == target).expect("a target has a property");
    property(bytes);
}
