//! The built-in network: CNI's bridge on every node, and the unit that installs the routes between the nodes.

use ipnet::Ipv4Net;
use serde::Serialize;

use crate::kinds::POD_ROUTES_FILE;

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

/// The unit that makes the bridge after a boot, and installs the routes that the file lists but for the node's own.
pub(in crate::stack) fn routes_unit() -> String {
    let install = format!(
        r#"own=$$(tail -n 1 {POD_ROUTES_FILE}) && grep -vF " $${{own##* }} via " {POD_ROUTES_FILE} | ip -4 -force -batch -"#
    );
    // The bridge may be there already, hence the dash.
    format!(
        "# Written by mainstay; changes are overwritten.
[Unit]
Description=Bridge of the pods, and routes to those of the other nodes
Wants=network-online.target
After=network-online.target
Before=kubelet.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=-/sbin/ip link add name {BRIDGE} type bridge
ExecStart=/bin/sh -c '{install}'

[Install]
WantedBy=multi-user.target
"
    )
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
        insta::assert_snapshot!(routes_unit());
    }
}
