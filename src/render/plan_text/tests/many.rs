//! Plans of a thousand hosts, and terminals of any width.

use proptest::prelude::*;

use super::*;
use crate::render::fixture::{HOSTS, address, stopped, thousand, updated};

/// The text at 80 columns, which must be short and fit.
#[track_caller]
fn short(plan: &Plan) -> String {
    let text = shown(plan, 80, false, false);
    assert!(text.lines().count() < 40, "{} lines\n{text}", text.lines().count());
    assert!(text.lines().all(|line| columns(line) <= 80), "{text}");
    assert!(!text.contains('\0'), "{text}");
    text
}

#[test]
fn a_thousand_hosts_that_change_alike() {
    let sysctl = |host| updated(&format!("w{host}/host/sysctl[net.ipv4.ip_forward]"), "live value", "0", "1");
    let service = |host| {
        let cause = format!("w{host}/host/sysctl[net.ipv4.ip_forward]").parse().unwrap();
        change(&format!("w{host}/host/service[x]"), Action::Update, vec![Reason::Reacts { to: cause }])
    };
    insta::assert_snapshot!(short(&thousand(&[&sysctl, &service])));
}

#[test]
fn a_thousand_hosts_that_change_alike_but_for_addresses() {
    let file = |host: usize| {
        let before = format!("global\n  id {host}\n  bind 10.0.{}.{}\n", host / 250, host % 250);
        let mut change =
            updated(&format!("w{host}/haproxy/file[/etc/x]"), "content", &before, &(before.clone() + "end\n"));
        change.fields[0].shown = Shown::Text;
        change
    };
    let own = |host: usize| {
        let before = format!("bind 10.0.{}.{}\n", host / 250, host % 250);
        let mut change =
            updated(&format!("w{host}/haproxy/file[/etc/y]"), "content", &before, &before.replace("10.", "11."));
        change.fields[0].shown = Shown::Text;
        change
    };
    let range = |host: usize| {
        let range = format!("10.{}.{}.0/24", host / 250, host % 250);
        let pending = Reason::Pending { source: format!("/hosts/w{host}") };
        Change { reasons: vec![pending], ..updated(&format!("w{host}/haproxy/node"), "pod range", &range, "none") }
    };
    let route = |host: usize| new(&format!("w{host}/haproxy/route[10.{}.{}.0/24]", host / 250, host % 250));
    let mut all = thousand(&[&file, &own, &range, &route]);
    all.changes.push(change("w1/host/fine", Action::NoOp, vec![]));
    insta::assert_snapshot!(short(&all));
}

#[test]
fn a_thousand_hosts_that_are_made_or_taken_away() {
    let sysctl = |host| new(&format!("w{host}/host/sysctl[net.ipv4.ip_forward]"));
    let join = |host| new(&format!("w{host}/worker/member"));
    insta::assert_snapshot!(short(&thousand(&[&sysctl, &join])));
    let gone = |name: String| change(&name, Action::Destroy, vec![Reason::Removed]);
    let sysctl = |host| gone(format!("w{host}/host/sysctl[net.ipv4.ip_forward]"));
    let reset = |host| {
        let warning = Some(format!("kubeadm reset on w{host}: its pods and their local data go"));
        Change { warning, ..gone(format!("w{host}/worker/member")) }
    };
    insta::assert_snapshot!(short(&thousand(&[&sysctl, &reset])));
    let mut few = thousand(&[&reset]);
    few.changes.truncate(10);
    let text = shown(&few, 80, false, false);
    assert_eq!(text.matches("! kubeadm reset on w").count(), 10, "few are told one by one: {text}");
}

#[test]
fn a_thousand_hosts_that_are_unknown_refused_or_blocked() {
    let silent = |host| {
        let text = format!("w{host} (10.0.0.{host}:22): cannot connect: no route to host");
        stopped(&format!("w{host}/host/swap"), Problem::Unknown { text })
    };
    let blocked = |host| {
        let by = format!("w{host}/host/swap").parse().unwrap();
        stopped(&format!("cluster/network/node[w{host}]"), Problem::Blocked { by })
    };
    let refused = |host| {
        let text = "guards.preventDestroy `w*` keeps it; remove the guard first".into();
        stopped(&format!("w{host}/host/sysctl[a]"), Problem::Refused { text })
    };
    let mut all = thousand(&[&silent, &blocked, &refused]);
    all.warnings.extend(
        (1..=HOSTS)
            .map(|host| Warning::danger("forgotten", format!("w{host} does not answer: 2 resources are forgotten"))),
    );
    all.warnings.push(Warning::notice("here", "look here".into()));
    insta::assert_snapshot!(short(&all));
}

/// What is in `full` although it could be grouped: everything.
#[test]
fn in_full_every_address_and_every_value_is_there() {
    let range = |host: usize| updated(&format!("w{host}/host/node"), "pod range", &format!("10.0.{host}.0/24"), "none");
    let silent = |host| stopped(&format!("w{host}/host/swap"), Problem::Unknown { text: "silent".into() });
    let text = shown(&thousand(&[&range, &silent]), 80, true, false);
    for host in 1..=HOSTS {
        assert!(text.contains(&format!("\nw{host} · host\n  ~ node ")), "{host}");
        assert!(text.contains(&format!("pod range  10.0.{host}.0/24 → none\n")), "{host}");
        assert!(text.contains(&format!("\n      w{host}/host/swap\n")), "{host}");
    }
}

fn any_change() -> impl Strategy<Value = Change> {
    let action = prop::sample::select(vec![
        Action::Create,
        Action::Update,
        Action::Replace,
        Action::Destroy,
        Action::Adopt,
        Action::Forget,
        Action::NoOp,
    ]);
    let reason = prop::sample::select(vec![
        Reason::New,
        Reason::Drift,
        Reason::Pending { source: "/hosts".into() },
        Reason::Removed,
        Reason::Reacts { to: address("w1/host/sysctl[net.ipv4.ip_forward]") },
    ]);
    let words = "[a-z]{1,12}( [a-z0-9]{1,12}){0,12}";
    (1..40_usize, "[a-c]{1,3}", "[a-z_]{1,12}", "[a-z/.0-9]{0,30}", action, reason, words, words, 0..6_u8).prop_map(
        |(host, component, kind, key, action, reason, before, after, extra)| {
            let key = if key.is_empty() { String::new() } else { format!("[{key}]") };
            let mut change = change(&format!("w{host}/{component}/{kind}{key}"), action, vec![reason]);
            match extra {
                0 => change.warning = Some(after),
                1 => change.problem = Some(Problem::Refused { text: after }),
                2 => change.problem = Some(Problem::Unknown { text: format!("w{host} (10.0.0.1): {after}") }),
                3 => change.problem = Some(Problem::Blocked { by: address("w1/host/swap") }),
                _ if action == Action::Update => change.fields.extend(FieldChange::compare("field", before, after)),
                _ => {}
            }
            if change.problem.is_some() {
                change.action = Action::NoOp;
            }
            change
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn any_plan_fits_any_width_and_names_everything(
        changes in prop::collection::vec(any_change(), 0..40),
        width in 40..200_usize,
    ) {
        let plan = plan(changes);
        for full in [false, true] {
            let text = shown(&plan, width, full, false);
            let summary = plan_summary(&plan);
            for line in text.lines().filter(|line| *line != summary && columns(line) > width) {
                // One word, after a symbol or a sign of a diff; or a value, which is never broken.
                let content = line.trim_start().trim_start_matches(['+', '-', '~', '±', '=', '.', ' ']);
                prop_assert!(!content.contains(' ') || line.starts_with("      - ") || line.starts_with("      + "),
                    "{} columns of {width}: {line}", columns(line));
            }
            for change in plan.changes.iter().filter(|it| full && (it.problem.is_some() || it.action != Action::NoOp)) {
                let address = &change.address;
                prop_assert!(text.contains(address.host().as_str()) && text.contains(address.component()), "{text}");
                prop_assert!(text.contains(address.short()), "{address}\n{text}");
            }
            prop_assert_eq!(text, shown(&plan, width, full, false));
        }
    }
}
