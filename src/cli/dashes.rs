//! Terraform's long options have one dash: `-target=w1` is read as `--target=w1`.

use std::collections::BTreeSet;
use std::ffi::OsString;

use clap::Command;

/// The arguments with a second dash before each name that is a long option of ours. Single letters are short options;
/// words after `--` are not options.
pub(super) fn with_two_dashes(args: Vec<OsString>, command: &Command) -> Vec<OsString> {
    let mut known = BTreeSet::new();
    collect(command, &mut known);
    let mut options = true;
    let two = |arg: OsString| {
        options &= arg != "--";
        let name = arg.to_str().and_then(|text| text.strip_prefix('-')).unwrap_or_default();
        let name = name.split('=').next().unwrap_or_default();
        if options && name.len() > 1 && known.contains(name) {
            let mut long = OsString::from("-");
            long.push(&arg);
            return long;
        }
        arg
    };
    args.into_iter().map(two).collect()
}

fn collect(command: &Command, known: &mut BTreeSet<String>) {
    known.extend(["help".to_owned(), "version".to_owned()]);
    known.extend(command.get_arguments().filter_map(|arg| arg.get_long()).map(str::to_owned));
    for inner in command.get_subcommands() {
        collect(inner, known);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn read(args: &[&str]) -> Vec<String> {
        let args = args.iter().map(OsString::from).collect();
        let read = with_two_dashes(args, &super::super::Cli::command());
        read.into_iter().map(|arg| arg.into_string().unwrap()).collect()
    }

    #[test]
    fn long_options_may_have_one_dash_as_terraforms_have() {
        let args = ["mainstay", "apply", "-target=w1", "-auto-approve", "-parallelism=4", "-target", "cp1", "-help"];
        let long =
            ["mainstay", "apply", "--target=w1", "--auto-approve", "--parallelism=4", "--target", "cp1", "--help"];
        assert_eq!(read(&args), long);
    }

    #[test]
    fn short_options_values_and_what_is_unknown_stay() {
        let args = ["mainstay", "-v", "-f", "prod.yaml", "-fprod.yaml", "--target=-out", "-targets=x", "--", "-out=x"];
        assert_eq!(read(&args), args);
    }
}
