//! Repairs a folder of cases and counts: how many fixes the program calls valid (plausible), and how many of them an independent judge
//! calls right.
//!
//! ```text
//! cargo build --release -p agent
//! cargo bench -p e2e --bench repair -- --cases DIR [--judges DIR] [--filter TEXT] [--seconds N] [--seed N] [--sandbox process|docker] [--patches DIR]
//! ```
//!
//! A case is a folder with `repo/`, `issue.md` and `case.json` (`test_command`, `fail_to_pass`, `seconds`); a judge is
//! `JUDGES/CASE/judge.py`, given the patched tree. Cases run one after another.
#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use e2e::bench::{Setting, cases, fix, judge, median, options, patched};
use e2e::program::released;

#[derive(Default)]
struct Totals {
    cases: usize,
    plausible: usize,
    right: usize,
    judged: usize,
    seconds: Vec<f64>,
    evaluations: Vec<f64>,
}

fn main() -> Result<()> {
    let options = options(&["cases", "judges", "filter", "seconds", "seed", "sandbox", "patches"])?;
    let option = |name: &str| options.get(name).map(String::as_str);
    // Cargo runs a bench in its package's folder; without cases it has nothing to say, and `cargo bench` stays green.
    let Some(dir) = option("cases") else {
        println!("repair: give --cases DIR");
        return Ok(());
    };
    let setting = Setting {
        program: released()?,
        sandbox: option("sandbox").unwrap_or("process").to_owned(),
        seed: option("seed").unwrap_or("1").parse().context("--seed is a number")?,
        seconds: option("seconds").map(str::parse).transpose().context("--seconds is a number")?,
    };
    let judges = option("judges").map(PathBuf::from);
    let cases = cases(Path::new(dir), option("filter").unwrap_or(""))?;
    ensure!(!cases.is_empty(), "no case in {dir}");

    println!("{:<42} {:>9} {:>6} {:>8} {:>11} {:>7}", "case", "plausible", "right", "seconds", "evaluations", "per s");
    let mut totals = Totals::default();
    for case in &cases {
        let outcome = fix(case, &setting)?;
        let mut right = None;
        if let Some(patch) = &outcome.patch {
            let tree = patched(case, patch)?;
            right = judges.as_deref().map(|judges| judge(judges, case, &tree.path())).transpose()?.flatten();
            if let Some(folder) = option("patches") {
                std::fs::create_dir_all(folder)?;
                std::fs::write(Path::new(folder).join(format!("{}.patch", case.name)), patch)?;
            }
        }
        println!(
            "{:<42} {:>9} {:>6} {:>8.1} {:>11} {:>7.1}",
            case.name,
            yes_no(Some(outcome.patch.is_some())),
            yes_no(right),
            outcome.seconds,
            outcome.evaluations,
            outcome.rate
        );
        if outcome.answer.is_null() {
            println!("    no answer: {}", outcome.talk.replace('\n', "\n    "));
        }
        totals.cases += 1;
        totals.seconds.push(outcome.seconds);
        if outcome.patch.is_some() {
            totals.plausible += 1;
            totals.evaluations.push(outcome.evaluations as f64);
        }
        totals.judged += usize::from(right.is_some());
        totals.right += usize::from(right == Some(true));
    }
    println!();
    println!(
        "{} cases, {} plausible, {} right of {} judged; median {:.1} s a case, median {:.0} evaluations to a fix",
        totals.cases,
        totals.plausible,
        totals.right,
        totals.judged,
        median(&totals.seconds).unwrap_or_default(),
        median(&totals.evaluations).unwrap_or_default(),
    );
    Ok(())
}

fn yes_no(value: Option<bool>) -> &'static str {
    match value {
        Some(true) => "yes",
        Some(false) => "no",
        None => "-",
    }
}
