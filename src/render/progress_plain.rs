//! Progress where there is no terminal: lines for a log, at most some hundred, regardless of the number of hosts.

use std::fmt::Write as _;
use std::io::Write;
use std::time::Duration;

use super::progress::{Board, Progress, clock, did, doing, first_line, seconds};
use super::style::plain;
use crate::engine::event::{Ending, Event};

/// Most lines about single resources, apart from those that failed.
const DETAILS: usize = 100;
/// In a run of at most so many resources each one has a line.
const SMALL: usize = 40;
/// In larger runs a resource has a line when it took so long.
const NOTABLE: Duration = Duration::from_secs(1);
/// How many of the longest running resources a summary names.
const NAMED: usize = 3;
/// How many summaries come at which interval, in seconds; all after them at the last one.
const INTERVALS: [(usize, u64); 3] = [(12, 10), (32, 30), (usize::MAX, 120)];

/// Writes what failed and what took long, and a summary from time to time.
#[derive(Debug)]
pub struct PlainProgress<W> {
    out: W,
    board: Board,
    details: usize,
    summaries: usize,
    last_summary: Duration,
}

impl<W: Write + Send> PlainProgress<W> {
    /// Writes to `out`.
    pub fn new(out: W) -> Self {
        Self { out, board: Board::new(), details: 0, summaries: 0, last_summary: Duration::ZERO }
    }

    fn line(&mut self, text: &str) {
        // A log that cannot be written is no reason to stop half-way.
        let _ = writeln!(self.out, "{text}");
    }

    /// A line about a single resource that did not fail.
    fn detail(&mut self, text: &str) {
        self.details += 1;
        match self.details.cmp(&DETAILS) {
            std::cmp::Ordering::Less => self.line(text),
            std::cmp::Ordering::Equal => self.line("... only failures and summaries are printed from here on"),
            std::cmp::Ordering::Greater => {}
        }
    }

    /// `37/62 done, 3 running, 1 failed [0:41]: cp4/control-plane/member for 18 s: waits until ..`
    fn summary(&self, elapsed: Duration) -> String {
        let Board { done, total, failed, .. } = self.board;
        let mut running: Vec<_> = self.board.running.iter().collect();
        running.sort_by_key(|(_, running)| running.began);
        let failures = if failed > 0 { format!(", {failed} failed") } else { String::new() };
        let mut text = format!("{done}/{total} done, {} running{failures} [{}]", running.len(), clock(elapsed));
        for (number, (address, running)) in running.iter().take(NAMED).enumerate() {
            let start = if number == 0 { ": " } else { "; " };
            let says = if running.says.is_empty() { String::new() } else { format!(": {}", running.says) };
            let (what, since) = (doing(running.action), seconds(running.began.elapsed()));
            let _ = write!(text, "{start}{what} {address} for {since}{says}");
        }
        text
    }
}

impl<W: Write + Send> Progress for PlainProgress<W> {
    fn event(&mut self, event: &Event) {
        self.board.take(event);
        match event {
            Event::Retried { address, step, text, tries } => {
                self.detail(&format!("{address}: {step} failed, try {} follows: {}", tries + 1, plain(text)));
            }
            Event::Ended { address, action, ending, took } => match ending {
                Ending::Done if self.board.total <= SMALL || *took >= NOTABLE => {
                    self.detail(&format!("{address}: {} after {}", did(*action), seconds(*took)));
                }
                Ending::Failed(failure) if !failure.is_stop() => {
                    self.line(&format!("{address}: failed after {}: {}", seconds(*took), first_line(failure)));
                }
                // The table at the end has them.
                Ending::Done | Ending::Failed(_) | Ending::Skipped { .. } | Ending::NotStarted => {}
            },
            Event::Interrupted => {
                let text = self.board.interruption();
                self.line(&text);
            }
            Event::RunStarted { total: 0 }
            | Event::Started { .. }
            | Event::StepStarted { .. }
            | Event::Waiting { .. }
            | Event::RunEnded { .. } => {}
            Event::RunStarted { total: 1 } => self.line("acting on 1 resource"),
            Event::RunStarted { total } => self.line(&format!("acting on {total} resources")),
        }
    }

    fn tick(&mut self) {
        let elapsed = self.board.began.elapsed();
        let interval = INTERVALS.iter().find(|(until, _)| self.summaries < *until).map_or(0, |(_, seconds)| *seconds);
        if elapsed >= self.last_summary + Duration::from_secs(interval) {
            (self.summaries, self.last_summary) = (self.summaries + 1, elapsed);
            let text = self.summary(elapsed);
            self.line(&text);
        }
    }

    fn end(&mut self) {
        let _ = self.out.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::event::Failure;
    use crate::resource::{Action, Address, HostName};

    fn ended(number: usize, ending: Ending, took: Duration) -> Event {
        let address = format!("w{number}/host/swap").parse().unwrap();
        Event::Ended { address, action: Action::Create, ending, took }
    }

    fn failed(step: &str) -> Ending {
        let (host, text) = (HostName::new("w1"), "exit 1".to_owned());
        Ending::Failed(Failure { host, step: step.into(), text, after: Duration::ZERO })
    }

    fn said(log: PlainProgress<Vec<u8>>) -> String {
        String::from_utf8(log.out).unwrap()
    }

    #[test]
    fn what_a_host_says_is_one_line_of_a_log() {
        let mut log = PlainProgress::new(Vec::new());
        let address: Address = "w1/host/swap".parse().unwrap();
        let text = "no\n\u{1b}[2J\u{7}\u{9b}1A".to_owned();
        log.event(&Event::Started { address: address.clone(), action: Action::Create });
        log.event(&Event::Retried { address, step: "look".into(), text, tries: 1 });
        let said = said(log);
        assert!(said.ends_with("look failed, try 2 follows: no\\n\\u{1b}[2J\\u{7}\\u{9b}1A\n"), "{said}");
    }

    #[test]
    fn each_resource_of_a_small_run_has_a_line() {
        let mut log = PlainProgress::new(Vec::new());
        log.event(&Event::RunStarted { total: 2 });
        log.event(&ended(1, Ending::Done, Duration::ZERO));
        log.event(&ended(2, Ending::Done, Duration::from_secs(12)));
        assert_eq!(
            said(log),
            "acting on 2 resources\nw1/host/swap: created after 0.0 s\nw2/host/swap: created after 12 s\n"
        );
    }

    #[test]
    fn a_log_of_5000_hosts_has_some_hundred_lines_and_every_failure() {
        let mut log = PlainProgress::new(Vec::new());
        log.event(&Event::RunStarted { total: 85_000 });
        for number in 0..85_000 {
            let address: Address = format!("w{number}/host/swap").parse().unwrap();
            log.event(&Event::Started { address, action: Action::Create });
            let ending = if number % 10_000 == 0 { failed("look") } else { Ending::Done };
            log.event(&ended(number, ending, Duration::from_millis(if number % 3 == 0 { 1500 } else { 200 })));
            if number % 100 == 0 {
                // A minute goes by.
                log.board.began = log.board.began.checked_sub(Duration::from_mins(1)).unwrap();
                log.tick();
            }
        }
        let said = said(log);
        assert_eq!(said.matches("failed after").count(), 9);
        assert!(said.lines().count() < 700, "{}", said.lines().count());
        assert_eq!(said.matches("created after").count(), DETAILS - 1);
    }

    #[test]
    fn a_second_interruption_is_one_line() {
        let mut log = PlainProgress::new(Vec::new());
        log.event(&Event::RunStarted { total: 99 });
        for number in 1..=64 {
            let address: Address = format!("w{number}/host/swap").parse().unwrap();
            log.event(&Event::Started { address, action: Action::Create });
        }
        log.event(&Event::Interrupted);
        log.event(&Event::Interrupted);
        for number in 1..=64 {
            log.event(&ended(number, failed(Failure::STOPPED), Duration::ZERO));
        }
        assert_eq!(
            said(log),
            "acting on 99 resources\n\
             interrupted: nothing new is started; running steps finish (interrupt again to stop now)\n\
             interrupted again: 64 running resources are stopped; the next run resumes them\n"
        );
    }
}
