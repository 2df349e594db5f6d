//! Times `localize` on a clone, cold (no index) and warm (the index of the run before).
//!
//! ```text
//! cargo build --release -p agent
//! cargo bench -p e2e --bench localize -- --repo DIR --issue FILE [--base REV] [--rounds N]
//! ```
//!
//! The cold run starts with an empty cache directory; the operating system's file cache is left as it is.
#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use std::process::Command;

use anyhow::{Context, Result, ensure};
use e2e::bench::{median, options, timed};
use e2e::program::released;

fn main() -> Result<()> {
    let options = options(&["repo", "issue", "base", "rounds"])?;
    let (Some(repo), Some(issue)) = (options.get("repo"), options.get("issue")) else {
        println!("localize: give --repo DIR --issue FILE");
        return Ok(());
    };
    let rounds: usize = options.get("rounds").map_or(Ok(3), |it| it.parse()).context("--rounds is a number")?;
    let base = options.get("base").map_or("HEAD", String::as_str);
    let program = released()?;

    let mut cold = Vec::new();
    let mut warm = Vec::new();
    let mut first = String::new();
    for _ in 0..rounds {
        let cache = tempfile::tempdir()?;
        for times in [&mut cold, &mut warm] {
            let mut command = Command::new(&program);
            command
                .args(["localize", "--json", "--repo", repo, "--base", base, "--issue", issue])
                .env("XDG_CACHE_HOME", cache.path())
                .env("XDG_STATE_HOME", cache.path());
            let (took, output) = timed(&mut command)?;
            ensure!(output.status.success(), "localize failed: {}", String::from_utf8_lossy(&output.stderr));
            times.push(took.as_secs_f64());
            first = String::from_utf8_lossy(&output.stdout).into_owned();
        }
    }
    let answer: serde_json::Value = serde_json::from_str(first.trim())?;
    println!(
        "cold {:.2} s, warm {:.2} s (medians of {rounds})",
        median(&cold).unwrap_or(0.0),
        median(&warm).unwrap_or(0.0)
    );
    for file in answer["files"].as_array().into_iter().flatten().take(5) {
        println!("  {:.3} {}", file["score"].as_f64().unwrap_or(0.0), file["path"].as_str().unwrap_or("?"));
    }
    Ok(())
}
