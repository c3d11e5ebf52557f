//! The built-in network: CNI's bridge on every node, and static routes between the nodes.

use std::fmt;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use serde::Serialize;

/// The bridge that the CNI plugin makes.
pub(in crate::stack) const BRIDGE: &str = "cni0";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Conflist {
    cni_version: &'static str,
    name: &'static str,
    plugins: [Plugin; 2],
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Plugin {
    #[serde(rename_all = "camelCase")]
    Bridge {
        bridge: &'static str,
        is_gateway: bool,
        ip_masq: bool,
        hairpin_mode: bool,
        ipam: Ipam,
    },
    Portmap {
        capabilities: Capabilities,
    },
}

#[derive(Serialize)]
struct Ipam {
    #[serde(rename = "type")]
    kind: &'static str,
    ranges: [[Range; 1]; 1],
    routes: [Destination; 1],
}

#[derive(Serialize)]
struct Range {
    subnet: Ipv4Net,
}

#[derive(Serialize)]
struct Destination {
    dst: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Capabilities {
    port_mappings: bool,
}

/// The CNI configuration of one host, whose pods get addresses of `range`.
pub(in crate::stack) fn conflist(range: Ipv4Net) -> String {
    let bridge = Plugin::Bridge {
        bridge: BRIDGE,
        is_gateway: true,
        ip_masq: true,
        hairpin_mode: true,
        ipam: Ipam {
            kind: "host-local",
            ranges: [[Range { subnet: range }]],
            routes: [Destination { dst: "0.0.0.0/0" }],
        },
    };
    let portmap = Plugin::Portmap { capabilities: Capabilities { port_mappings: true } };
    let list = Conflist { cni_version: "0.4.0", name: "mainstay", plugins: [bridge, portmap] };
    let mut text = serde_json::to_string_pretty(&list).expect("a list of plugins is JSON");
    text.push('\n');
    text
}

/// The unit that makes the bridge and lays the routes to the other nodes' pods after a reboot.
#[derive(Debug)]
pub(in crate::stack) struct RoutesUnit {
    /// Pod range and address of every other node, in the order of cluster.yaml.
    pub(in crate::stack) routes: Vec<(Ipv4Net, Ipv4Addr)>,
}

impl fmt::Display for RoutesUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "# Written by mainstay; changes are overwritten.")?;
        writeln!(f, "[Unit]")?;
        writeln!(f, "Description=Bridge of the pods, and routes to those of the other nodes")?;
        writeln!(f, "Wants=network-online.target")?;
        writeln!(f, "After=network-online.target")?;
        writeln!(f, "Before=kubelet.service")?;
        writeln!(f, "\n[Service]")?;
        writeln!(f, "Type=oneshot")?;
        writeln!(f, "RemainAfterExit=yes")?;
        // It may be there already, hence the dash.
        writeln!(f, "ExecStart=-/sbin/ip link add name {BRIDGE} type bridge")?;
        for (range, via) in &self.routes {
            writeln!(f, "ExecStart=/sbin/ip route replace {range} via {via} proto static")?;
        }
        writeln!(f, "\n[Install]")?;
        writeln!(f, "WantedBy=multi-user.target")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cni_configuration() {
        insta::assert_snapshot!(conflist("10.244.1.0/24".parse().unwrap()));
    }

    #[test]
    fn the_routes() {
        let route = |range: &str, via: &str| (range.parse().unwrap(), via.parse().unwrap());
        let routes = vec![route("10.244.1.0/24", "10.0.0.12"), route("10.244.2.0/24", "10.0.0.13")];
        insta::assert_snapshot!(RoutesUnit { routes }.to_string());
    }
}
