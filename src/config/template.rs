//! The cluster.yaml that `mainstay init` writes: complete for its hosts, with everything else
//! there as comments. A line that begins with `#` and no blank is a key to uncomment.

use super::{FleetKind, Role};
use serde_json::Value;
use std::fmt::Write;

/// The values of a new cluster.yaml.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Name of the cluster.
    pub name: String,
    /// How the hosts are reached.
    pub fleet: FleetKind,
    /// Exact version of Kubernetes.
    pub version: String,
    /// The virtual IP.
    pub endpoint: String,
    /// The port that clients use.
    pub port: u16,
    /// Login name, when it is known.
    pub user: Option<String>,
    /// The hosts.
    pub hosts: Vec<DraftHost>,
}

/// A host of a new cluster.yaml.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftHost {
    /// Name.
    pub name: String,
    /// Where SSH reaches it.
    pub address: String,
    /// Its roles.
    pub roles: Vec<Role>,
}

const SCHEMA: &str = "\
# Editors with yaml-language-server complete and explain the keys if this schema exists:
#   mainstay schema cluster > cluster.schema.json
# yaml-language-server: $schema=cluster.schema.json
";

const SSH: &str = "\
# SSH login. Missing values come from ~/.ssh/config and the agent.
";

const SSH_OPTIONS: &str = "\
#  port: 22
#  identityFile: ~/.ssh/id_ed25519
#  knownHosts: ~/.ssh/known_hosts
#  hostKeyChecking: strict          # accept-new: record unknown host keys
#  bastion: {address: bastion.example.com, user: jump}
#  sudo: passwordless               # never: the user is root
";

const KUBERNETES_OPTIONS: &str = "\
#  packages: {source: pkgs.k8s.io}  # preinstalled, distro
#  podSubnet: 10.244.0.0/16
#  serviceSubnet: 10.96.0.0/12
#  proxyMode: iptables              # ipvs, nftables
#  apiServer:
#    certSANs: [api.example.com]
#    extraArgs: {audit-log-maxage: 30}
#  kubelet: {maxPods: 110}
";

const REST: &str = "\
# haproxy and keepalived on the control planes (or on hosts with the role load-balancer).
#loadBalancer:
#  haproxy:
#    stats: {port: 8404}
#  keepalived:
#    interface: eth0                # default: the interface with the host's address
#    virtualRouterId: 137           # default: derived from the name; must be unique in the network

# The pod network: bridge is built in; manifest applies your own; none installs nothing.
network: {plugin: bridge}

# Kernel parameters, modules and swap, in addition to what Kubernetes needs.
#hostConfig:
#  sysctls: {vm.max_map_count: 262144}
#  kernelModules: [nf_conntrack]

#containerRuntime:
#  source: distro                   # preinstalled

# How many workers may restart their container runtime at once; control planes restart one at a time.
#rollout:
#  maxUnavailable: 1                # 10%

# Resources that no plan may destroy.
#guards:
#  preventDestroy: [\"*/control-plane\"]
";

/// The text of a new cluster.yaml.
pub fn template(draft: &Draft) -> String {
    let mut out = String::from(SCHEMA);
    // Writing to a String cannot fail.
    let _ = writeln!(out, "\napiVersion: mainstay/v1\nkind: Cluster\nname: {}", scalar(&draft.name));
    match draft.fleet {
        FleetKind::Ssh => {}
        FleetKind::Local => out.push_str("fleet: local\n"),
        FleetKind::Simulated => {
            out.push_str("\n# Simulated hosts. Remove this line to use real hosts.\nfleet: simulated\n");
        }
    }
    let _ = writeln!(out, "\nkubernetes:\n  version: {}", scalar(&draft.version));
    out.push_str(KUBERNETES_OPTIONS);
    let _ = writeln!(
        out,
        "\n# The virtual IP: an unused address in the network of the load balancers.\n\
         endpoint: {{address: {}, port: {}}}\n\nhosts:",
        scalar(&draft.endpoint),
        draft.port
    );
    for host in &draft.hosts {
        let roles: Vec<&str> = host.roles.iter().map(|role| role.as_str()).collect();
        let (name, address) = (scalar(&host.name), scalar(&host.address));
        let _ = writeln!(out, "  {name}: {{address: {address}, roles: [{}]}}", roles.join(", "));
    }
    let _ = write!(out, "\n{SSH}");
    match &draft.user {
        Some(user) => {
            let _ = writeln!(out, "ssh:\n  user: {}", scalar(user));
        }
        None => out.push_str("#ssh:\n#  user: root\n"),
    }
    out.push_str(SSH_OPTIONS);
    let _ = write!(out, "\n{REST}");
    out
}

/// The text as a YAML scalar that is read back as the same text.
fn scalar(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '/');
    let word = text.starts_with(|c: char| c.is_ascii_alphabetic());
    let reserved =
        matches!(text.to_lowercase().as_str(), "null" | "true" | "false" | "yes" | "no" | "on" | "off" | "y" | "n");
    let version = text.matches('.').count() >= 2 && text.starts_with(|c: char| c.is_ascii_digit());
    if (word && !reserved || version) && text.chars().all(plain) {
        text.to_owned()
    } else {
        Value::from(text).to_string()
    }
}
