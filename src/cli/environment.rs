//! Arguments from environment variables.

use std::ffi::{OsStr, OsString};

use clap::{Arg, Command};

/// The command line, for which a variable that is empty is not set.
pub(super) fn without_empty_variables(command: Command) -> Command {
    let empty = |name: &OsStr| std::env::var_os(name).is_some_and(|value| value.is_empty());
    command.mut_args(|arg| if arg.get_env().is_some_and(empty) { arg.env(None::<&'static str>) } else { arg })
}

/// `MAINSTAY_CLI_ARGS_<COMMAND>` contains more arguments for a command, separated by white space. Typed arguments come
/// after them and override them.
pub(super) fn with_environment(mut args: Vec<OsString>, command: &Command) -> Vec<OsString> {
    let Some(at) = position_of_command(&args, command) else { return args };
    let variable = format!("MAINSTAY_CLI_ARGS_{}", args[at].to_string_lossy().to_uppercase());
    if let Ok(more) = std::env::var(variable) {
        args.splice(at + 1..=at, more.split_whitespace().map(OsString::from));
    }
    args
}

/// The position of the command: the first word that is neither an option nor the value of an option.
pub(super) fn position_of_command(args: &[OsString], command: &Command) -> Option<usize> {
    let mut at = 1;
    loop {
        let word = args.get(at)?.to_str()?;
        if word == "--" {
            return None;
        }
        if !word.starts_with('-') {
            return command.find_subcommand(word).map(|_| at);
        }
        at += if takes_the_next(word, command) { 2 } else { 1 };
    }
}

/// Whether the word after this option is its value.
fn takes_the_next(word: &str, command: &Command) -> bool {
    let valued =
        |is: &dyn Fn(&Arg) -> bool| command.get_arguments().any(|arg| is(arg) && arg.get_action().takes_values());
    if let Some(long) = word.strip_prefix("--") {
        return valued(&|arg| arg.get_long() == Some(long));
    }
    // The first letter that takes a value takes the rest of the word, where there is a rest.
    let takes = |letter: char| valued(&|arg| arg.get_short() == Some(letter));
    word.find(takes).is_some_and(|at| at + 1 == word.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_is_no_value_of_an_option() {
        let command = super::super::Cli::command();
        for (line, at) in [
            ("mainstay plan", Some(1)),
            ("mainstay -f plan validate", Some(3)),
            ("mainstay -vf plan validate", Some(3)),
            ("mainstay -fplan validate", Some(2)),
            ("mainstay --file plan --log apply drift", Some(5)),
            ("mainstay --file=plan --json drift plan", Some(3)),
            ("mainstay help plan", None),
            ("mainstay plam plan", None),
            ("mainstay -- plan", None),
            ("mainstay -f plan", None),
        ] {
            let args: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            assert_eq!(position_of_command(&args, &command), at, "{line}");
        }
    }
}
