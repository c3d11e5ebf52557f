//! haproxy.cfg: one TCP frontend for the API, every control plane behind it.
//!
//! Only directives that haproxy 1.8 (RHEL 8) knows, too.

use std::fmt;
use std::net::Ipv4Addr;
use std::time::Duration;

use crate::config::{Haproxy, HaproxyTimeouts, HealthCheck};

/// haproxy.cfg. The same on every load balancer, so it holds nothing of the host it lies on.
#[derive(Debug)]
pub(in crate::stack) struct HaproxyCfg<'a> {
    /// What cluster.yaml says about haproxy.
    pub(in crate::stack) haproxy: &'a Haproxy,
    /// Port that clients use.
    pub(in crate::stack) port: u16,
    /// Path of the socket for statistics and administration.
    pub(in crate::stack) stats_socket: &'a str,
    /// The API servers; names are unique.
    pub(in crate::stack) backends: Vec<Backend<'a>>,
}

/// One API server.
#[derive(Debug)]
pub(in crate::stack) struct Backend<'a> {
    /// The host's name; haproxy refuses two servers of one name.
    pub(in crate::stack) name: &'a str,
    /// The host's own address, never the virtual IP.
    pub(in crate::stack) address: Ipv4Addr,
    /// Port of its API server.
    pub(in crate::stack) port: u16,
}

impl fmt::Display for HaproxyCfg<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "# Written by mainstay; changes are overwritten.")?;
        self.global(f)?;
        self.defaults(f)?;
        self.frontend(f)?;
        self.backend(f)?;
        self.stats(f)
    }
}

impl HaproxyCfg<'_> {
    fn global(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Haproxy { maxconn, extra, .. } = self.haproxy;
        section(
            f,
            "global",
            [
                "log /dev/log local0".to_owned(),
                "user haproxy".to_owned(),
                "group haproxy".to_owned(),
                format!("stats socket {} mode 660 level admin", self.stats_socket),
                format!("maxconn {maxconn}"),
                // Old workers drain watches, which last for hours; without an end they pile up.
                "hard-stop-after 30m".to_owned(),
            ],
            &extra.global,
        )
    }

    fn defaults(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Haproxy { maxconn, timeouts, extra, .. } = self.haproxy;
        let HaproxyTimeouts { connect, client, server, queue, check } = *timeouts;
        section(
            f,
            "defaults",
            [
                "mode tcp".to_owned(),
                "log global".to_owned(),
                "option tcplog".to_owned(),
                "option dontlognull".to_owned(),
                "option clitcpka".to_owned(),
                "option srvtcpka".to_owned(),
                // Every retry goes to another API server: with `connect`, the most that one costs.
                "option redispatch 1".to_owned(),
                "retries 3".to_owned(),
                format!("maxconn {maxconn}"),
                format!("timeout queue {}", Time(queue)),
                format!("timeout connect {}", Time(connect)),
                format!("timeout check {}", Time(check)),
                format!("timeout client {}", Time(client)),
                format!("timeout server {}", Time(server)),
            ],
            &extra.defaults,
        )
    }

    fn frontend(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bind = match self.haproxy.bind {
            Some(address) => format!("bind {address}:{}", self.port),
            None => format!("bind *:{}", self.port),
        };
        section(
            f,
            "frontend kube-apiserver",
            [bind, "default_backend kube-apiserver".to_owned()],
            &self.haproxy.extra.frontend,
        )
    }

    fn backend(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let HealthCheck { path, interval, fast_interval, fall, rise } = &self.haproxy.health_check;
        let (inter, fast) = (Time(*interval), Time(*fast_interval));
        let mut lines = vec![
            "balance roundrobin".to_owned(),
            format!("option httpchk GET {path}"),
            "http-check expect status 200".to_owned(),
            // Failed connections of clients count, too (`observe`), and make checks come faster;
            // sessions of a server that goes down end at once instead of hanging until TCP gives up.
            format!(
                "default-server inter {inter} fastinter {fast} downinter {inter} fall {fall} rise {rise} \
                 observe layer4 on-error fastinter on-marked-down shutdown-sessions"
            ),
        ];
        lines.extend(self.backends.iter().map(|Backend { name, address, port }| {
            format!("server {name} {address}:{port} check check-ssl verify none")
        }));
        section(f, "backend kube-apiserver", lines, &self.haproxy.extra.backend)
    }

    fn stats(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(stats) = self.haproxy.stats else { return Ok(()) };
        section(
            f,
            "listen stats",
            [
                "mode http".to_owned(),
                "option httplog".to_owned(),
                format!("bind {}:{}", stats.bind, stats.port),
                "stats enable".to_owned(),
                "stats uri /".to_owned(),
            ],
            &[],
        )
    }
}

fn section(
    f: &mut fmt::Formatter<'_>,
    title: &str,
    lines: impl IntoIterator<Item = String>,
    extra: &[String],
) -> fmt::Result {
    writeln!(f, "\n{title}")?;
    for line in lines {
        writeln!(f, "    {line}")?;
    }
    extra.iter().try_for_each(|line| writeln!(f, "    {line}"))
}

/// A time as haproxy reads it: the largest unit that is exact.
struct Time(Duration);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0.as_millis();
        let (value, unit) = match ms {
            _ if ms == 0 => (0, "ms"),
            _ if ms.is_multiple_of(3_600_000) => (ms / 3_600_000, "h"),
            _ if ms.is_multiple_of(60_000) => (ms / 60_000, "m"),
            _ if ms.is_multiple_of(1000) => (ms / 1000, "s"),
            _ => (ms, "ms"),
        };
        write!(f, "{value}{unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{HaproxyExtra, HaproxyStats};
    use crate::stack::fixture::haproxy;

    fn render(haproxy: &Haproxy) -> String {
        let backend = |name, last| Backend { name, address: Ipv4Addr::new(10, 0, 0, last), port: 6443 };
        let backends = vec![backend("cp1", 11), backend("cp2", 12), backend("cp3", 13)];
        HaproxyCfg { haproxy, port: 8443, stats_socket: "/run/haproxy/admin.sock", backends }.to_string()
    }

    #[test]
    fn the_default() {
        insta::assert_snapshot!(render(&haproxy()));
    }

    #[test]
    fn everything_set() {
        let line = |text: &str| vec![text.to_owned()];
        let full = Haproxy {
            bind: Some(Ipv4Addr::new(10, 0, 0, 100)),
            stats: Some(HaproxyStats { bind: Ipv4Addr::LOCALHOST, port: 9000 }),
            extra: HaproxyExtra {
                global: line("nbthread 2"),
                defaults: line("option logasap"),
                frontend: line("tcp-request inspect-delay 5s"),
                backend: line("fullconn 1000"),
            },
            ..haproxy()
        };
        insta::assert_snapshot!(render(&full));
    }

    #[test]
    fn it_ends_with_a_newline_for_haproxy_refuses_a_file_without() {
        assert!(render(&haproxy()).ends_with("verify none\n"));
    }

    #[test]
    fn times_keep_their_value() {
        let shown = |ms| Time(Duration::from_millis(ms)).to_string();
        assert_eq!([0, 250, 1500, 2000, 90_000, 14_400_000].map(shown), ["0ms", "250ms", "1500ms", "2s", "90s", "4h"]);
    }
}
