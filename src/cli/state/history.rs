//! `mainstay state history`

use serde_json::json;

use super::super::error::{CliError, Exit};
use super::super::ui::Ui;
use super::super::which::Target;
use crate::state::{self, Content, Generation, State, StateError};

/// List saved state versions, oldest first
///
/// The last ten versions, and the versions saved before each `state rm`, `mv`, `push` or `rollback`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mainstay state history
  mainstay --json state history
To roll back to one of them, run `mainstay state rollback SERIAL`.")]
pub(super) struct Args {}

pub(super) fn run(_: &Args, target: &Target, ui: Ui) -> Result<Exit, CliError> {
    let all = state::history(&target.location.state)?;
    let now = state::Found::at(&target.location.state);
    let current = now.as_ref().ok().and_then(state::Found::state);
    if ui.json {
        let rows: Vec<_> = all.iter().map(|(one, held)| as_json(one, held.as_ref())).collect();
        ui.data(&serde_json::Value::from(rows).to_string())?;
    } else {
        ui.data(&table(&all, current.as_ref()))?;
    }
    match now {
        Ok(state::Found::Broken { why, .. }) => Err(why.into()),
        Err(error) => Err(error.into()),
        Ok(_) if all.is_empty() => {
            ui.say("No earlier state version is kept: nothing has been applied yet.");
            Ok(Exit::Done)
        }
        Ok(_) => Ok(Exit::Done),
    }
}

fn written(one: &Generation) -> String {
    humantime::format_rfc3339_seconds(one.written).to_string()
}

fn as_json(one: &Generation, held: Result<&State, &StateError>) -> serde_json::Value {
    json!({
        "serial": one.serial, "written": written(one), "size": one.size, "path": one.name, "before": one.before,
        "lineage": held.ok().map(|it| &it.lineage), "resources": held.ok().map(|it| it.resources.len()),
        "error": held.err().map(ToString::to_string),
    })
}

fn table(all: &[(Generation, Content)], current: Option<&State>) -> String {
    let mut rows = Vec::new();
    for (one, held) in all {
        let mut notes = Vec::new();
        match (held, current) {
            (Err(error), _) => notes.push(format!("damaged: {error}")),
            (Ok(held), Some(now)) if held == now => notes.push("current state".to_owned()),
            (Ok(held), Some(now)) if held.lineage != now.lineage => notes.push(format!("lineage {}", held.lineage)),
            _ => {}
        }
        notes.extend(one.before.as_ref().map(|operation| format!("saved before `state {operation}`")));
        let resources = held.as_ref().map_or("?".to_owned(), |it| it.resources.len().to_string());
        rows.push([
            one.serial.to_string(),
            written(one),
            format!("{} KiB", one.size.div_ceil(1024)),
            resources,
            notes.join("; "),
        ]);
    }
    if rows.is_empty() {
        return String::new();
    }
    let mut text = format!("{:>6}  {:<20}  {:>9}  {:>9}\n", "SERIAL", "WRITTEN", "SIZE", "RESOURCES");
    for [serial, written, size, resources, notes] in rows {
        let line = format!("{serial:>6}  {written:<20}  {size:>9}  {resources:>9}  {notes}");
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
