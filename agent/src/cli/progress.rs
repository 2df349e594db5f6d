//! Progress on stderr, read from the journal's events: a live line on a terminal, plain lines elsewhere.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use parking_lot::Mutex;

use super::exit::talk;
use crate::clock::Clock;
use crate::journal::{Event, Listener, Suspect};

/// How often the search's state is said where there is no terminal.
const PLAIN_EVERY: Duration = Duration::from_secs(2);
/// Suspects shown.
const SHOWN: usize = 5;

/// Shows the events of one job.
pub(super) struct Progress {
    clock: Clock,
    bar: Option<ProgressBar>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    search_began: Option<Duration>,
    last_said: Duration,
    nodes: usize,
    evaluations: u64,
    refused: u64,
    best: f64,
    best_note: String,
}

impl Progress {
    /// Starts to show; `NO_COLOR` is honoured, and a dumb or missing terminal gets plain lines.
    pub(super) fn new(clock: Clock) -> Progress {
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let bar = (std::io::stderr().is_terminal() && !dumb).then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            bar.set_style(
                ProgressStyle::with_template("{spinner} {msg}").unwrap_or_else(|_| ProgressStyle::default_spinner()),
            );
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Progress { clock, bar, state: Mutex::new(State::default()) }
    }

    fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| talk(line)),
            None => talk(line),
        }
    }

    fn show(&self, state: &mut State) {
        let now = self.clock.elapsed();
        if let Some(bar) = &self.bar {
            bar.set_message(state.line(now));
        } else if now.saturating_sub(state.last_said) >= PLAIN_EVERY {
            state.last_said = now;
            talk(&state.line(now));
        }
    }
}

impl State {
    fn line(&self, now: Duration) -> String {
        let seconds = self.search_began.map_or(0.0, |began| now.saturating_sub(began).as_secs_f64());
        let rate = if seconds > 0.0 { self.evaluations as f64 / seconds } else { 0.0 };
        let best = if self.best > 0.0 { format!(" ({})", self.best_note) } else { String::new() };
        format!(
            "search: {} nodes, {} candidates run ({rate:.0}/s), {} refused unrun, best value {:.2}{best}",
            self.nodes, self.evaluations, self.refused, self.best
        )
    }
}

impl Listener for Progress {
    fn event(&self, event: &Event) {
        match event {
            Event::Started { sandbox, base, .. } => self.say(&format!("base {base}, sandbox {sandbox}")),
            Event::Stage { name, detail } => self.stage(name, detail),
            Event::Notice { text } => self.say(&format!("note: {text}")),
            Event::Baseline { passed, targets, failed, seconds } => self.say(&format!(
                "baseline: {passed} tests pass, {} fail, {} of them to be fixed ({seconds:.1} s)",
                failed.len(),
                targets.len()
            )),
            Event::Flaky { tests } => {
                self.say(&format!("flaky: {} of the tests are known to come and go", tests.len()))
            }
            Event::Remembered { hits, misses } => {
                if *hits > 0 {
                    self.say(&format!("remembered: {hits} of {} test results were known", hits + misses));
                }
            }
            Event::Localized { files, symbols, took_ms } => {
                self.say(&format!("localized in {took_ms:.0} ms:"));
                for suspect in if symbols.is_empty() { files } else { symbols }.iter().take(SHOWN) {
                    self.say(&suspect_line(suspect));
                }
            }
            Event::Proposed { node, actions } => {
                if node.0 == 0 {
                    self.say(&format!("search: {actions} edits proposed for the base"));
                }
            }
            Event::Refused { count } => self.state.lock().refused += count,
            Event::Evaluated { note, value, .. } => {
                let mut state = self.state.lock();
                state.nodes += 1;
                state.evaluations += 1;
                if *value > state.best {
                    state.best = *value;
                    state.best_note.clone_from(note);
                }
                self.show(&mut state);
            }
            Event::Unevaluated { reason, .. } => self.say(&format!("note: a candidate could not be run: {reason}")),
            Event::Validated { node, accepted, reasons, .. } => match accepted {
                true => self.say(&format!("validate: candidate {} holds in a fresh sandbox", node.0)),
                false => self.say(&format!("validate: candidate {} refused: {}", node.0, first_of(reasons))),
            },
            Event::Finished { .. } => {
                let state = self.state.lock();
                if state.evaluations > 0 {
                    self.say(&state.line(self.clock.elapsed()));
                }
                if let Some(bar) = &self.bar {
                    bar.finish_and_clear();
                }
            }
        }
    }
}

impl Progress {
    fn stage(&self, name: &str, detail: &str) {
        if name == "search" {
            self.state.lock().search_began = Some(self.clock.elapsed());
        }
        match &self.bar {
            Some(bar) => bar.set_message(format!("{name}: {detail}")),
            None => talk(&format!("{name}: {detail}")),
        }
    }
}

fn suspect_line(suspect: &Suspect) -> String {
    let why = suspect.evidence.first().map(String::as_str).unwrap_or_default();
    format!("  {:.2}  {}  {why}", suspect.score, suspect.place)
}

fn first_of(reasons: &[String]) -> String {
    match reasons {
        [] => String::new(),
        [only] => only.clone(),
        [first, rest @ ..] => format!("{first} (and {} more)", rest.len()),
    }
}
