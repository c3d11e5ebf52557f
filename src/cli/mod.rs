//! The command line: one file per command, one list of them here.

mod apply;
mod approve;
mod carry_out;
mod completion;
mod dashes;
mod destroy;
mod drift;
mod environment;
mod error;
mod facts;
mod graph;
mod init;
mod interrupt;
mod kubeconfig;
mod links;
mod location;
mod lock;
mod logging;
mod man;
mod next_command;
mod plan;
mod present;
mod renamed;
mod render;
mod saved;
mod schema;
mod selecting;
mod show;
mod sim;
mod sink;
mod state;
mod stream;
mod survey;
mod ui;
mod validate;
mod which;
mod workspace;

use std::ffi::OsString;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

pub use error::{CliError, Exit};

use crate::render::Operation;
use environment::{position_of_command, with_environment, without_empty_variables};
use next_command::NextCommand;
use stream::JsonInto;
use ui::Ui;

/// Plan, apply and destroy highly available Kubernetes clusters on plain Linux hosts.
#[derive(Debug, Parser)]
#[command(name = "mainstay", version, propagate_version = true, max_term_width = 100, args_override_self = true)]
#[command(after_help = "Examples:
  mainstay init --name prod --endpoint 10.0.0.100:8443 \\
    --hosts cp1=10.0.0.11,cp2=10.0.0.12,cp3=10.0.0.13,w1=10.0.0.21
  mainstay plan
  mainstay apply
  mainstay destroy

Exit codes: 0 done or nothing to do, 1 failed, 2 changes pending (plan --detailed-exitcode) or
drift, 3 and 4 see drift --help, 5 cluster.yaml or the command line is wrong, 6 the state is
locked, 130 interrupted.")]
struct Cli {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Command,
}

/// Options of every command.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Options of every command")]
struct Globals {
    /// Path to cluster.yaml
    #[arg(short, long, global = true, value_name = "FILE", default_value = "cluster.yaml", env = "MAINSTAY_FILE")]
    file: PathBuf,
    /// Disable colors (as does NO_COLOR)
    #[arg(long, global = true)]
    no_color: bool,
    /// Print JSON Lines on stdout instead of text
    #[arg(long, global = true)]
    json: bool,
    /// Print more detail
    #[arg(short, long, global = true)]
    verbose: bool,
    /// Append a debug log to FILE: a file, a terminal, or a named pipe with a reader
    #[arg(long, global = true, value_name = "FILE", env = "MAINSTAY_LOG")]
    log: Option<PathBuf>,
}

/// The first line of each command is in its own file.
#[derive(Debug, Subcommand)]
enum Command {
    Init(init::Args),
    Validate(validate::Args),
    Plan(plan::Args),
    Apply(apply::Args),
    Destroy(destroy::Args),
    Drift(drift::Args),
    Show(show::Args),
    State(state::Args),
    Lock(lock::Args),
    Facts(facts::Args),
    Render(render::Args),
    Graph(graph::Args),
    Kubeconfig(kubeconfig::Args),
    #[command(subcommand)]
    Sim(sim::Args),
    Schema(schema::Args),
    Completion(completion::Args),
    Man(man::Args),
}

impl Command {
    /// The name of the operation in events, for commands that have events.
    fn operation(&self) -> Option<(Operation, &JsonInto)> {
        match self {
            Self::Plan(args) => Some((Operation::Plan, &args.events)),
            Self::Apply(args) => Some((Operation::Apply, &args.events)),
            Self::Destroy(args) => Some((Operation::Destroy, &args.events)),
            Self::Drift(args) => Some((Operation::Drift, &args.events)),
            _ => None,
        }
    }
}

/// Runs the command line and returns the exit code.
pub fn run(args: impl IntoIterator<Item = OsString>) -> u8 {
    let command = with_one_name(without_empty_variables(Cli::command()));
    // Before the environment's arguments, too: `-file plan` names no command.
    let args = dashes::with_two_dashes(args.into_iter().collect(), &command);
    let args = dashes::with_two_dashes(with_environment(args, &command), &command);
    let parsed = command.try_get_matches_from(&args);
    let (cli, next) = match parsed.and_then(|given| Cli::from_arg_matches(&given).map(|cli| (cli, given))) {
        Ok((cli, given)) => {
            let next = NextCommand::of(&cli.globals.file, &given);
            (cli, next)
        }
        Err(error) => return misunderstood(&args, &error) as u8,
    };
    let ui = Ui::new(cli.globals.json, cli.globals.verbose, cli.globals.no_color);
    let result = catch_unwind(AssertUnwindSafe(|| {
        if let Some((operation, into)) = cli.command.operation() {
            ui.stream.begin(operation, ui.json, Some(into))?;
        }
        logging::start(cli.globals.log.as_deref(), &args)?;
        dispatch(&cli, ui)
    }));
    let result = result.unwrap_or_else(|_| {
        // The panic message is already on stderr.
        Err(CliError::failed("mainstay crashed (a bug); see above")
            .hint("the next run resumes what was started; use `--log FILE` to record details"))
    });
    let exit = result.unwrap_or_else(|error| tell(&error.about(&next), ui));
    let code = ui.stream.end(exit) as u8;
    tracing::info!("exit code {code}");
    code
}

/// The command line in which `mainstay plan --version` does not say `mainstay-plan`; manual pages keep those names.
fn with_one_name(command: clap::Command) -> clap::Command {
    command.display_name("mainstay").mut_subcommands(with_one_name)
}

/// Reports an error as text and as events.
fn tell(error: &CliError, ui: Ui) -> Exit {
    ui.say(&error.text());
    tracing::error!("{}", error.reason());
    for (message, event) in error.events() {
        if ui.stream.is_read() {
            ui.event(&message, &event);
        } else if ui.json {
            // Of a command without events this is all that it says.
            let _ = ui.data(&event.line(&message));
        }
    }
    ui.stream.stopped(error.reason());
    error.exit
}

/// Prints a usage error, the help or the version. These are not JSON, so with `--json` they go to stderr.
fn misunderstood(args: &[OsString], error: &clap::Error) -> Exit {
    let wrong = error.use_stderr();
    if !args.iter().take_while(|arg| *arg != "--").any(|arg| arg == "--json") {
        let _ = error.print();
        return if wrong { Exit::Wrong } else { Exit::Done };
    }
    let ui = Ui::new(true, false, false);
    let text = error.render().to_string();
    if !wrong {
        ui.say(text.trim_end());
        return Exit::Done;
    }
    let operation = position_of_command(args, &Cli::command()).and_then(|at| match args[at].to_str()? {
        "plan" => Some(Operation::Plan),
        "apply" => Some(Operation::Apply),
        "destroy" => Some(Operation::Destroy),
        "drift" => Some(Operation::Drift),
        _ => None,
    });
    if let Some(operation) = operation {
        let _ = ui.stream.begin(operation, true, None);
    }
    let text = text.trim_end();
    ui.stream.end(tell(&CliError::wrong(text.strip_prefix("error: ").unwrap_or(text)), ui))
}

fn dispatch(cli: &Cli, ui: Ui) -> Result<Exit, CliError> {
    let file = cli.globals.file.as_path();
    match &cli.command {
        Command::Init(args) => init::run(args, file, ui),
        Command::Validate(args) => validate::run(args, file, ui),
        Command::Plan(args) => asynchronous(plan::run(args, file, ui), ui),
        Command::Apply(args) => asynchronous(apply::run(args, file, ui), ui),
        Command::Destroy(args) => asynchronous(destroy::run(args, file, ui), ui),
        Command::Drift(args) => asynchronous(drift::run(args, file, ui), ui),
        Command::Show(args) => show::run(args, file, ui),
        Command::State(args) => state::run(args, file, ui),
        Command::Facts(args) => asynchronous(facts::run(args, file, ui), ui),
        Command::Render(args) => render::run(args, file, ui),
        Command::Graph(args) => graph::run(args, file, ui),
        Command::Kubeconfig(args) => asynchronous(kubeconfig::run(args, file, ui), ui),
        Command::Sim(args) => sim::run(args, file, ui),
        Command::Lock(args) => lock::run(args, file, ui),
        Command::Schema(args) => schema::run(args, ui),
        Command::Completion(args) => completion::run(args, ui),
        Command::Man(args) => man::run(args, ui),
    }
}

/// Only commands that reach hosts pay for a runtime.
fn asynchronous(work: impl Future<Output = Result<Exit, CliError>>, ui: Ui) -> Result<Exit, CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::failed(format!("cannot start the runtime: {error}")))?;
    let result = runtime.block_on(async {
        let interrupted = interrupt::hear(ui);
        tokio::select! {
            result = work => result,
            Ok(()) = interrupted => Err(CliError::interrupted()),
        }
    });
    // After a second Ctrl-C, running work is not awaited.
    runtime.shutdown_background();
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    /// A state file contains the connection settings of its hosts, so it cannot be simulated.
    #[test]
    fn a_state_file_is_not_rehearsed() {
        for command in ["destroy", "drift", "state", "lock"] {
            let words = match command {
                "state" => vec!["state", "list"],
                "lock" => vec!["lock", "show"],
                only => vec![only],
            };
            let args = [&["mainstay"], &words[..], &["--state", "state/prod.json", "--simulate"]].concat();
            let refused = Cli::try_parse_from(args).unwrap_err();
            assert_eq!(refused.kind(), clap::error::ErrorKind::ArgumentConflict, "{command}");
        }
    }
}
