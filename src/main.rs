//! The command line's door: parse, run, answer with an exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    reconbanker::cli::main()
}
