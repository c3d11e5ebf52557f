//! Progress for machines: events.

use std::fmt;

use super::events::{Diagnosis, Failed, Hook, Severity, StreamEvent, rounded};
use super::progress::{Board, Progress, STILL, did, doing};
use crate::engine::event::{Ending, Event};
use crate::resource::{Action, Address};

/// Hands events of a run on as events of the stream, with their messages.
pub struct JsonProgress<E> {
    emit: E,
    board: Board,
}

impl<E> fmt::Debug for JsonProgress<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonProgress").field("board", &self.board).finish_non_exhaustive()
    }
}

impl<E: Fn(&str, StreamEvent) + Send> JsonProgress<E> {
    /// Events go to `emit`.
    pub fn new(emit: E) -> Self {
        Self { emit, board: Board::new() }
    }

    /// The resource and for how long it has been running, as long as it runs.
    fn running(&self, address: &Address) -> Option<(Hook, f64)> {
        let running = self.board.running.get(address)?;
        Some((Hook::new(address, running.action), rounded(running.began.elapsed())))
    }

    fn ended(&self, address: &Address, action: Action, ending: &Ending, elapsed_seconds: f64) {
        let hook = Hook::new(address, action);
        let (message, event) = match ending {
            Ending::Done => {
                (format!("{address}: {}", did(action)), StreamEvent::ApplyComplete { hook, elapsed_seconds })
            }
            Ending::Failed(failure) => {
                let error = Failed::of(None, failure);
                let message = format!("{address}: {}: failed", failure.step);
                (message, StreamEvent::ApplyErrored { hook, elapsed_seconds, error })
            }
            Ending::Skipped { because } => {
                let message = format!("{address}: skipped, because {because} failed");
                (message, StreamEvent::ApplySkipped { hook, because: Some(because.clone()) })
            }
            Ending::NotStarted => {
                (format!("{address}: not started"), StreamEvent::ApplySkipped { hook, because: None })
            }
        };
        (self.emit)(&message, event);
    }
}

impl<E: Fn(&str, StreamEvent) + Send> Progress for JsonProgress<E> {
    fn event(&mut self, event: &Event) {
        self.board.take(event);
        match event {
            Event::Started { address, action } => {
                let message = format!("{address}: {}", doing(*action));
                (self.emit)(&message, StreamEvent::ApplyStart { hook: Hook::new(address, *action) });
            }
            Event::StepStarted { address, step, host } => {
                let Some((hook, elapsed_seconds)) = self.running(address) else { return };
                let (step, host) = (step.clone(), Some(host.clone()));
                let message = format!("{address}: {step}");
                let (error, tries) = (None, None);
                (self.emit)(&message, StreamEvent::ApplyProgress { hook, elapsed_seconds, step, host, error, tries });
            }
            Event::Waiting { address, until, missing, left } => {
                let Some((hook, since_seconds)) = self.running(address) else { return };
                let (until, missing, left_seconds) = (until.clone(), missing.clone(), rounded(*left));
                let message = format!("{address}: waiting until {until}");
                (self.emit)(&message, StreamEvent::Waiting { hook, until, missing, since_seconds, left_seconds });
            }
            Event::Retried { address, step, text, tries } => {
                let Some((hook, elapsed_seconds)) = self.running(address) else { return };
                let (step, host, error, tries) = (step.clone(), None, Some(text.clone()), Some(*tries));
                let message = format!("{address}: {step}: retrying");
                (self.emit)(&message, StreamEvent::ApplyProgress { hook, elapsed_seconds, step, host, error, tries });
            }
            Event::Ended { address, action, ending, took } => self.ended(address, *action, ending, rounded(*took)),
            Event::Interrupted => {
                let summary = self.board.interruption();
                let (address, range, hints) = (None, None, Vec::new());
                let diagnostic =
                    Diagnosis { severity: Severity::Warning, summary: summary.clone(), address, range, hints };
                (self.emit)(&summary, StreamEvent::Diagnostic { diagnostic, exit_code: None });
            }
            Event::RunStarted { .. } | Event::RunEnded { .. } => {}
        }
    }

    fn tick(&mut self) {
        for (address, running) in &mut self.board.running {
            let elapsed = running.began.elapsed();
            if elapsed < running.told + STILL {
                continue;
            }
            running.told = elapsed;
            let message = format!("{address}: still {}", doing(running.action));
            let event = StreamEvent::ApplyProgress {
                hook: Hook::new(address, running.action),
                elapsed_seconds: rounded(elapsed),
                step: running.says.clone(),
                host: None,
                error: None,
                tries: None,
            };
            (self.emit)(&message, event);
        }
    }

    fn end(&mut self) {}
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use super::*;
    use crate::engine::event::Failure;
    use crate::resource::HostName;

    /// Events without times.
    fn told(drive: impl FnOnce(&mut dyn FnMut(&Event, Duration))) -> String {
        let lines = Mutex::new(Vec::new());
        let mut progress = JsonProgress::new(|message: &str, event: StreamEvent| {
            let mut value = serde_json::to_value(event).unwrap();
            value.as_object_mut().unwrap().retain(|key, _| !matches!(key.as_str(), "hook" | "elapsed_seconds"));
            lines.lock().unwrap().push(format!("{message} {value}"));
        });
        drive(&mut |event, later| {
            progress.event(event);
            for running in progress.board.running.values_mut() {
                running.began = running.began.checked_sub(later).unwrap();
            }
            progress.tick();
        });
        drop(progress);
        lines.into_inner().unwrap().join("\n")
    }

    #[test]
    fn what_takes_long_is_told_every_ten_seconds() {
        let address: Address = "cp1/host/swap".parse().unwrap();
        let host = HostName::new("cp1");
        let text = told(|event| {
            let at = || address.clone();
            event(&Event::Started { address: at(), action: Action::Create }, Duration::from_secs(9));
            let step = Event::StepStarted { address: at(), step: "turn swap off".into(), host: host.clone() };
            event(&step, Duration::from_secs(2));
            event(&Event::Interrupted, Duration::from_secs(8));
            event(&Event::Interrupted, Duration::from_secs(2));
            let text = "exit 1".to_owned();
            let failure = Failure { host: host.clone(), step: "turn swap off".into(), text, after: Duration::ZERO };
            let ending = Ending::Failed(failure);
            event(
                &Event::Ended { address: at(), action: Action::Create, ending, took: Duration::ZERO },
                Duration::ZERO,
            );
            event(&Event::RunEnded { took: Duration::ZERO }, Duration::from_secs(99));
        });
        insta::assert_snapshot!(text);
    }
}
