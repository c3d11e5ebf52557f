//! cluster.yaml as written: every key that exists, nothing resolved, nothing checked beyond its
//! type. The doc comment of a field is what an editor shows for the key and what
//! `schema/cluster.schema.json` says about it.
//!
//! Every field is optional for serde, because a file with faults is checked as far as it goes;
//! what must be there is said by `schemars(required)` and held by the shape check.
//!
//! Beside each key, or beside its whole section, stands its [class](crate::config::Class): what changing it does to a
//! running cluster. `tests/integration/keys` changes every key and compares.

mod cluster;
mod host;
mod kubernetes;
mod load_balancer;
mod platform;
mod rollout;
mod ssh;
mod text;

pub(super) use cluster::{ClusterFile, Endpoint, Fleet, Guards, Lifecycle};
pub(super) use host::{Host, HostRole};
pub(super) use kubernetes::{Component, Etcd, Kubernetes, PackageSource, Packages, PathType, ProxyMode, Volume};
pub(super) use load_balancer::{
    Haproxy, HaproxyCheck, HaproxyExtra, HaproxyStats, HaproxyTimeouts, Keepalived, KeepalivedCheck, LoadBalancer,
    LoadBalancerMode,
};
pub(super) use platform::{CgroupDriver, ContainerRuntime, HostConfig, Manifest, Network, Plugin, RuntimeSource, Swap};
pub(super) use rollout::Rollout;
pub(super) use ssh::{Bastion, HostKeyChecking, SecretRef, Ssh, Sudo};
pub(super) use text::{DURATION, Text};
