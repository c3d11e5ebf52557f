//! The texts that go onto the hosts, from typed values.

mod check_script;
mod cni;
mod containerd_toml;
mod haproxy_cfg;
mod haproxy_unit;
mod keepalived_conf;
mod kubeadm;
mod merge;
mod table;

pub(super) use check_script::CheckScript;
pub(super) use cni::{BRIDGE, conflist, routes_unit};
pub(super) use containerd_toml::{ContainerdToml, pause_image};
pub(super) use haproxy_cfg::{Backend, HaproxyCfg};
pub(super) use haproxy_unit::{DOWN_FILE, HaproxyUnit};
pub(super) use keepalived_conf::KeepalivedConf;
pub(super) use kubeadm::{cri_socket, init_documents, join_document, upload_documents};
use merge::merge;
use table::table;

/// Where the CNI configuration lies.
pub(super) const CNI_CONF_DIR: &str = "/etc/cni/net.d";
