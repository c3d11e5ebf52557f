//! End to end: the compiled binary against real hosts in containers (tests/lab): real sshd,
//! systemd, haproxy, keepalived, containerd, and a real kubeadm with all that it starts.

mod checks;
mod faults;
mod kill;
mod lab;
mod life;
mod poll;
