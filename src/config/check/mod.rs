//! The meaning of the file: every rule that its types cannot say. A value that breaks a rule is
//! reported and replaced by a stand-in, so that everything else is checked in the same go; no
//! [`crate::config::Cluster`] comes out once an error was written down.

mod certificates;
mod cluster;
mod components;
mod endpoint;
mod etcd;
mod fields;
mod haproxy;
mod hosts;
mod keepalived;
mod kubeadm;
mod kubernetes;
mod lifecycle;
mod load_balancer;
mod names;
mod network;
mod node;
mod platform;
mod priorities;
mod raw;
mod rollout;
mod secret;
mod ssh;
mod subnets;
mod values;
mod version;

pub(super) use cluster::check;
pub use keepalived::check_vrrp_password;
pub use lifecycle::COMPONENTS;
