//! Asking before hosts are touched. Only the exact answer approves.

use super::error::CliError;
use super::ui::Ui;

/// Asks a question to which one answer alone approves. `Ok(false)` when it was another.
pub(super) fn approve(ui: Ui, question: &str, answer: &str, flag: &str) -> Result<bool, CliError> {
    let given = ui.ask(question, &format!("{flag} is required"))?;
    Ok(given == answer)
}
