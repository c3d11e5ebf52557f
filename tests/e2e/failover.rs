//! What a client of the API sees while the host that has the virtual IP fails.

use std::time::Duration;

use crate::checks::{backends_are_up, lead_etcd_from, one_holder};
use crate::lab::{Lab, docker, loudly, text, until};
use crate::poll::{Poll, answers};

/// Breaks or mends something on the host that is named.
type Break = fn(&Lab, &str);

/// Rounds of each failover for figures: `LAB_ROUNDS=10`.
fn rounds() -> usize {
    std::env::var("LAB_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

/// Rounds until one is within its bound. What else the machine does prolongs one; a fault prolongs all.
const TRIES: usize = 5;

/// What a client sees when the holder's haproxy dies, the holder hangs, or is cut off.
pub(crate) fn failover(lab: &Lab) {
    let rounds = rounds();
    let cases: [(&str, Duration, Break, Break); 4] = [
        (
            "haproxy stopped",
            Duration::from_millis(1500),
            |lab, host| drop(lab.sh(host, "systemctl stop haproxy")),
            |lab, host| {
                drop(lab.sh(host, "systemctl start haproxy"));
            },
        ),
        (
            "haproxy killed",
            Duration::from_millis(1500),
            // Held down, so that it is the VIP that moves and not systemd that restarts it.
            |lab, host| {
                drop(lab.sh(host, "systemctl mask --runtime haproxy >/dev/null 2>&1; pkill -9 -x haproxy || true"));
            },
            |lab, host| {
                drop(lab.sh(host, "systemctl unmask --runtime haproxy >/dev/null 2>&1; systemctl reset-failed haproxy; systemctl start haproxy"));
            },
        ),
        (
            "holder paused",
            Duration::from_secs(3),
            |lab, host| lab.docker("pause", host),
            |lab, host| lab.docker("unpause", host),
        ),
        (
            "holder cut off",
            Duration::from_secs(3),
            |lab, host| plug(lab, host, false),
            |lab, host| plug(lab, host, true),
        ),
    ];
    for (what, bound, harm, heal) in cases {
        let mut seen = Vec::new();
        let good = |(outage, misjudged): &(Duration, Vec<String>)| *outage <= bound && misjudged.is_empty();
        while seen.len() < rounds || seen.len() < TRIES && !seen.iter().any(good) {
            seen.push(round(lab, harm, heal));
        }
        let mut outages: Vec<Duration> = seen.iter().map(|(outage, _)| *outage).collect();
        outages.sort();
        let (median, worst, count) = (outages[outages.len() / 2], outages[outages.len() - 1], outages.len());
        loudly(&format!("figure: {what}: outage median {median:.1?}, worst {worst:.1?} in {count} rounds"));
        assert!(seen.iter().any(good), "{what}: no round is within {bound:?} and without misjudged servers: {seen:#?}");
    }
}

/// One harm, and what a client saw of it: the outage, and API servers that haproxy took for down although they were not.
fn round(lab: &Lab, harm: Break, heal: Break) -> (Duration, Vec<String>) {
    let holder = one_holder(lab);
    // With the holder goes etcd's leader: until there is another one, API servers are slow to say that they are ready.
    lead_etcd_from(lab, &holder);
    let began = lab.sh(&holder, "date +%s.%N");
    let client = Poll::start(lab.vip());
    std::thread::sleep(Duration::from_millis(500));
    harm(lab, &holder);
    until("the API answers for a while after the harm", 30, || {
        (0..20).all(|_| {
            std::thread::sleep(Duration::from_millis(100));
            answers(lab.vip())
        })
    });
    let outage = client.end().outage;
    heal(lab, &holder);
    until("one host has the VIP again", 60, || lab.holders(&lab.endpoint().0).len() == 1);
    // A holder that was cut off did not notice, and the other host announced the VIP in the meantime.
    until("this machine sends what is for the VIP to its holder", 1, || {
        lab.holders(&lab.endpoint().0).iter().any(|holder| neighbour(&lab.endpoint().0) == mac(lab, holder))
    });
    backends_are_up(lab);
    (outage, misjudged(lab, began.trim(), &holder))
}

/// The hardware address that this machine knows for an address of the lab.
fn neighbour(address: &str) -> String {
    let output = std::process::Command::new("ip").args(["-4", "neigh", "show", address]).output().unwrap();
    let known = String::from_utf8(output.stdout).unwrap();
    known.split_once(" lladdr ").map_or("", |(_, rest)| rest.split(' ').next().unwrap()).to_owned()
}

fn mac(lab: &Lab, host: &str) -> String {
    lab.sh(host, "cat /sys/class/net/eth0/address").trim().to_owned()
}

/// No haproxy but the harmed host's own may take all API servers for down, which cuts every connection through it. Unless
/// those on the other hosts said themselves, and time and again, that they were not ready: then etcd could not work here.
fn misjudged(lab: &Lab, since: &str, harmed: &str) -> Vec<String> {
    let mut misjudged = Vec::new();
    for host in lab.hosts.iter().filter(|host| host.starts_with("cp") && *host != harmed) {
        let told = lab.sh(host, &format!("journalctl --no-pager -o cat -u haproxy --since @{since}"));
        if !told.lines().any(|line| line.contains("has no server available")) {
            continue;
        }
        let harmed_one = format!("/{harmed} is DOWN");
        let down = told.lines().filter(|line| line.contains(" is DOWN, reason: ") && !line.contains(&harmed_one));
        let before = misjudged.len();
        misjudged
            .extend(down.filter(|line| !line.contains("wrong status, code: 500")).map(|it| format!("{host}: {it}")));
        if misjudged.len() == before {
            loudly(&format!("figure: no API server was ready for haproxy on {host} for some seconds"));
        }
    }
    misjudged
}

/// Pulls a host's network cable at the switch, or plugs it in again. The host notices nothing.
fn plug(lab: &Lab, host: &str, in_again: bool) {
    let index = lab.sh(host, "cat /sys/class/net/eth0/iflink");
    let port = std::fs::read_dir("/sys/class/net")
        .unwrap()
        .flatten()
        .find(|port| std::fs::read_to_string(port.path().join("ifindex")).is_ok_and(|it| it == index));
    let port = port.expect("the host's port is on this machine").file_name().into_string().unwrap();
    let id = docker(&["network", "inspect", &lab.name, "--format", "{{.Id}}"]);
    let bridge = format!("br-{}", &String::from_utf8(id.stdout).unwrap()[..12]);
    let how = if in_again { vec!["master", &bridge] } else { vec!["nomaster"] };
    let output = std::process::Command::new("ip").args(["link", "set", "dev", &port]).args(how).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
}
