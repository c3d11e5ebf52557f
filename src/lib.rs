//! mainstay: highly available Kubernetes clusters from cluster.yaml.
pub mod resource;
