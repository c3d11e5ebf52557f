//! Shared parts of the commands that replace the state: they show the change, write it under the lock, and print the
//! path of the previous state.

use std::fmt::Write;

use serde_json::json;

use super::super::apply::Locking;
use super::super::approve::approve;
use super::super::error::{CliError, Exit};
use super::super::ui::Ui;
use super::super::which::Target;
use crate::hint::Hint;
use crate::plan;
use crate::resource::Address;
use crate::state::{self, Difference, Found, Lease, Named, State};

/// Lines of one list that are shown without `--verbose`.
const SHOWN: usize = 10;

/// A prepared replacement of the state.
#[derive(Debug)]
pub(super) struct Operation<'a> {
    /// The subcommand's name.
    pub(super) name: &'static str,
    pub(super) target: &'a Target,
    pub(super) found: Found,
    pub(super) wanted: State,
    /// The first line of the output.
    pub(super) headline: String,
    /// Old and new addresses of moved resources.
    pub(super) moved: Vec<(Address, Address)>,
    pub(super) warnings: Vec<String>,
}

/// Options of all operations.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct Writing {
    /// Show what would change; write nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    #[command(flatten)]
    locking: Locking,
}

/// How an operation runs.
#[derive(Debug)]
pub(super) struct Manner {
    /// None with --dry-run.
    pub(super) lease: Option<Lease>,
    /// Ask first.
    pub(super) ask: bool,
}

impl Manner {
    /// Takes the lock, unless nothing is to be written.
    pub(super) fn take(target: &Target, name: &str, writing: Writing, ask: bool, ui: Ui) -> Result<Self, CliError> {
        let Writing { dry_run, locking: Locking { lock_timeout } } = writing;
        if ask && !dry_run && ui.json {
            return Err(CliError::wrong("--json requires --auto-approve (there is no prompt)"));
        }
        let acquire = || state::acquire(&target.location.state, &format!("state {name}"), lock_timeout);
        let lease = if dry_run { None } else { Some(acquire()?) };
        Ok(Self { lease, ask })
    }
}

impl Operation<'_> {
    pub(super) fn carry_out(self, manner: Manner, ui: Ui) -> Result<Exit, CliError> {
        let before = self.found.state();
        let mut difference = before.as_ref().map(|it| Difference::between(it, &self.wanted)).unwrap_or_default();
        difference.recorded.retain(|it| !self.moved.iter().any(|(_, to)| to == it));
        difference.forgotten.retain(|it| !self.moved.iter().any(|(from, _)| from == it));
        let text = self.text(&difference, ui.verbose);
        if !ui.json {
            ui.data(&text)?;
            let shown = if ui.verbose { self.warnings.len() } else { SHOWN };
            self.warnings.iter().take(shown).for_each(|warning| ui.say(&format!("warning: {warning}")));
            if self.warnings.len() > shown {
                ui.say(&format!("warning: {} more, --verbose shows them", self.warnings.len() - shown));
            }
        }
        let Some(lease) = manner.lease else {
            if ui.json {
                return self.tell_json(&difference, None, &[], ui);
            }
            ui.say("Nothing was written (--dry-run).");
            return Ok(Exit::Done);
        };
        if manner.ask && !approve(ui, "\nReplace the state? Only `yes` is accepted:", "yes", "--auto-approve")? {
            return Err(CliError::failed("Cancelled. The state was not changed."));
        }
        let done = state::replace(&self.target.location.state, self.found, lease, self.name, self.wanted.clone())?;
        if ui.json {
            let operation = Operation { found: Found::Nothing, ..self };
            return operation.tell_json(&difference, Some(done.serial), &done.aside, ui);
        }
        ui.data(&format!("Wrote state serial {}. No host was changed.", done.serial))?;
        for name in &done.aside {
            ui.say(&format!("The previous state is kept as {name} until you remove it."));
        }
        let next = &self.target.next;
        ui.say(&format!("Next, run: {}", next.whole(if next.has_file() { "plan" } else { "drift" })));
        Ok(Exit::Done)
    }

    fn text(&self, difference: &Difference, full: bool) -> String {
        let mut text = format!("{}\n", self.headline);
        let list = |text: &mut String, lines: Vec<String>| {
            let shown = if full { lines.len() } else { SHOWN };
            for line in lines.iter().take(shown) {
                let _ = writeln!(text, "  {line}");
            }
            if lines.len() > shown {
                let _ = writeln!(text, "  ... {} more, --verbose shows them", lines.len() - shown);
            }
        };
        let marked = |mark: char, all: &[Address]| all.iter().map(|address| format!("{mark} {address}")).collect();
        list(&mut text, self.moved.iter().map(|(from, to)| format!("{from} -> {to}")).collect());
        list(&mut text, marked('+', &difference.recorded));
        // References to moved or removed resources change with them and need no line.
        if matches!(self.name, "push" | "rollback") {
            list(&mut text, marked('~', &difference.changed));
        }
        list(&mut text, marked('.', &difference.forgotten));
        text
    }

    fn tell_json(
        &self,
        difference: &Difference,
        serial: Option<u64>,
        aside: &[Named],
        ui: Ui,
    ) -> Result<Exit, CliError> {
        let moved: Vec<_> = self.moved.iter().map(|(from, to)| json!({ "from": from, "to": to })).collect();
        let told = json!({
            "operation": self.name, "dry_run": serial.is_none(), "serial": serial,
            "recorded": difference.recorded, "changed": difference.changed, "forgotten": difference.forgotten,
            "moved": moved, "warnings": self.warnings,
            "set_aside": aside,
        });
        ui.data(&told.to_string())?;
        Ok(Exit::Done)
    }
}

/// The state to edit; it must be undamaged.
pub(super) fn whole(target: &Target) -> Result<(Found, State), CliError> {
    let found = Found::at(&target.location.state)?;
    match &found {
        Found::Broken { why, .. } => Err(why.clone().into()),
        Found::Nothing => Err(target.location.missing().hint("nothing has been applied yet")),
        Found::Whole(store) => {
            let state = store.snapshot();
            target.check(&state)?;
            Ok((found, state))
        }
    }
}

/// No state entry has this name; suggests similar names.
pub(super) fn not_recorded(wanted: &str, state: &State) -> CliError {
    let near = plan::near(wanted, state.resources.keys());
    let error = CliError::failed(format!("no state entry is named `{wanted}`"));
    let error = if near.is_empty() { error } else { error.hint(format!("did you mean {}?", near.join(", "))) };
    error.hint(Hint::from("to list the state entries, run ").run("state list", ""))
}

/// Description of the replaced state, for the first line.
pub(super) fn replaced(found: &Found) -> String {
    match found {
        Found::Whole(store) => store.with(|now| format!("serial {} with {}", now.serial, records(now.resources.len()))),
        Found::Nothing => "no state".to_owned(),
        Found::Broken { bytes: None, .. } => "the missing state".to_owned(),
        Found::Broken { why, .. } => format!("an unreadable state ({why})"),
    }
}

/// `1 resource`, `2 resources`.
pub(super) fn records(count: usize) -> String {
    if count == 1 { "1 resource".to_owned() } else { format!("{count} resources") }
}
