//! haproxy. The defaults are the ones that were measured: a dead or hanging API server is found
//! within about three seconds, an election of etcd of a round or two takes none down, idle watches live for hours.

use super::endpoint::NODE_PORTS;
use super::values::{NO_ADDRESS, duration, one_line};
use crate::config::faults::{Fault, Faults};
use crate::config::file::{self, ClusterFile};
use crate::config::quote::quoted;
use crate::config::{
    Cluster, Endpoint, Haproxy, HaproxyExtra, HaproxyStats, HaproxyTimeouts, HealthCheck, Host, pointer,
};
use std::net::Ipv4Addr;
use std::time::Duration;

const AT: &str = "/loadBalancer/haproxy";

/// haproxy counts milliseconds in 31 bits.
const LONGEST: Duration = Duration::from_hours(576);

/// The shortest idle time that client-go's pings, every 30 s, keep alive.
const PINGED: Duration = Duration::from_secs(35);

/// First words that would end the section or override it.
const SECTIONS: &[&str] = &[
    "global",
    "defaults",
    "frontend",
    "backend",
    "listen",
    "userlist",
    "peers",
    "resolvers",
    "mailers",
    "cache",
    "program",
    "http-errors",
    "ring",
    "fcgi-app",
];
const OWNED: &[&str] = &["mode", "bind", "server", "default-server", "default_backend", "use_backend", "http-check"];
const OWNED_OPTIONS: &[&str] = &["httpchk", "ssl-hello-chk", "tcp-check", "redispatch"];

pub(super) fn check(
    written: Option<&file::Haproxy>,
    cluster: &ClusterFile,
    endpoint: &Endpoint,
    balancers: &[&Host],
    faults: &mut Faults<'_>,
) -> Haproxy {
    let empty = file::Haproxy::default();
    let written = written.unwrap_or(&empty);
    Haproxy {
        bind: bind(written.bind.as_deref(), cluster, endpoint, faults),
        maxconn: written.maxconn.unwrap_or(4000),
        timeouts: timeouts(written.timeouts.as_ref(), faults),
        health_check: health_check(written.health_check.as_ref(), faults),
        stats: written.stats.as_ref().map(|stats| self::stats(stats, endpoint, balancers, faults)),
        extra: extra(written.extra.as_ref(), faults),
    }
}

fn bind(
    written: Option<&str>,
    cluster: &ClusterFile,
    endpoint: &Endpoint,
    faults: &mut Faults<'_>,
) -> Option<Ipv4Addr> {
    let at = format!("{AT}/bind");
    let text = written?;
    let address = text.parse::<Ipv4Addr>();
    match address {
        Ok(address) if address.is_unspecified() => None,
        Ok(address) if endpoint.vip == Some(address) => {
            let name = "net.ipv4.ip_nonlocal_bind";
            let sysctls = cluster.host_config.as_ref().and_then(|h| h.sysctls.as_ref());
            if sysctls.and_then(|s| s.get(name)).is_none_or(|value| value.0 != "1") {
                faults.error(
                    Fault::at(at, "haproxy cannot bind the virtual IP on hosts that do not hold it")
                        .because("only one host holds it at a time")
                        .help(format!("add `hostConfig: {{sysctls: {{{name}: 1}}}}`"))
                        .help("or remove `bind` to listen on every address"),
                );
            }
            Some(address)
        }
        _ => {
            if endpoint.vip != Some(NO_ADDRESS) || address.is_err() {
                let message = format!("haproxy cannot listen on {} on every load balancer", quoted(text));
                faults.broken(Fault::at(at, message).help("use `0.0.0.0`, or the virtual IP"));
            }
            None
        }
    }
}

fn timeouts(written: Option<&file::HaproxyTimeouts>, faults: &mut Faults<'_>) -> HaproxyTimeouts {
    let empty = file::HaproxyTimeouts::default();
    let written = written.unwrap_or(&empty);
    let mut one = |text: &Option<String>, default: Duration, key: &str| {
        let at = format!("{AT}/timeouts/{key}");
        let value = duration(text.as_deref(), default, Duration::from_millis(1)..=LONGEST, &at, faults);
        if matches!(key, "client" | "server") && value < PINGED {
            faults.warn(
                Fault::at(at, format!("a {key} timeout below 35s closes idle connections"))
                    .because("`kubectl exec` and watches send a ping only every 30 s")
                    .help("use `35s` or more; `4h` also works for old clients"),
            );
        }
        value
    };
    let (millis, secs) = (Duration::from_millis, Duration::from_secs);
    HaproxyTimeouts {
        connect: one(&written.connect, millis(500), "connect"),
        client: one(&written.client, secs(4 * 3600), "client"),
        server: one(&written.server, secs(4 * 3600), "server"),
        queue: one(&written.queue, secs(20), "queue"),
        check: one(&written.check, secs(3), "check"),
    }
}

fn health_check(written: Option<&file::HaproxyCheck>, faults: &mut Faults<'_>) -> HealthCheck {
    let empty = file::HaproxyCheck::default();
    let written = written.unwrap_or(&empty);
    let at = |key: &str| format!("{AT}/healthCheck/{key}");
    let path = written.path.clone().unwrap_or_else(|| "/readyz".to_owned());
    let allowed = |c: u8| c.is_ascii_alphanumeric() || b"._~/?=&%-".contains(&c);
    if !path.starts_with('/') || !path.bytes().all(allowed) {
        let message = format!("{} is not an HTTP request path", quoted(&path));
        faults.broken(Fault::at(at("path"), message).help("for example `/readyz` or `/livez`"));
    }
    let bounds = Duration::from_millis(10)..=Duration::from_mins(1);
    let mut one = |text: &Option<String>, default: u64, key: &str| {
        let default = Duration::from_millis(default);
        duration(text.as_deref(), default, bounds.clone(), &at(key), faults)
    };
    let interval = one(&written.interval, 1000, "interval");
    let fast_interval = one(&written.fast_interval, 250, "fastInterval").min(match &written.fast_interval {
        Some(_) => Duration::MAX,
        None => interval,
    });
    if fast_interval > interval {
        faults.error(
            Fault::at(at("fastInterval"), "`fastInterval` is longer than `interval`")
                .also(at("interval"), "the normal interval")
                .help("use a shorter interval; `fastInterval` applies while a server changes state"),
        );
    }
    HealthCheck { path, interval, fast_interval, fall: written.fall.unwrap_or(3), rise: written.rise.unwrap_or(2) }
}

fn stats(
    written: &file::HaproxyStats,
    endpoint: &Endpoint,
    balancers: &[&Host],
    faults: &mut Faults<'_>,
) -> HaproxyStats {
    let at_bind = format!("{AT}/stats/bind");
    let bind = match written.bind.as_deref().map(str::parse) {
        None => Ipv4Addr::LOCALHOST,
        Some(Ok(address)) => address,
        Some(Err(_)) => {
            let message = format!("{} is not an IPv4 address", quoted(written.bind.as_deref().unwrap_or_default()));
            faults.broken(Fault::at(&at_bind, message).help("use `127.0.0.1`, or `0.0.0.0` for every address"));
            Ipv4Addr::LOCALHOST
        }
    };
    if !faults.is_broken(&at_bind) && !bind.is_loopback() && !bind.is_unspecified() {
        let message = format!("{} is the only address that every load balancer has", quoted("127.0.0.1"));
        faults.error(Fault::at(&at_bind, message).help("use `127.0.0.1`, or `0.0.0.0` for every address"));
    }
    let port = written.port.unwrap_or(8404);
    let ssh = balancers.iter().any(|host| host.ssh.port.unwrap_or(22) == port);
    let on_nodes = balancers.iter().any(|host| host.is_node());
    let taken = match port {
        port if port == endpoint.port => Some("haproxy itself, for the API"),
        Cluster::API_PORT => Some("the API server"),
        _ if ssh => Some("the SSH server"),
        port => NODE_PORTS.iter().find(|(taken, _)| *taken == port && on_nodes).map(|(_, whose)| *whose),
    };
    if let Some(whose) = taken {
        let place = format!("{AT}/stats/port");
        faults.error(
            Fault::at(place, format!("port {port} is used by {whose}")).help("use another port, for example 8404"),
        );
    }
    HaproxyStats { bind, port }
}

fn extra(written: Option<&file::HaproxyExtra>, faults: &mut Faults<'_>) -> HaproxyExtra {
    let mut lines = |list: Option<&Vec<String>>, section: &str| {
        let list = list.cloned().unwrap_or_default();
        for (number, line) in list.iter().enumerate() {
            let at = pointer(["loadBalancer", "haproxy", "extra", section, &number.to_string()]);
            if one_line("line", line, &at, faults) {
                undone(line, &at, faults);
            }
        }
        list
    };
    let Some(written) = written else {
        return HaproxyExtra::default();
    };
    HaproxyExtra {
        global: lines(written.global.as_ref(), "global"),
        defaults: lines(written.defaults.as_ref(), "defaults"),
        frontend: lines(written.frontend.as_ref(), "frontend"),
        backend: lines(written.backend.as_ref(), "backend"),
    }
}

/// Lines that would take effect elsewhere than where they are written.
fn undone(line: &str, at: &str, faults: &mut Faults<'_>) {
    let mut words = line.split_whitespace();
    let (first, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    if SECTIONS.contains(&first) {
        faults.error(
            Fault::at(at, format!("{} starts another section of haproxy.cfg", quoted(first)))
                .help("add only directives of this section"),
        );
    } else if OWNED.contains(&first) || (first == "option" && OWNED_OPTIONS.contains(&second)) {
        let directive = if first == "option" { format!("option {second}") } else { first.to_owned() };
        faults.error(
            Fault::at(at, format!("mainstay writes the directive {} itself", quoted(&directive)))
                .because("a second one would silently override the first")
                .help("remove it; use `haproxy.healthCheck` and `hosts` instead"),
        );
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn sections_and_owned_directives_do_not_meet() {
        assert!(super::SECTIONS.iter().all(|word| !super::OWNED.contains(word)));
    }
}
