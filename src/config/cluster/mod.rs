//! The checked cluster: plain data, every default filled in, every rule already held.
//!
//! A value of these types can only come out of [`crate::config::load`], so the rest of the
//! program asks no more questions of it: addresses are distinct, priorities are assigned, the
//! keepalived design is sound, subnets do not overlap.

mod host;
mod kubernetes;
mod load_balancer;
mod order;
mod platform;
mod rollout;
mod ssh;
mod top;

pub use host::{Host, Role, Taint, TaintEffect};
pub use kubernetes::{Component, Etcd, ExtraVolume, Kubernetes, Packages, ProxyMode};
pub use load_balancer::{
    Haproxy, HaproxyExtra, HaproxyStats, HaproxyTimeouts, HealthCheck, Keepalived, KeepalivedCheck, LoadBalancer,
    VrrpVersion,
};
pub(in crate::config) use order::FIRST_PRIORITY;
pub use platform::{
    CgroupDriver, ContainerRuntime, Guards, HostConfig, Lifecycle, ManifestSource, Moved, Network, RuntimeSource, Swap,
};
pub use rollout::{AtOnce, Rollout};
pub use ssh::{Bastion, HostKeyChecking, SecretRef, Ssh, Sudo};
pub use top::{Cluster, Endpoint, FleetKind};
