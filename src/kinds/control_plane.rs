//! Questions to a control plane that belong to no single resource.

use super::kubectl::with_kubectl;
use crate::resource::Script;

/// Ends with status 0 on a control plane whose own API server is ready; says why it is not.
pub fn control_plane_ready() -> Script {
    Script::new(with_kubectl!("control_plane/ready.sh"))
}

/// Prints the administrator's kubeconfig, which holds a private key.
pub fn admin_kubeconfig() -> Script {
    Script::new("cat /etc/kubernetes/admin.conf")
}
