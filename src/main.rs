//! The binary: argv to the commands; the only place that exits.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Before anything may touch TLS: several libraries ask for the process's provider, and there is one.
    // An error would mean that one is installed already; nothing ran before this line.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    ExitCode::from(stepgate::cli::run(std::env::args_os()))
}
