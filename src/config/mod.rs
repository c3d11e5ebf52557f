//! cluster.yaml: from the file as written to a checked [`Cluster`].
//!
//! Everything here is pure: it turns text into a [`Cluster`] or a list of all errors. Reading files, resolving
//! secrets and asking hosts is done elsewhere.

mod check;
mod class;
pub mod cluster;
mod diagnostic;
mod faults;
mod file;
mod load;
mod loaded;
mod masking;
mod paths;
mod quote;
mod render;
mod shape;
mod sources;
mod template;
mod yaml;

pub use check::{COMPONENTS, check_vrrp_password};
pub use class::Class;

pub use cluster::{
    AtOnce, Bastion, CgroupDriver, Cluster, Component, ContainerRuntime, Endpoint, Etcd, ExtraVolume, FleetKind,
    Guards, Haproxy, HaproxyExtra, HaproxyStats, HaproxyTimeouts, HealthCheck, Host, HostConfig, HostKeyChecking,
    Keepalived, KeepalivedCheck, Kubernetes, Lifecycle, LoadBalancer, ManifestSource, Moved, Network, Packages,
    ProxyMode, Role, Rollout, RuntimeSource, SecretRef, Ssh, Sudo, Swap, Taint, TaintEffect, VrrpVersion,
};
pub use diagnostic::{Diagnostic, Label, Severity, Span};
pub use load::{fault_at, load, load_bytes, load_with};
pub use loaded::{ConfigErrors, Loaded};
pub use paths::Paths;
pub use render::render_diagnostics;
pub use shape::schema;
pub use sources::{Position, Sources, pointer};
pub use template::{Draft, DraftHost, template};
pub use yaml::LARGEST;
