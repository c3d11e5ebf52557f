//! keepalived.conf.
//!
//! Unicast, every instance starts as BACKUP. The two sound designs are told apart by the weight
//! alone: 0 with `nopreempt` (a failing check is a fault and the address leaves), or negative with
//! preemption (a failing check lowers the priority below all others).

use std::fmt::{self, Write};
use std::net::Ipv4Addr;
use std::time::Duration;

use crate::config::{Keepalived, VrrpVersion};
use crate::kinds::Content;
use crate::resource::Secret;

/// Seconds between two announcements (gratuitous ARP) of the virtual IP by its holder.
const ANNOUNCED_EVERY: u32 = 10;

/// keepalived.conf of one host.
#[derive(Debug)]
pub(in crate::stack) struct KeepalivedConf<'a> {
    /// What cluster.yaml says about keepalived.
    pub(in crate::stack) keepalived: &'a Keepalived,
    /// The host's name.
    pub(in crate::stack) router_id: &'a str,
    /// Interface for VRRP and the virtual IP.
    pub(in crate::stack) interface: &'a str,
    /// VRRP priority, distinct among the hosts.
    pub(in crate::stack) priority: u8,
    /// The host's own address.
    pub(in crate::stack) own: Ipv4Addr,
    /// The other load balancers' addresses, in the order of cluster.yaml.
    pub(in crate::stack) peers: Vec<Ipv4Addr>,
    /// The virtual IP.
    pub(in crate::stack) vip: Ipv4Addr,
    /// Its prefix length, that of the network it lies in.
    pub(in crate::stack) prefix: u8,
    /// Absolute path of the check script.
    pub(in crate::stack) check_script: &'a str,
    /// Absolute path of a file that holds 1 while haproxy is down, where keepalived can watch one.
    pub(in crate::stack) down_file: Option<&'a str>,
}

impl KeepalivedConf<'_> {
    /// The file, with the password as a secret in it.
    pub(in crate::stack) fn content(&self, password: Option<&Secret>) -> Content {
        let (mut before, mut after) = (String::new(), String::new());
        self.write(&mut before, &mut after).expect("writing to a string does not fail");
        let content = Content::builder().text(before);
        let content = match password {
            Some(password) => content
                .text("    authentication {\n        auth_type PASS\n        auth_pass ")
                .secret(password.clone())
                .text("\n    }\n"),
            None => content,
        };
        content.text(after).build()
    }

    /// What comes before and after the place of the password.
    fn write(&self, before: &mut String, after: &mut String) -> fmt::Result {
        writeln!(before, "# Written by mainstay; changes are overwritten.")?;
        self.global(before)?;
        self.check(before)?;
        self.speaking(before)?;
        self.holding(after)
    }

    fn global(&self, f: &mut impl Write) -> fmt::Result {
        let version = match self.keepalived.vrrp_version() {
            VrrpVersion::V2 => 2,
            VrrpVersion::V3 => 3,
        };
        writeln!(f, "global_defs {{")?;
        writeln!(f, "    router_id {}", self.router_id)?;
        writeln!(f, "    script_user root")?;
        writeln!(f, "    enable_script_security")?;
        writeln!(f, "    vrrp_version {version}")?;
        // Advertisements must not be late because the host is busy: late ones move the address.
        writeln!(f, "    vrrp_priority -20")?;
        // A holder that was cut off never lost the address, so keepalived would not announce it again, and clients would
        // keep sending to the other host. That host's last advertisement makes the holder announce it.
        writeln!(f, "    vrrp_higher_prio_send_advert true")?;
        // Routers and switches that missed an announcement keep the old entry for hours.
        writeln!(f, "    vrrp_garp_master_refresh {ANNOUNCED_EVERY}")?;
        writeln!(f, "}}\n")
    }

    fn check(&self, f: &mut impl Write) -> fmt::Result {
        if let Some(down_file) = self.down_file {
            writeln!(f, "track_file haproxy_down {{")?;
            writeln!(f, "    file \"{down_file}\"")?;
            writeln!(f, "    weight {}", self.keepalived.weight)?;
            // Until somebody says otherwise haproxy is not down; the script checks it anyway. A 1 may be left from
            // before, and a haproxy that runs and is only reloaded would never take it back.
            writeln!(f, "    init_file 0 overwrite")?;
            writeln!(f, "}}\n")?;
        }
        let check = &self.keepalived.check;
        let interval = check.interval.as_secs().max(1);
        writeln!(f, "vrrp_script haproxy {{")?;
        writeln!(f, "    script \"{}\"", self.check_script)?;
        writeln!(f, "    interval {interval}")?;
        // A slow answer is no failure: a busy host must not lose the address for it.
        writeln!(f, "    timeout {}", interval + 1)?;
        writeln!(f, "    fall {}", check.fall)?;
        writeln!(f, "    rise {}", check.rise)?;
        writeln!(f, "    weight {}", self.keepalived.weight)?;
        writeln!(f, "}}\n")
    }

    fn speaking(&self, f: &mut impl Write) -> fmt::Result {
        writeln!(f, "vrrp_instance kube_apiserver {{")?;
        writeln!(f, "    state BACKUP")?;
        if !self.keepalived.preempt {
            writeln!(f, "    nopreempt")?;
        }
        writeln!(f, "    interface {}", self.interface)?;
        writeln!(f, "    virtual_router_id {}", self.keepalived.virtual_router_id)?;
        writeln!(f, "    priority {}", self.priority)?;
        writeln!(f, "    advert_int {}", Seconds(self.keepalived.advert_interval))?;
        // Without peers keepalived refuses all that says unicast: a lone host speaks to nobody.
        if self.peers.is_empty() {
            return Ok(());
        }
        writeln!(f, "    unicast_src_ip {}", self.own)?;
        writeln!(f, "    unicast_peer {{")?;
        for peer in &self.peers {
            writeln!(f, "        {peer}")?;
        }
        writeln!(f, "    }}")
    }

    fn holding(&self, f: &mut impl Write) -> fmt::Result {
        writeln!(f, "    virtual_ipaddress {{")?;
        writeln!(f, "        {}/{} dev {}", self.vip, self.prefix, self.interface)?;
        writeln!(f, "    }}")?;
        if self.down_file.is_some() {
            writeln!(f, "    track_file {{")?;
            writeln!(f, "        haproxy_down")?;
            writeln!(f, "    }}")?;
        }
        writeln!(f, "    track_script {{")?;
        writeln!(f, "        haproxy")?;
        writeln!(f, "    }}")?;
        writeln!(f, "}}")
    }
}

/// Seconds as keepalived reads them: `1`, `0.25`.
struct Seconds(Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, ms) = (self.0.as_secs(), self.0.subsec_millis());
        match ms {
            0 => write!(f, "{whole}"),
            _ => f.write_str(format!("{whole}.{ms:03}").trim_end_matches('0')),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::SecretRef;
    use crate::stack::fixture::keepalived;

    fn conf(keepalived: &Keepalived, peers: Vec<Ipv4Addr>) -> KeepalivedConf<'_> {
        KeepalivedConf {
            keepalived,
            router_id: "cp1",
            interface: "eth0",
            priority: 100,
            own: Ipv4Addr::new(10, 0, 0, 11),
            peers,
            vip: Ipv4Addr::new(10, 0, 0, 100),
            prefix: 24,
            check_script: "/etc/keepalived/check_haproxy.sh",
            down_file: Some("/run/haproxy-down"),
        }
    }

    fn render(keepalived: &Keepalived, password: Option<&Secret>) -> Content {
        let peers = vec![Ipv4Addr::new(10, 0, 0, 12), Ipv4Addr::new(10, 0, 0, 13)];
        conf(keepalived, peers).content(password)
    }

    #[test]
    fn a_lone_host_says_nothing_of_unicast() {
        let keepalived = keepalived();
        let alone = conf(&keepalived, Vec::new()).content(None).masked();
        assert!(!alone.contains("unicast"), "{alone}");
    }

    #[test]
    fn without_a_file_to_watch_the_script_alone_decides() {
        let keepalived = keepalived();
        let conf = KeepalivedConf { down_file: None, ..conf(&keepalived, Vec::new()) };
        assert!(!conf.content(None).masked().contains("track_file"));
    }

    #[test]
    fn without_preemption() {
        insta::assert_snapshot!(render(&keepalived(), None).masked());
    }

    #[test]
    fn with_preemption_and_a_password() {
        let preempt = Keepalived {
            preempt: true,
            weight: -50,
            advert_interval: Duration::from_secs(1),
            auth_password: Some(SecretRef::Env("VRRP".into())),
            ..keepalived()
        };
        insta::assert_snapshot!(render(&preempt, Some(&Secret::new("a1b2c3d4"))).masked());
    }
}
