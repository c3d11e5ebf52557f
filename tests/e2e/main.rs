//! End to end: the compiled binary against real hosts in containers (tests/lab): real sshd,
//! systemd, haproxy, keepalived, containerd, and a real kubeadm with all that it starts. And against a
//! virtual machine with a kernel of its own.

#![expect(clippy::unwrap_used, reason = "a test, its set-up included, fails by panicking")]

mod adopt;
mod checks;
mod drift;
mod failover;
mod faults;
mod kill;
mod lab;
mod life;
mod poll;
mod roles;
mod routes;
mod saved;
mod secrets;
mod services;
mod turn;
mod vm;
