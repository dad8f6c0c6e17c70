//! Tells the build what it is: `build_info` on the metrics page says so. The commit is known where the packager names
//! it in `STEPGATE_COMMIT`.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=STEPGATE_COMMIT");
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let told = Command::new(rustc).arg("--version").output().ok().filter(|out| out.status.success());
    let version = told.and_then(|out| String::from_utf8(out.stdout).ok());
    // `rustc 1.95.0 (59807616e 2026-04-14)`
    let number = version.as_deref().and_then(|text| text.split_whitespace().nth(1)).unwrap_or_default();
    println!("cargo::rustc-env=STEPGATE_RUSTC={number}");
}
