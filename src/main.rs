//! `mainstay`: see the library's documentation for how data flows.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(mainstay::cli::run(std::env::args_os()))
}
