//! The load balancers before the API servers: who holds the virtual address, and whether it answers.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use serde_json::Value;

use super::Model;
use crate::resource::{Address, HostName, Observation};

const KEEPALIVED_CONF: &str = "/etc/keepalived/keepalived.conf";
const HAPROXY_CFG: &str = "/etc/haproxy/haproxy.cfg";

/// haproxy and keepalived of a host.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::fleet) struct Balancer {
    /// haproxy runs.
    haproxy: bool,
    /// haproxy.cfg as it lies on the host.
    haproxy_cfg: Option<Value>,
    /// The configuration that haproxy read when it was started or reloaded.
    read: Option<Value>,
    /// keepalived runs.
    keepalived: bool,
    /// keepalived.conf as it lies on the host.
    conf: Option<Value>,
    /// The one that keepalived read when it was started or told to read again.
    loaded: Option<Value>,
    speaks: Option<Vrrp>,
}

/// What a host says and hears of the virtual address.
#[derive(Clone, Debug, Default, PartialEq)]
struct Vrrp {
    /// Nothing where the file cannot be read: then it stands for any.
    address: Option<Ipv4Addr>,
    router: Option<u32>,
    priority: u8,
    own: Option<Ipv4Addr>,
    /// The only ones that it speaks to; all when there is no list.
    peers: Option<BTreeSet<Ipv4Addr>>,
}

impl Vrrp {
    fn read(conf: &Value) -> Self {
        let text = conf.get("content").or_else(|| conf.get("masked")).and_then(Value::as_str).unwrap_or_default();
        let mut vrrp = Self::default();
        let mut block = "";
        for line in text.lines().map(str::trim) {
            let mut words = line.split_whitespace();
            let (name, value) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
            match (block, name) {
                (_, "}") => block = "",
                ("unicast_peer", peer) => vrrp.peers.get_or_insert_default().extend(peer.parse::<Ipv4Addr>().ok()),
                ("virtual_ipaddress", address) => {
                    let address = address.split('/').next().unwrap_or_default();
                    vrrp.address = vrrp.address.or(address.parse().ok());
                }
                (_, "unicast_peer") => {
                    vrrp.peers.get_or_insert_default();
                    block = "unicast_peer";
                }
                (_, "virtual_ipaddress") => block = "virtual_ipaddress",
                (_, "virtual_router_id") => vrrp.router = value.parse().ok(),
                (_, "priority") => vrrp.priority = value.parse().unwrap_or_default(),
                (_, "unicast_src_ip") => vrrp.own = value.parse().ok(),
                _ => {}
            }
        }
        vrrp
    }

    fn is_for(&self, address: Ipv4Addr) -> bool {
        self.address.is_none_or(|own| own == address)
    }

    /// Whether this one stays back for the other: it hears it, and that one goes before it. With equal priorities the
    /// higher address does.
    fn yields_to(&self, other: &Self) -> bool {
        let same = self.router == other.router || self.router.is_none() || other.router.is_none();
        let heard = match (&other.peers, self.own) {
            (Some(peers), Some(own)) => peers.contains(&own),
            _ => true,
        };
        same && heard && (other.priority, other.own) > (self.priority, self.own)
    }
}

impl Balancer {
    /// Whether keepalived would let the address stay here: its check asks whether haproxy listens.
    fn healthy(&self) -> bool {
        self.keepalived && self.haproxy && self.haproxy_cfg.is_some() && self.speaks.is_some()
    }

    fn load(&mut self, conf: Option<Value>) {
        self.speaks = conf.as_ref().map(Vrrp::read);
        self.loaded = conf;
    }

    /// What keepalived goes by, where that is not what lies on the host.
    pub(in crate::fleet) fn outdated(&self) -> Option<Observation> {
        let differs = self.keepalived && self.loaded != self.conf;
        differs.then(|| self.loaded.clone().map_or(Observation::Absent, Observation::Present))
    }

    /// What haproxy goes by, where that is not what lies on the host.
    pub(in crate::fleet) fn unread(&self) -> Option<Observation> {
        let differs = self.haproxy && self.read != self.haproxy_cfg;
        differs.then(|| self.read.clone().map_or(Observation::Absent, Observation::Present))
    }

    /// haproxy goes by this.
    pub(in crate::fleet) fn has_read(&mut self, cfg: &Observation) {
        self.read = cfg.present().cloned();
    }

    /// The API servers to which haproxy sends clients.
    fn backends(&self) -> BTreeSet<Ipv4Addr> {
        let cfg = self.read.as_ref().filter(|_| self.haproxy);
        let text = cfg.and_then(|cfg| cfg.get("content")).and_then(Value::as_str).unwrap_or_default();
        let server = |line: &str| {
            line.trim().strip_prefix("server ")?.split_whitespace().nth(1)?.split(':').next()?.parse().ok()
        };
        text.lines().filter_map(server).collect()
    }

    /// keepalived goes by this.
    pub(in crate::fleet) fn goes_by(&mut self, conf: &Observation) {
        self.load(conf.present().cloned());
    }
}

impl Model {
    pub(super) fn notice_balancer(&mut self, address: &Address, is: Option<&Value>) {
        let key = address.key().unwrap_or_default();
        let service = address.kind() == "service";
        if !matches!((service, key), (true, "haproxy" | "keepalived") | (false, KEEPALIVED_CONF | HAPROXY_CFG)) {
            return;
        }
        let balancer = self.balancers.entry(address.host().clone()).or_default();
        let runs = is.is_some_and(|is| is["state"] == "active");
        match key {
            "haproxy" => {
                balancer.haproxy = runs;
                balancer.read = balancer.haproxy_cfg.clone().filter(|_| runs);
            }
            "keepalived" => {
                balancer.keepalived = runs;
                // Starting and reloading both read it; what runs is only ever told so by one of the two.
                let conf = balancer.conf.clone().filter(|_| runs);
                balancer.load(conf);
            }
            HAPROXY_CFG => balancer.haproxy_cfg = is.cloned(),
            _ => balancer.conf = is.cloned(),
        }
    }

    /// The API servers to which each haproxy that runs sends clients.
    pub(in crate::fleet) fn backends(
        &self,
        down: &BTreeSet<HostName>,
    ) -> impl Iterator<Item = (&HostName, BTreeSet<Ipv4Addr>)> {
        let up = self.balancers.iter().filter(|(host, _)| !down.contains(*host));
        up.map(|(host, balancer)| (host, balancer.backends()))
    }

    /// The hosts that hold each virtual address, as far as they are not down.
    pub(in crate::fleet) fn holders(&self, down: &BTreeSet<HostName>) -> BTreeMap<Ipv4Addr, BTreeSet<HostName>> {
        let addresses = self.balancers.values().filter_map(|it| it.speaks.as_ref()?.address);
        let addresses: BTreeSet<Ipv4Addr> = addresses.collect();
        addresses.into_iter().map(|address| (address, self.holders_of(address, down))).collect()
    }

    pub(in crate::fleet) fn holders_of(&self, address: Ipv4Addr, down: &BTreeSet<HostName>) -> BTreeSet<HostName> {
        let healthy = self.balancers.iter().filter(|(host, it)| it.healthy() && !down.contains(*host));
        let speaking: Vec<(&HostName, &Vrrp)> = healthy
            .filter_map(|(host, it)| Some((host, it.speaks.as_ref()?)))
            .filter(|(_, vrrp)| vrrp.is_for(address))
            .collect();
        let holds = |(host, vrrp): &&(&HostName, &Vrrp)| {
            let unknown = vrrp.address.is_none();
            !speaking.iter().any(|(other, it)| {
                // Of two of which nothing is known the first one holds it.
                vrrp.yields_to(it) || (unknown && it.own == vrrp.own && other < host)
            })
        };
        speaking.iter().filter(holds).map(|(host, _)| (*host).clone()).collect()
    }

    /// Whether a connection to the virtual address is accepted; one that nobody here was made to hold always does.
    pub(in crate::fleet) fn endpoint_answers(&self, address: Option<Ipv4Addr>, down: &BTreeSet<HostName>) -> bool {
        address.is_none_or(|address| !self.holders_of(address, down).is_empty())
    }
}
