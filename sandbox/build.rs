//! Compiles the helper that stations put into boxes, for the same kind of machine as the crate, and statically where the machine
//! has a C library to link so. The crate embeds it and learns which of the two it became.

use std::env;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;

const SOURCES: &str = "helper";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={SOURCES}");
    println!("cargo:rerun-if-changed=build.rs");
    let target = env::var("TARGET")?;
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo names no folder for output")?).join("helper");
    let link = match compile(&target, &out, "+crt-static") {
        Ok(()) => "static",
        Err(reason) => {
            println!(
                "cargo:warning=the helper cannot be linked statically, so it needs the C library of this machine in every image"
            );
            compile(&target, &out, "-crt-static").map_err(|error| format!("{error}\nstatically: {reason}"))?;
            "dynamic"
        }
    };
    println!("cargo:rustc-env=PATCHWRIGHT_HELPER_LINK={link}");
    Ok(())
}

fn compile(target: &str, out: &Path, link: &str) -> Result<(), Box<dyn Error>> {
    let mut command = Command::new(env::var_os("RUSTC").ok_or("cargo names no compiler")?);
    command.args(["--edition", "2024", "--crate-name", "helper", "--crate-type", "bin", "--target", target]);
    command.args(["-C", "panic=abort", "-C", "opt-level=s", "-C", "strip=symbols", "-C", "codegen-units=1"]);
    command.arg("-C").arg(format!("target-feature={link}"));
    if let Some(linker) = env::var_os("RUSTC_LINKER") {
        command.arg("-C").arg(format!("linker={}", linker.to_string_lossy()));
    }
    let output = command.arg("-o").arg(out).arg(Path::new(SOURCES).join("main.rs")).output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("failed to compile the helper: {}", String::from_utf8_lossy(&output.stderr)).into())
}
