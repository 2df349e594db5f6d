//! The Docker engine of the machine, where there is one.

pub mod private;
pub mod proxy;

use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

/// Tells whether a Docker engine answers; where none does, prints so. Fails where the environment promises one.
pub fn available() -> Result<bool> {
    let answers = Command::new("docker")
        .args(["version", "--format", "{{.Server.Version}}"])
        .stdin(Stdio::null())
        .output()
        .is_ok_and(|output| output.status.success());
    if !answers {
        let required = std::env::var_os("PATCHWRIGHT_REQUIRE_DOCKER").is_some_and(|it| it == "1");
        ensure!(!required, "no Docker engine answers, and PATCHWRIGHT_REQUIRE_DOCKER=1");
        println!("skipped: no Docker engine answers");
    }
    Ok(answers)
}

/// Returns the containers, running or not, that a process of this id made: their owner's label names it.
pub fn containers_of(pid: u32) -> Result<Vec<String>> {
    let all = list(&["ps", "--all", "--no-trunc", "--format", "{{.ID}} {{.Names}} {{.Labels}}"])?;
    Ok(all.into_iter().filter(|line| line.contains(&format!("/{pid}/"))).collect())
}

fn list(args: &[&str]) -> Result<Vec<String>> {
    let output = Command::new("docker").args(args).stdin(Stdio::null()).output().context("start docker")?;
    ensure!(output.status.success(), "docker {}: {}", args.join(" "), String::from_utf8_lossy(&output.stderr));
    let mut names: Vec<String> = String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect();
    names.sort();
    Ok(names)
}

/// Returns all that the engine says of the images of ours, and of one more: their settings, and how their layers were made.
pub fn about_images(another: &str) -> Result<String> {
    let said = |args: &[&str]| -> Result<String> {
        let output = Command::new("docker").args(args).stdin(Stdio::null()).stderr(Stdio::null()).output()?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let mut about = String::new();
    let ours = said(&["image", "ls", "--quiet", "--filter", "reference=patchwright/*"])?;
    for image in ours.split_whitespace().chain([another]) {
        // One that somebody removes meanwhile says nothing.
        about += &said(&["image", "inspect", image])?;
        about += &said(&["history", "--no-trunc", image])?;
    }
    Ok(about)
}
