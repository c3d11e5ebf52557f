//! The kinds of resources, one file each, and their registry.
//!
//! A kind never sees the cluster's configuration: `stack` composes kinds, kinds know one thing
//! on one host each.

mod bridge_interface;
mod cluster_settings;
mod control_plane;
mod file;
mod kernel_module;
mod kubectl;
mod manifest;
mod member;
mod node;
mod package;
mod package_repository;
mod pod_routes;
mod registry;
#[cfg(test)]
mod rehearsal;
mod route;
mod served;
mod service;
mod swap;
mod sysctl;
#[cfg(test)]
mod together;
mod virtual_ip;

pub use bridge_interface::BridgeInterface;
pub use cluster_settings::ClusterSettings;
pub use control_plane::{admin_kubeconfig, control_plane_ready};
pub use file::{Content, ContentBuilder, File, FileCheck};
pub use kernel_module::KernelModule;
#[cfg(test)]
pub(crate) use kubectl::stage::Stage;
pub use manifest::Manifest;
pub use member::{ControlPlaneDocuments, Making, Member};
pub use node::Node;
pub use package::Package;
pub use package_repository::PackageRepository;
pub use pod_routes::{POD_ROUTES_FILE, PodRoutes, PodTable};
pub use registry::{KINDS, canonical_key, decode, principal};
pub use served::Served;
pub use service::{Group, OnChange, Service};
pub use swap::Swap;
pub use sysctl::Sysctl;
pub use virtual_ip::VirtualIp;
