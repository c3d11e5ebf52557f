//! Progress where there is no terminal: one line a happening, for logs.

use std::io::Write;

use super::progress::{Board, Progress, STILL, clock, did, doing, first_line, seconds};
use super::style::plain;
use crate::engine::event::{Ending, Event};

/// Writes one line for each thing that starts and ends.
#[derive(Debug)]
pub struct PlainProgress<W> {
    out: W,
    board: Board,
}

impl<W: Write + Send> PlainProgress<W> {
    /// Writes to `out`.
    pub fn new(out: W) -> Self {
        Self { out, board: Board::new() }
    }

    fn line(&mut self, text: &str) {
        // A log that cannot be written is no reason to stop half-way.
        let _ = writeln!(self.out, "{text}");
    }
}

impl<W: Write + Send> Progress for PlainProgress<W> {
    fn event(&mut self, event: &Event) {
        self.board.take(event);
        match event {
            Event::Started { address, action } => self.line(&format!("{address}: {}", doing(*action))),
            Event::Retried { address, step, text, tries } => {
                self.line(&format!("{address}: {step} failed, try {} follows: {}", tries + 1, plain(text)));
            }
            Event::Ended { address, action, ending, took } => match ending {
                Ending::Done => self.line(&format!("{address}: {} after {}", did(*action), seconds(*took))),
                Ending::Failed(failure) => {
                    self.line(&format!("{address}: failed after {}: {}", seconds(*took), first_line(failure)));
                }
                Ending::Skipped { because } => self.line(&format!("{address}: skipped, because {because} failed")),
                Ending::NotStarted => {}
            },
            Event::Interrupted => {
                self.line("interrupted: nothing new is started, running steps end (again to stop now)");
            }
            Event::RunStarted { .. } | Event::StepStarted { .. } | Event::Waiting { .. } | Event::RunEnded { .. } => {}
        }
    }

    fn tick(&mut self) {
        let mut lines = Vec::new();
        for (address, running) in &mut self.board.running {
            let elapsed = running.began.elapsed();
            if elapsed >= running.told + STILL {
                running.told = elapsed;
                let says = if running.says.is_empty() { String::new() } else { format!(": {}", running.says) };
                lines.push(format!("{address}: still {} [{}]{says}", doing(running.action), clock(elapsed)));
            }
        }
        for line in lines {
            self.line(&line);
        }
    }

    fn end(&mut self) {
        let _ = self.out.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::Action;

    #[test]
    fn what_a_host_says_is_one_line_of_a_log() {
        let mut log = PlainProgress::new(Vec::new());
        let address = "w1/host/swap".parse().unwrap();
        let text = "no\n\u{1b}[2J\u{7}\u{9b}1A".to_owned();
        log.event(&Event::Started { address, action: Action::Create });
        let address = "w1/host/swap".parse().unwrap();
        log.event(&Event::Retried { address, step: "look".into(), text, tries: 1 });
        let said = String::from_utf8(log.out).unwrap();
        assert!(said.ends_with("look failed, try 2 follows: no\\n\\u{1b}[2J\\u{7}\\u{9b}1A\n"), "{said}");
    }
}
