//! The program `patchwright`: starts the runtime and calls the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    agent::cli::main()
}
