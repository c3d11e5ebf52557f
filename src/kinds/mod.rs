//! What resources there are: one file per kind.

mod kubeadm;
mod kubeadm_init;
mod kubeadm_join;
mod kubectl;
mod manifest;
mod node;
mod virtual_ip;

pub use kubeadm_init::KubeadmInit;
pub use kubeadm_join::{JoinRole, KubeadmJoin};
pub use manifest::Manifest;
pub use node::Node;
pub use virtual_ip::VirtualIp;
