//! Hosts over SSH: one connection a host, one channel a script.

mod config_file;
mod credentials;
mod environment;
mod exec;
pub mod fuzzing;
mod handshake;
mod known_hosts;
mod link;
mod pool;
mod target;

#[cfg(test)]
mod server_for_tests;
#[cfg(test)]
mod tests;

pub(super) use pool::{SshPool, SshShell};
