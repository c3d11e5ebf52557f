//! cluster.yaml: from the file as written to a checked [`Cluster`].
//!
//! Everything here is pure: text goes in, a [`Cluster`] or the list of every fault comes out.
//! Reading files, resolving secrets and asking hosts is done elsewhere.

pub mod cluster;
mod diagnostic;
mod loaded;
mod sources;

pub use cluster::{
    Bastion, CgroupDriver, Cluster, Component, ContainerRuntime, Endpoint, Etcd, ExtraVolume,
    FleetKind, Guards, Haproxy, HaproxyExtra, HaproxyStats, HaproxyTimeouts, HealthCheck, Host,
    HostConfig, HostKeyChecking, Keepalived, KeepalivedCheck, Kubernetes, LoadBalancer,
    ManifestSource, Network, Packages, ProxyMode, Role, RuntimeSource, SecretRef, Ssh, Sudo, Swap,
    Taint, TaintEffect, VrrpVersion,
};
pub use diagnostic::{Diagnostic, Label, Severity, Span};
pub use loaded::{ConfigErrors, Loaded};
pub use sources::{Position, Sources, pointer};
