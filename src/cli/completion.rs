//! `mainstay completion`

use clap::CommandFactory;

use super::error::{CliError, Exit};
use super::ui::Ui;

/// Print a shell completion script
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mainstay completion bash > ~/.local/share/bash-completion/completions/mainstay
  mainstay completion zsh > ~/.zfunc/_mainstay")]
pub(super) struct Args {
    /// The shell
    shell: clap_complete::Shell,
}

pub(super) fn run(args: &Args, ui: Ui) -> Result<Exit, CliError> {
    if ui.json {
        return Err(CliError::wrong("`completion` does not support --json").hint("remove --json"));
    }
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut super::Cli::command(), "mainstay", &mut script);
    ui.data(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}
