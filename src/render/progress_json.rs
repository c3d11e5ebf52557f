//! Progress for machines: one JSON object a line.

use std::io::Write;
use std::time::SystemTime;

use serde_json::{Value, json};

use super::progress::{Board, Progress, did, doing};
use crate::engine::event::{Ending, Event};
use crate::resource::{Action, Address};

/// Writes JSON Lines.
#[derive(Debug)]
pub struct JsonProgress<W> {
    out: W,
    board: Board,
}

/// One line of the event stream.
pub fn event_line(level: &str, kind: &str, message: &str, rest: Value) -> Value {
    let mut line = json!({
        "@timestamp": humantime::format_rfc3339_millis(SystemTime::now()).to_string(),
        "@level": level,
        "@message": message,
        "type": kind,
    });
    if let (Some(line), Value::Object(rest)) = (line.as_object_mut(), rest) {
        line.extend(rest);
    }
    line
}

fn hook(address: &Address, action: Action) -> Value {
    json!({
        "address": address, "host": address.host(), "component": address.component(),
        "resource_type": address.kind(), "resource_key": address.key(), "action": action,
    })
}

impl<W: Write + Send> JsonProgress<W> {
    /// Writes to `out`.
    pub fn new(out: W) -> Self {
        Self { out, board: Board::new() }
    }

    fn line(&mut self, level: &str, kind: &str, message: &str, rest: Value) {
        let _ = writeln!(self.out, "{}", event_line(level, kind, message, rest));
        let _ = self.out.flush();
    }

    fn ended(&mut self, address: &Address, action: Action, ending: &Ending, seconds: f64) {
        let hook = hook(address, action);
        let rest = json!({ "hook": hook, "elapsed_seconds": seconds });
        match ending {
            Ending::Done => self.line("info", "apply_complete", &format!("{address}: {}", did(action)), rest),
            Ending::Failed(failure) => {
                let rest = json!({
                    "hook": hook, "elapsed_seconds": seconds,
                    "error": { "host": failure.host, "step": failure.step, "text": failure.text },
                });
                self.line("error", "apply_errored", &format!("{address}: {}: failed", failure.step), rest);
            }
            Ending::Skipped { because } => {
                let rest = json!({ "hook": hook, "because": because });
                self.line("warn", "apply_skipped", &format!("{address}: skipped, because {because} failed"), rest);
            }
            Ending::NotStarted => {
                self.line("warn", "apply_skipped", &format!("{address}: not started"), json!({ "hook": hook }));
            }
        }
    }
}

impl<W: Write + Send> Progress for JsonProgress<W> {
    fn event(&mut self, event: &Event) {
        self.board.take(event);
        match event {
            Event::Started { address, action } => {
                let message = format!("{address}: {}", doing(*action));
                self.line("info", "apply_start", &message, json!({ "hook": hook(address, *action) }));
            }
            Event::StepStarted { address, step, host } => {
                let rest = json!({ "address": address, "step": step, "host": host });
                self.line("info", "apply_progress", &format!("{address}: {step}"), rest);
            }
            Event::Waiting { address, until, missing, left } => {
                let since = self.board.running.get(address).map_or(0.0, |it| it.began.elapsed().as_secs_f64());
                let rest = json!({
                    "address": address, "until": until, "missing": missing,
                    "since_seconds": since, "left_seconds": left.as_secs_f64(),
                });
                self.line("info", "waiting", &format!("{address}: waits until {until}"), rest);
            }
            Event::Retried { address, step, text, tries } => {
                let rest = json!({ "address": address, "step": step, "text": text, "tries": tries });
                self.line("warn", "apply_progress", &format!("{address}: {step}: tried again"), rest);
            }
            Event::Ended { address, action, ending, took } => self.ended(address, *action, ending, took.as_secs_f64()),
            Event::Interrupted => {
                let rest = json!({ "diagnostic": { "severity": "warning", "summary": "interrupted" } });
                self.line("warn", "diagnostic", "interrupted: nothing new is started", rest);
            }
            Event::RunStarted { .. } | Event::RunEnded { .. } => {}
        }
    }

    fn tick(&mut self) {}

    fn end(&mut self) {}
}
