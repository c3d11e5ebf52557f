//! What every host is asked before anything else: the base facts.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddrV4};

use serde::{Deserialize, Serialize};

use super::output::{Output, ProbeError};

/// The script behind [`HostFacts`]; one `key value` line a fact, read-only, no value enters.
pub const FACTS: &str = include_str!("host_facts.sh");

/// The error of [`HostFacts::parse`].
pub type HostFactsError = ProbeError;

/// A network interface's IPv4 address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interface {
    /// Name of the interface.
    pub name: String,
    /// One of its addresses.
    pub address: Ipv4Addr,
    /// Length of the network prefix, in bits.
    pub prefix: u8,
}

/// A process that accepts TCP connections.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    /// As `ss` prints it: an address, `*` for all of them, `[::]` for all of IPv6.
    pub address: String,
    /// Its port.
    pub port: u16,
    /// Name of the process.
    pub process: String,
    /// Number of the process.
    pub pid: u32,
}

impl Listener {
    /// Reads `ADDRESS:PORT users:(("PROCESS",pid=N,..`; nothing where another version of `ss` writes something else.
    fn parse(text: &str) -> Option<Self> {
        let (at, users) = text.split_once(' ')?;
        let (address, port) = at.rsplit_once(':')?;
        let (process, rest) = users.strip_prefix("users:((\"")?.split_once("\",pid=")?;
        let pid = rest.split_once(',')?.0.parse().ok()?;
        Some(Self { address: address.to_owned(), port: port.parse().ok()?, process: process.to_owned(), pid })
    }

    /// Whether nothing else can listen there meanwhile.
    pub fn takes(&self, place: SocketAddrV4) -> bool {
        let address = self.address.split('%').next().unwrap_or_default();
        let address = address.trim_start_matches("[::ffff:").trim_end_matches(']');
        let same = |own: Ipv4Addr| own.is_unspecified() || place.ip().is_unspecified() || own == *place.ip();
        self.port == place.port() && (address == "*" || address.parse().is_ok_and(same))
    }
}

/// Base facts of a host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HostFacts {
    /// `hostname`.
    pub hostname: String,
    /// `ID` of /etc/os-release, for example `debian`.
    pub os: String,
    /// `VERSION_ID` of /etc/os-release.
    pub os_version: String,
    /// `uname -r`.
    pub kernel: String,
    /// `uname -m`.
    pub architecture: String,
    /// `apt`, `dnf` or empty.
    pub package_manager: String,
    /// Processors online.
    pub cpus: u32,
    /// Memory in KiB.
    pub memory_kib: u64,
    /// 1 or 2.
    pub cgroup_version: u8,
    /// Whether `SELinux` keeps haproxy from connecting to ports that are not the web's: it enforces, and its boolean
    /// `haproxy_connect_any` is off.
    pub haproxy_confined: bool,
    /// Whether systemd runs the host.
    pub systemd: bool,
    /// User id that the script ran as; 0 is needed to change anything.
    pub uid: u32,
    /// The host's clock, seconds since 1970.
    pub epoch: u64,
    /// IPv4 addresses by interface.
    pub interfaces: Vec<Interface>,
    /// What listens on TCP, as far as the host says whose it is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub listeners: Vec<Listener>,
}

impl HostFacts {
    /// Reads the script's answer; a missing or unexpected line is an error.
    pub fn parse(output: &Output) -> Result<Self, HostFactsError> {
        if !output.success() {
            return Err(ProbeError::failed(output));
        }
        let mut facts = Self::default();
        let mut seen = BTreeSet::new();
        for line in output.stdout.lines() {
            let (key, value) = line.split_once(' ').unwrap_or((line, ""));
            let unexpected = || ProbeError::unexpected(format!("fact line `{line}`"));
            if !matches!(key, "interface" | "listener") && !seen.insert(key) {
                return Err(unexpected());
            }
            match key {
                "hostname" => value.clone_into(&mut facts.hostname),
                "os" => value.clone_into(&mut facts.os),
                "os_version" => value.clone_into(&mut facts.os_version),
                "kernel" => value.clone_into(&mut facts.kernel),
                "architecture" => value.clone_into(&mut facts.architecture),
                "package_manager" => value.clone_into(&mut facts.package_manager),
                "cpus" => facts.cpus = value.parse().map_err(|_| unexpected())?,
                "memory_kib" => facts.memory_kib = value.parse().map_err(|_| unexpected())?,
                "cgroup_version" => facts.cgroup_version = value.parse().map_err(|_| unexpected())?,
                "haproxy_confined" => facts.haproxy_confined = yes(value).ok_or_else(unexpected)?,
                "systemd" => facts.systemd = yes(value).ok_or_else(unexpected)?,
                "uid" => facts.uid = value.parse().map_err(|_| unexpected())?,
                "epoch" => facts.epoch = value.parse().map_err(|_| unexpected())?,
                "interface" => {
                    let (name, cidr) = value.split_once(' ').ok_or_else(unexpected)?;
                    let (address, prefix) = cidr.split_once('/').unwrap_or((cidr, "32"));
                    let prefix = prefix.parse().ok().filter(|prefix| *prefix <= 32).ok_or_else(unexpected)?;
                    let address = address.parse().map_err(|_| unexpected())?;
                    facts.interfaces.push(Interface { name: name.to_owned(), address, prefix });
                }
                "listener" => facts.listeners.extend(Listener::parse(value)),
                _ => return Err(unexpected()),
            }
        }
        if seen.len() == 13 {
            Ok(facts)
        } else {
            Err(ProbeError::unexpected(format!("{} of 13 host facts", seen.len())))
        }
    }

    /// The interface that carries this address.
    pub fn interface_of(&self, address: Ipv4Addr) -> Option<&Interface> {
        self.interfaces.iter().find(|interface| interface.address == address)
    }
}

fn yes(value: &str) -> Option<bool> {
    match value {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEBIAN: &str = "hostname cp1\nos debian\nos_version 12\nkernel 6.1.0-18-amd64\narchitecture x86_64\n\
        package_manager apt\ncpus 2\nmemory_kib 4030000\ncgroup_version 2\nhaproxy_confined no\nsystemd yes\nuid 0\nepoch 1763640000\n\
        interface lo 127.0.0.1/8\ninterface eth0 10.0.0.11/24\n";

    fn parse(text: &str) -> Result<HostFacts, ProbeError> {
        HostFacts::parse(&Output { status: 0, stdout: text.into(), stderr: String::new() })
    }

    #[test]
    fn reads_a_debian_host() {
        let facts = parse(DEBIAN).unwrap();
        assert_eq!(facts.interface_of("10.0.0.11".parse().unwrap()).unwrap().name, "eth0");
        assert_eq!((facts.cpus, facts.cgroup_version, facts.systemd), (2, 2, true));
    }

    #[test]
    fn reads_who_listens_where() {
        let text = format!(
            "{DEBIAN}listener 0.0.0.0:8443 users:((\"socat\",pid=812,fd=5))\nlistener *:22 users:((\"sshd\",pid=1,fd=3),\
             (\"sshd\",pid=2,fd=3))\nlistener 127.0.0.1%lo:53 users:((\"a b\",pid=7,fd=1))\nlistener [::]:80 what\n"
        );
        let listeners = parse(&text).unwrap().listeners;
        let shown: Vec<String> = listeners.iter().map(|it| format!("{} {} {}", it.process, it.pid, it.port)).collect();
        assert_eq!(shown, ["socat 812 8443", "sshd 1 22", "a b 7 53"]);
        let takes = |n: usize, place: &str| listeners[n].takes(place.parse().unwrap());
        assert!(takes(0, "0.0.0.0:8443") && takes(0, "10.0.0.100:8443") && !takes(0, "0.0.0.0:8444"));
        assert!(takes(1, "10.0.0.1:22") && takes(2, "0.0.0.0:53") && !takes(2, "10.0.0.1:53"));
        let mapped = Listener { address: "[::ffff:10.0.0.1]".into(), ..listeners[0].clone() };
        assert!(mapped.takes("10.0.0.1:8443".parse().unwrap()) && !mapped.takes("10.0.0.2:8443".parse().unwrap()));
        assert!(!Listener { address: "[::]".into(), ..mapped }.takes("0.0.0.0:8443".parse().unwrap()));
    }

    #[test]
    fn garbage_is_an_error_not_a_default() {
        let twelve_of_one = "cpus 2\n".repeat(12);
        for text in [
            "",
            "hostname cp1\n",
            &twelve_of_one,
            &DEBIAN.replace("cpus 2", "cpus two"),
            &DEBIAN.replace("systemd yes", "systemd maybe"),
            &DEBIAN.replace("haproxy_confined no\n", ""),
            &format!("{DEBIAN}what 1\n"),
            &format!("{DEBIAN}uid 1000\n"),
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_script_runs_here() {
        let output = std::process::Command::new("sh").arg("-c").arg(format!("set -eu\n{FACTS}")).output().unwrap();
        parse(&String::from_utf8(output.stdout).unwrap()).unwrap();
    }
}
