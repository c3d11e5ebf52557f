//! Hosts with real state on them: the lab's, prepared by a real apply.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::report::output;
use super::{Result, root};

/// What needs no Kubernetes to be there: peers have modules for these kinds of things, too. Left out are the network
/// (bridge and routes), the virtual address and kubeadm, for which they have none.
const PART: [&str; 6] =
    ["*/host", "*/container-runtime", "*/haproxy", "*/keepalived/package", "*/keepalived/file", "*/keepalived/service"];

/// Beside what mainstay sets itself, so that a host has about as much as the measured baselines.
const HOST_CONFIG: &str = r#"hostConfig:
  swap: keep
  kernelModules: [nf_conntrack]
  sysctls:
    net.core.somaxconn: 4096
    net.ipv4.conf.all.accept_redirects: 0
    net.ipv4.conf.all.rp_filter: 0
    net.ipv4.ip_local_port_range: "10240 65000"
    net.ipv4.ip_nonlocal_bind: 1
    net.ipv4.tcp_fin_timeout: 30
    net.ipv4.tcp_keepalive_time: 600
    net.ipv4.tcp_max_syn_backlog: 4096
    net.ipv4.tcp_tw_reuse: 1
"#;

/// There is nothing behind haproxy here, so its checks only take processor time from what is measured.
const QUIET: &str = "loadBalancer: {haproxy: {healthCheck: {interval: 30s, fastInterval: 30s}}}\n";

/// A lab of its own, taken down at the end.
pub(crate) struct Lab {
    directory: PathBuf,
    binary: PathBuf,
    /// Name and address of each host.
    pub(crate) hosts: Vec<(String, String)>,
}

impl Lab {
    /// Fresh hosts, and mainstay's part of an apply on them.
    pub(crate) fn up(directory: &Path, hosts: usize, binary: &Path) -> Result<Self> {
        let _ = fs::remove_dir_all(directory);
        let mut lab = Self { directory: directory.to_owned(), binary: binary.to_owned(), hosts: Vec::new() };
        output(lab.script("up").args(["--control-planes", &hosts.to_string(), "--workers", "0"]))?;
        lab.write_cluster()?;
        output(lab.mainstay("cluster.yaml", "apply").arg("--auto-approve"))?;
        output(lab.mainstay("cluster.yaml", "plan").arg("--detailed-exitcode"))?;
        Ok(lab)
    }

    /// The lab's own cluster.yaml, with another host configuration.
    fn write_cluster(&mut self) -> Result<()> {
        let text = fs::read_to_string(self.path("cluster.yaml"))?;
        let mut lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("hostConfig:")).collect();
        lines.extend(HOST_CONFIG.lines().chain(QUIET.lines()));
        fs::write(self.path("cluster.yaml"), lines.join("\n") + "\n")?;
        let host = |line: &str| {
            let (name, rest) = line.strip_prefix("  ")?.split_once(": {address: ")?;
            Some((name.to_owned(), rest.split_once(',')?.0.to_owned()))
        };
        self.hosts = text.lines().filter_map(host).collect();
        Ok(())
    }

    /// A file beside cluster.yaml.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// mainstay with the part that is measured.
    pub(crate) fn mainstay(&self, file: &str, command: &str) -> Command {
        let mut mainstay = Command::new(&self.binary);
        mainstay.arg("-f").arg(self.path(file)).arg(command).env_remove("SSH_AUTH_SOCK");
        mainstay.args(PART.iter().flat_map(|part| ["--target", part]));
        mainstay
    }

    /// A command on a host, not over SSH.
    pub(crate) fn exec(&self, host: &str, command: &[&str]) -> Result<String> {
        output(self.script("exec").arg(host).args(command))
    }

    /// Options that OpenSSH needs to reach the hosts as mainstay does: strictly, with this key only, without the
    /// operator's own configuration.
    pub(crate) fn ssh_options(&self) -> Vec<String> {
        let file = |option: &str, name: &str| format!("-o{option}={}", self.path(name).display());
        let plain = ["-oBatchMode=yes", "-oIdentitiesOnly=yes", "-oStrictHostKeyChecking=yes"].map(str::to_owned);
        let mut options =
            vec!["-Fnone".to_owned(), file("IdentityFile", "id"), file("UserKnownHostsFile", "known_hosts")];
        options.extend(plain);
        options
    }

    fn script(&self, name: &str) -> Command {
        let mut script = Command::new(root().join("tests/lab").join(name));
        script.env("LAB_NAME", format!("mainstay-bench-{}", std::process::id())).env("LAB_DIR", &self.directory);
        script.env("LAB_OWNER", std::process::id().to_string());
        // What Ansible's modules need on a host.
        script.env("LAB_PACKAGES", "python3 python3-apt").env_remove("SSH_AUTH_SOCK");
        script
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = self.script("down").output();
    }
}
