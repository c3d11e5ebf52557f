use std::fs;
use std::path::Path;

use super::*;
use crate::kinds::rehearsal::{Rehearsal, stand_in};

fn net(text: &str) -> Ipv4Net {
    text.parse().unwrap()
}

/// Nodes by the third number of their ranges; node 3 is at 10.0.0.13.
fn nodes(numbers: &[u8]) -> BTreeMap<Ipv4Net, Ipv4Addr> {
    numbers.iter().map(|n| (net(&format!("10.244.{n}.0/24")), Ipv4Addr::new(10, 0, 0, 10 + n))).collect()
}

/// The routes of node 0 to these others.
fn routes(numbers: &[u8], before: &[u8]) -> PodRoutes {
    let table = Arc::new(PodTable::new(nodes(numbers), &nodes(before)));
    PodRoutes::new(net("10.244.0.0/16"), net("10.244.0.0/24"), &table)
}

/// Keeps the routes of a host in a file, a line each, as ip(8) prints them.
const IP: &str = r#"#!/bin/sh
T=DIR/live
one() {
    act=$2 to=$3; shift 3
    case $act in
    replace)
        # The gateway is this host.
        case "$*" in 'via 10.0.0.10 '*) echo 'Nexthop has invalid gateway' >&2; return 2 ;; esac
        { grep -v "^$to " $T || :; echo "$to $1 $2 dev eth0 $3 $4 "; } >$T.new; mv $T.new $T
        # There must never be none.
        echo "$to" >>DIR/log ;;
    del)
        is="^$to .*$(echo "$*" | sed 's/ proto / .*proto /') "
        grep -q "$is" $T || { echo 'No such process' >&2; return 2; }
        { grep -v "$is" $T || :; } >$T.new; mv $T.new $T
        echo "del $to" >>DIR/log ;;
    esac
}
shift
case $1 in
-details) sed 's/^/unicast /' $T ;;
route)
    if [ -n "${6:-}" ]; then sed -n "s/ proto $6 / /p" $T; else cat $T; fi ;;
-force)
    status=0
    while read -r line; do
        line=${line%%#*}
        [ -z "$line" ] || one $line || { status=1; echo "Command failed -:1" >&2; }
    done
    exit $status ;;
*) exit 9 ;;
esac
"#;

/// A host that has these routes.
fn host(live: &str) -> (tempfile::TempDir, Rehearsal) {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    fs::create_dir(at("bin")).unwrap();
    fs::write(at("live"), live).unwrap();
    fs::write(at("log"), "").unwrap();
    stand_in(at("bin/ip"), &IP.replace("DIR", dir.path().to_str().unwrap()));
    // The owner is the user who runs the tests.
    stand_in(at("bin/chown"), "#!/bin/sh\n");
    let rehearsal = Rehearsal::default().with("FILE", at("etc/pod-routes")).with("MADE", at("made"));
    let rehearsal = rehearsal.with("UNIT", at("unit")).path(&at("bin"));
    (dir, rehearsal)
}

fn live(dir: &Path) -> Vec<String> {
    let text = fs::read_to_string(dir.join("live")).unwrap();
    let mut lines: Vec<String> = text.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.sort();
    lines
}

fn installed(others: &[u8]) -> Vec<String> {
    others.iter().map(|n| format!("10.244.{n}.0/24 via 10.0.0.{} dev eth0 proto 77", 10 + n)).collect()
}

#[test]
fn they_come_and_go_and_the_routes_of_others_stay() {
    let others = "default via 10.0.0.1 dev eth0 \n10.244.0.0/24 dev cni0 proto kernel \n10.9.0.0/16 via 10.0.0.9 dev eth0 proto static \n";
    let (dir, rehearsal) = host(others);
    let wanted = routes(&[0, 1, 2], &[]);
    let (prior, seen) = rehearsal.live(&wanted);
    assert_eq!((prior.before, seen.clone()), (Observation::Absent, wanted.simulate()));
    assert_eq!((seen.routes, seen.nodes, seen.range.as_str()), (2, 3, "10.244.0.0/24"));
    let mut sorted: Vec<String> = others.lines().map(|line| line.trim_end().to_owned()).collect();
    sorted.sort();
    assert_eq!(live(dir.path()), sorted);
    assert!(!dir.path().join("etc").exists() && !dir.path().join("made").exists(), "its directory goes, too");
}

#[test]
fn a_node_more_and_a_node_less_leave_no_moment_without_routes() {
    let (dir, rehearsal) = host("");
    let apply = |wanted: &PodRoutes| {
        let seen = rehearsal.look(wanted).unwrap();
        rehearsal.run(wanted, &wanted.apply(Act::Update, &seen)).unwrap();
        assert_eq!(rehearsal.look(wanted).unwrap(), Observation::Present(wanted.simulate()));
        std::mem::take(&mut fs::read_to_string(dir.path().join("log")).unwrap())
    };
    apply(&routes(&[0, 1, 2], &[]));
    apply(&routes(&[0, 1, 2, 3], &[0, 1, 2]));
    assert_eq!(live(dir.path()), installed(&[1, 2, 3]));
    fs::write(dir.path().join("log"), "").unwrap();
    let log = apply(&routes(&[0, 2, 3], &[0, 1, 2, 3]));
    assert_eq!(live(dir.path()), installed(&[2, 3]));
    assert_eq!(log, "10.244.2.0/24\n10.244.3.0/24\ndel 10.244.1.0/24\n", "what is surplus goes last");
}

#[test]
fn a_look_tells_what_is_not_as_it_was_applied() {
    let (dir, rehearsal) = host("");
    let wanted = routes(&[0, 1, 2], &[]);
    rehearsal.run(&wanted, &wanted.apply(Act::Create, &Observation::Absent)).unwrap();
    let file = dir.path().join("etc/pod-routes");
    let text = fs::read_to_string(&file).unwrap();
    assert_eq!(wanted.files()[0].1, text);
    let now = |live: &str, table: &str| {
        fs::write(dir.path().join("live"), live).unwrap();
        fs::write(&file, table).unwrap();
        let seen = rehearsal.look(&wanted).unwrap();
        let fields = wanted.diff(seen.present().unwrap());
        fields.iter().map(|it| format!("{}: {} → {}", it.field, it.before, it.after)).collect::<Vec<_>>().join("; ")
    };
    let line = |n: u8, proto: u8| format!("10.244.{n}.0/24 via 10.0.0.{} dev eth0 proto {proto} \n", 10 + n);
    let both = line(1, 77) + &line(2, 77);
    assert_eq!(now(&both, &text), "");
    assert_eq!(now(&line(1, 77), &text), "routes: 1 → 2");
    assert_eq!(now("", &text), "routes: 0 → 2");
    assert_eq!(now(&(line(1, 77) + &line(2, 4)), &text), "routes: 1 → 2");
    assert_eq!(now(&(both.clone() + &line(3, 77)), &text), "routes: 3 → 2");
    let elsewhere = "10.244.2.0/24 via 10.0.0.99 dev eth0 proto 77 \n";
    assert_eq!(now(&(line(1, 77) + elsewhere), &text), "routes: 2 → 2 (to the right ranges)");
    assert_eq!(now(&both, &text.replace("10.0.0.12", "10.0.0.99")), "nodes: 3 → 3 (other ranges or addresses)");
    let cut = text.split_inclusive('\n').take(2).collect::<String>();
    assert_eq!(
        now(&both, &cut),
        "range of this node:  → 10.244.0.0/24; nodes: 1 → 3; routes: 2 → 2 (to the right ranges)"
    );
    // All of it is put right.
    let seen = rehearsal.look(&wanted).unwrap();
    rehearsal.run(&wanted, &wanted.apply(Act::Update, &seen)).unwrap();
    assert_eq!(live(dir.path()), installed(&[1, 2]));
}

#[test]
fn routes_of_others_to_pod_ranges_stop_it_before_anything_is_done() {
    let wanted = routes(&[0, 1, 2], &[]);
    for (other, named) in [
        ("10.244.1.0/24 via 10.0.0.99 dev eth0 proto dhcp \n", "10.244.1.0/24 via 10.0.0.99"),
        ("10.244.2.0/24 dev flannel.1 proto kernel \n", "10.244.2.0/24:"),
    ] {
        let (dir, rehearsal) = host(other);
        let failed = rehearsal.run(&wanted, &wanted.apply(Act::Create, &Observation::Absent)).unwrap_err();
        assert!(failed.stderr.contains(named), "{failed:?}");
        assert!(!dir.path().join("etc").exists());
        assert_eq!(fs::read_to_string(dir.path().join("live")).unwrap(), other);
    }
}

/// Applies the routes to nodes 1 and 2 and destroys them; yields what was installed in between.
fn come_and_go(dir: &Path, rehearsal: &Rehearsal) -> Vec<String> {
    let wanted = routes(&[0, 1, 2], &[]);
    rehearsal.run(&wanted, &wanted.apply(Act::Create, &Observation::Absent)).unwrap();
    let between = live(dir);
    let prior = Prior { before: Observation::Absent, kept: BTreeMap::new() };
    rehearsal.run(&wanted, &wanted.destroy(&prior)).unwrap();
    assert_eq!(rehearsal.look(&wanted).unwrap(), Observation::Absent);
    assert!(!dir.join("etc").exists());
    between
}

#[test]
fn routes_of_others_with_the_right_next_hop_come_back() {
    let by_hand = "10.244.1.0/24 via 10.0.0.11 dev eth0 proto static \n";
    let (dir, rehearsal) = host(by_hand);
    assert_eq!(come_and_go(dir.path(), &rehearsal), installed(&[1, 2]));
    assert_eq!(live(dir.path()), [by_hand.trim_end()]);
}

#[test]
fn those_of_an_earlier_version_become_ours_in_place() {
    let line = |n: u8| format!("10.244.{n}.0/24 via 10.0.0.{} dev eth0 proto static \n", 10 + n);
    let (dir, rehearsal) = host(&(line(1) + &line(2)));
    let unit = [1, 2]
        .map(|n| format!("ExecStart=/sbin/ip route replace 10.244.{n}.0/24 via 10.0.0.{} proto static\n", 10 + n));
    fs::write(dir.path().join("unit"), unit.concat()).unwrap();
    assert_eq!(come_and_go(dir.path(), &rehearsal), installed(&[1, 2]));
    let log = fs::read_to_string(dir.path().join("log")).unwrap();
    assert_eq!(log, "10.244.1.0/24\n10.244.2.0/24\ndel 10.244.1.0/24\ndel 10.244.2.0/24\n");
    assert!(live(dir.path()).is_empty(), "they were mainstay's, and are not put back");
    let wanted = routes(&[0, 1, 2], &[]);
    let supersedes = |kind: &str, key: &str| Kind::supersedes(&wanted, kind, Some(key));
    assert!(supersedes("route", "10.244.2.0/24") && supersedes("route", "10.244.0.0/24"));
    assert!(!supersedes("route", "10.244.3.0/24"), "its node is gone: it is deleted as it was made");
    assert!(!supersedes("file", "10.244.2.0/24") && !supersedes("route", "x"));
}

#[test]
fn news_are_named_where_the_host_has_the_table_that_they_are_of() {
    let after = |numbers: &[u8], before: &[u8], has: &[u8]| {
        let fields = routes(numbers, before).diff(&routes(has, &[]).simulate());
        fields.iter().map(|it| format!("{}: {} → {}", it.field, it.before, it.after)).collect::<Vec<_>>()
    };
    assert_eq!(after(&[0, 1, 2], &[0, 1], &[0, 1]), ["nodes: 2 → 3 (adds 10.244.2.0/24 via 10.0.0.12)"]);
    assert_eq!(after(&[0, 1, 2], &[0, 1], &[0]), ["nodes: 1 → 3"]);
    assert_eq!(
        after(&[0, 2, 3, 4, 5, 6], &[0, 1], &[0, 1]),
        ["nodes: 2 → 6 (adds 10.244.2.0/24 via 10.0.0.12, 10.244.3.0/24 via 10.0.0.13, 10.244.4.0/24 via 10.0.0.14 \
             and 2 more; deletes 10.244.1.0/24 via 10.0.0.11)"]
    );
    assert!(after(&[0, 1], &[], &[0, 1]).is_empty());
}

#[test]
fn what_is_declared_of_a_node_does_not_grow_with_the_others() {
    let size = |nodes: u32| {
        let all = (0..nodes).map(|n| (Ipv4Net::new(Ipv4Addr::from(n << 8), 24).unwrap(), Ipv4Addr::from(n))).collect();
        let table = Arc::new(PodTable::new(all, &BTreeMap::new()));
        let node = PodRoutes::new(net("10.0.0.0/8"), net("10.0.0.0/24"), &table);
        let json = |it: serde_json::Result<String>| it.unwrap().replace(&nodes.to_string(), "N").len();
        (json(serde_json::to_string(&node)), json(serde_json::to_string(&Kind::simulate(&node))))
    };
    let sha256 = |nodes: &[u8]| routes(nodes, &[]).apply(Act::Create, &Observation::Absent);
    assert!(format!("{:?}", sha256(&[0, 1])) != format!("{:?}", sha256(&[0, 2])));
    assert!(size(20_000).0 <= size(20).0 + 8 && size(20_000).1 <= size(20).1 + 8);
}

#[test]
fn read_back_from_a_record_it_can_be_destroyed() {
    let record: PodRoutes = serde_json::from_value(serde_json::to_value(routes(&[0, 1], &[])).unwrap()).unwrap();
    assert_eq!(record, routes(&[0, 1], &[]));
    assert!(record.apply(Act::Create, &Observation::Absent).is_empty());
    let (dir, rehearsal) = host("10.9.0.0/16 via 10.0.0.9 dev eth0 proto static \n");
    rehearsal.run(&routes(&[0, 1], &[]), &routes(&[0, 1], &[]).apply(Act::Create, &Observation::Absent)).unwrap();
    let prior = Prior { before: Observation::Absent, kept: BTreeMap::new() };
    rehearsal.run(&record, &record.destroy(&prior)).unwrap();
    assert_eq!(live(dir.path()), ["10.9.0.0/16 via 10.0.0.9 dev eth0 proto static"]);
    assert_eq!(rehearsal.look(&record).unwrap(), Observation::Absent);
}

#[test]
fn garbage_is_an_error() {
    let digest = "0".repeat(64);
    for text in [
        "",
        "absent",
        "yes\n",
        &format!("10.244.0.0/24 1 {digest} 1\n"),
        &format!("10.244.0.0/24 one {digest} 1 {digest}\n"),
        &format!("10.244.0.0 1 {digest} 1 {digest}\n"),
        &format!("10.244.0.0/24 1 {digest} 1 -\n"),
        &format!("10.244.0.0/24 1 {digest} 1 {digest}\nmore\n"),
    ] {
        let output = Output { status: 0, stdout: text.into(), stderr: String::new() };
        assert!(routes(&[0], &[]).parse(&output).is_err(), "{text:?}");
    }
    let output = Output { status: 1, stdout: "absent\n".into(), stderr: String::new() };
    assert!(routes(&[0], &[]).parse(&output).is_err());
}
