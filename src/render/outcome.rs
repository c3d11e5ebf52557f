//! The result of a run as text: failed, skipped and not started resources, and the summary.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::progress::seconds;
use super::style::plain;
use crate::engine::Outcome;
use crate::engine::event::{Ending, Failure};
use crate::plan::Mode;
use crate::resource::{Action, Address};

/// How many addresses of a list are shown before `... N more`.
const SHOWN: usize = 8;

/// The table of failed, skipped and not started resources; empty when there are none.
pub fn outcome_table(outcome: &Outcome) -> String {
    let mut text = String::new();
    let mut skipped: BTreeMap<&Address, Vec<&Address>> = BTreeMap::new();
    let (mut not_started, mut stopped) = (Vec::new(), Vec::new());
    // What failed alike at once, as everything on a host that does not answer, is told once.
    let mut failed: Vec<(Vec<&Address>, &Failure)> = Vec::new();
    for (address, _, ending) in &outcome.endings {
        match ending {
            Ending::Failed(failure) if failure.is_stop() => stopped.push(address),
            Ending::Failed(failure) => {
                match failed.last_mut().filter(|(_, last)| *last == failure && failure.after.is_zero()) {
                    Some((addresses, _)) => addresses.push(address),
                    None => failed.push((vec![address], failure)),
                }
            }
            Ending::Skipped { because } => skipped.entry(because).or_default().push(address),
            Ending::NotStarted => not_started.push(address),
            Ending::Done => {}
        }
    }
    if !failed.is_empty() {
        text.push_str("Failed\n");
    }
    for (addresses, failure) in failed {
        let after = if failure.after.is_zero() { String::new() } else { format!(" after {}", seconds(failure.after)) };
        let own = addresses.iter().all(|address| address.host() == &failure.host);
        let on = if own { String::new() } else { format!(" on {}", failure.host) };
        let _ = writeln!(text, "  {}    {}{on}{after}", list(&addresses), plain(&failure.step));
        for line in failure.text.lines() {
            let _ = writeln!(text, "      {}", plain(line));
        }
    }
    if !stopped.is_empty() {
        let _ = writeln!(text, "Interrupted; the next run resumes\n  {}", list(&stopped));
    }
    for (because, addresses) in skipped {
        let _ = writeln!(text, "Skipped because of {because}\n  {}", list(&addresses));
    }
    if !not_started.is_empty() {
        let _ = writeln!(text, "Not started\n  {}", list(&not_started));
    }
    text
}

fn list(addresses: &[&Address]) -> String {
    let shown: Vec<String> = addresses.iter().take(SHOWN).map(ToString::to_string).collect();
    let more = addresses.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!(", ... {more} more") } else { String::new() };
    format!("{}{more}", shown.join(",\n  "))
}

/// The summary line that scripts may rely on, word for word.
pub fn outcome_summary(outcome: &Outcome, mode: Mode) -> String {
    let done = outcome.count(|ending| *ending == Ending::Done);
    let failed = outcome.count(|ending| matches!(ending, Ending::Failed(_)));
    let left = outcome.endings.len() - done - failed;
    let verb = if mode == Mode::Destroy { "Destroy" } else { "Apply" };
    if !outcome.complete() {
        return format!("{verb} incomplete. Resources: {done} done, {failed} failed, {left} skipped.");
    }
    let forgotten = if outcome.forgotten > 0 { format!(", {} forgotten", outcome.forgotten) } else { String::new() };
    if mode == Mode::Destroy {
        return format!("Destroy complete! Resources: {} destroyed{forgotten}.", outcome.done(Action::Destroy));
    }
    let verb = if mode == Mode::Refresh { "recorded" } else { "adopted" };
    let adopted = if outcome.adopted > 0 { format!(", {} {verb}", outcome.adopted) } else { String::new() };
    format!(
        "Apply complete! Resources: {} added, {} changed, {} destroyed{adopted}{forgotten}.",
        outcome.done(Action::Create),
        outcome.done(Action::Update),
        outcome.done(Action::Destroy),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::HostName;
    use std::time::Duration;

    fn outcome(endings: &[(&str, Action, Ending)]) -> Outcome {
        let endings = endings.iter().map(|(a, action, e)| (a.parse().unwrap(), *action, e.clone())).collect();
        Outcome { endings, ..Outcome::default() }
    }

    #[test]
    fn the_summary_is_word_for_word() {
        let done = outcome(&[
            ("a/b/c", Action::Create, Ending::Done),
            ("a/b/d", Action::Update, Ending::Done),
            ("a/b/e", Action::Replace, Ending::Done),
        ]);
        assert_eq!(outcome_summary(&done, Mode::Apply), "Apply complete! Resources: 2 added, 1 changed, 1 destroyed.");
        let done = outcome(&[("a/b/c", Action::Destroy, Ending::Done)]);
        assert_eq!(outcome_summary(&done, Mode::Destroy), "Destroy complete! Resources: 1 destroyed.");
        let done = Outcome { forgotten: 23, ..done };
        assert_eq!(outcome_summary(&done, Mode::Destroy), "Destroy complete! Resources: 1 destroyed, 23 forgotten.");
    }

    #[test]
    fn what_failed_and_what_it_held_up_is_told() {
        let failure = Failure {
            host: HostName::new("cp4"),
            step: "kubeadm join".into(),
            text: "exit 1\n[ERROR Port-6443]: Port 6443 is in use".into(),
            after: Duration::from_secs(41),
        };
        let because: Address = "cp4/control-plane/member".parse().unwrap();
        let run = outcome(&[
            ("cp4/control-plane/member", Action::Create, Ending::Failed(failure)),
            ("cp4/kubernetes/service[kubelet]", Action::Create, Ending::Skipped { because }),
            ("w1/worker/member", Action::Create, Ending::NotStarted),
            ("cp1/host/swap", Action::Create, Ending::Done),
        ]);
        insta::assert_snapshot!(outcome_table(&run) + &outcome_summary(&run, Mode::Apply), @r"
        Failed
          cp4/control-plane/member    kubeadm join after 41 s
              exit 1
              [ERROR Port-6443]: Port 6443 is in use
        Skipped because of cp4/control-plane/member
          cp4/kubernetes/service[kubelet]
        Not started
          w1/worker/member
        Apply incomplete. Resources: 1 done, 1 failed, 2 skipped.
        ");
    }

    #[test]
    fn what_a_host_says_cannot_drive_the_terminal() {
        let text = "exit 1\n\u{1b}[2Jall is well\u{7}\u{9b}1A".to_owned();
        let failure = Failure { host: HostName::new("w1"), step: "look".into(), text, after: Duration::ZERO };
        let table = outcome_table(&outcome(&[("w1/host/swap", Action::Create, Ending::Failed(failure))]));
        assert!(table.contains("      exit 1\n      \\u{1b}[2Jall is well\\u{7}\\u{9b}1A\n"), "{table}");
    }

    #[test]
    fn what_failed_alike_is_told_once() {
        let silent = || {
            let text = "w1 (10.0.0.21:22): cannot connect: no route to host".to_owned();
            Ending::Failed(Failure { host: HostName::new("w1"), step: "look".into(), text, after: Duration::ZERO })
        };
        let run = outcome(&[("w1/host/swap", Action::NoOp, silent()), ("w1/worker/member", Action::NoOp, silent())]);
        insta::assert_snapshot!(outcome_table(&run), @r"
        Failed
          w1/host/swap,
          w1/worker/member    look
              w1 (10.0.0.21:22): cannot connect: no route to host
        ");
    }
}
