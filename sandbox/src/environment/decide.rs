//! Which of the sources is believed: the one place where precedence is decided.

use super::candidate::Candidate;
use super::dockerfile::Containers;
use super::settings::{self, Settings};
use super::tree::{Tree, short};
use super::version::{self, Named};
use super::workflow::{self, Ci};
use super::{
    BaseImage, Conflict, Detection, Evidence, Found, Language, LanguageAt, Step, SystemPackage, Variable, base, c,
    devcontainer, dockerfile, go, java, node, php, python, ruby, rust, shell,
};
use crate::plan::TestPlan;
use crate::runner::RunnerKind;

/// Packages that CI and containers may add.
const MOST_PACKAGES: usize = 60;

pub(super) fn decide(tree: &Tree<'_>) -> Detection {
    let settings = settings::read(tree);
    let main = by_weight(tree, &candidates(tree, &Ci::default())).map(|(at, _)| at);
    let ci = workflow::read(tree, main);
    let mut containers = Containers::default();
    devcontainer::read(tree, &mut containers);
    dockerfile::read(tree, &mut containers);
    let mut found = candidates(tree, &ci);
    let Some((language, reason)) = by_weight(tree, &found) else { return nothing(tree, settings) };
    found.sort_by_key(|it| it.language != language);
    let mut rest = found.split_off(1);
    let Some(main) = found.pop() else { return nothing(tree, settings) };
    rest.sort_by_key(|it| std::cmp::Reverse(weight(tree, it)));
    Decision { tree, settings, ci, containers, main, rest, reason }.detection()
}

fn candidates(tree: &Tree<'_>, ci: &Ci) -> Vec<Candidate> {
    let looks = [python::look, node::look, rust::look, go::look, java::look, ruby::look, php::look, c::look];
    looks.iter().filter_map(|look| look(tree, ci)).collect()
}

/// A manifest at the root is worth more than any number of files; then the number of files counts, and then a manifest elsewhere.
fn weight(tree: &Tree<'_>, it: &Candidate) -> (bool, usize, bool) {
    let files = tree.below(&it.root).filter(|path| it.language.owns(path)).count();
    (it.declared && it.root.is_empty(), files, it.declared)
}

fn by_weight(tree: &Tree<'_>, found: &[Candidate]) -> Option<(Language, Evidence)> {
    // Of equals the first wins.
    let best = found.iter().rev().max_by_key(|it| weight(tree, it))?;
    let count = |it: &Candidate| weight(tree, it).1;
    let all: usize = found.iter().map(count).sum();
    let mut reason = best.manifest.clone();
    reason.words = format!("{}; {} of {all} source files are {}", reason.words, count(best), best.language);
    Some((best.language, reason))
}

/// A repository of which nothing is known but what it says itself.
fn nothing(tree: &Tree<'_>, settings: Settings) -> Detection {
    let language = Language::C;
    let base = BaseImage { language, version: None, image: settings.image.clone() };
    let mut detection = Detection {
        languages: Vec::new(),
        base: Found::guessed(base, "no manifest of a known language"),
        packages: Vec::new(),
        setup: Vec::new(),
        build: Vec::new(),
        variables: Vec::new(),
        test: None,
        test_seconds: None,
        offline: false,
        conflicts: Vec::new(),
        warnings: vec!["nothing says how this repository is built; name it in .github/patchwright.toml".to_owned()],
    };
    override_by(tree, &mut detection, settings);
    detection
}

struct Decision<'a> {
    tree: &'a Tree<'a>,
    settings: Settings,
    ci: Ci,
    containers: Containers,
    main: Candidate,
    rest: Vec<Candidate>,
    reason: Evidence,
}

impl Decision<'_> {
    fn detection(self) -> Detection {
        let language = self.main.language;
        let mut conflicts = Vec::new();
        let base = self.base(&mut conflicts);
        let mut warnings = self.main.warnings.clone();
        for (service, evidence) in &self.ci.services {
            warnings
                .push(format!("CI runs a service `{service}` beside the tests ({evidence}); there is none in a box"));
        }
        let needed: Vec<Language> = self.main.needs.iter().map(|(needed, _)| *needed).collect();
        for other in self.rest.iter().filter(|it| it.declared && !needed.contains(&it.language)) {
            warnings.push(format!("{} is not set up: the tests are {language} ({})", other.language, other.manifest));
        }
        for (other, command, evidence) in self.ci.others.iter().filter(|(other, ..)| *other != language) {
            conflicts.push(Conflict {
                about: "tests".to_owned(),
                taken: format!("those in {language}"),
                left: format!("`{}` in {other} ({evidence})", short(command)),
            });
        }
        let languages = self.languages();
        let packages = self.packages();
        let test = self.test(&mut conflicts);
        let mut variables = self.main.variables.clone();
        self.ci_variables(&mut variables);
        let mut detection = Detection {
            languages,
            base,
            packages,
            setup: self.main.setup,
            build: self.main.build,
            variables,
            test,
            test_seconds: None,
            offline: false,
            conflicts,
            warnings,
        };
        override_by(self.tree, &mut detection, self.settings);
        detection
    }

    fn languages(&self) -> Vec<Found<LanguageAt>> {
        let at = |it: &Candidate| LanguageAt { language: it.language, root: it.root.clone() };
        let main = Found::likely(at(&self.main), self.reason.clone());
        std::iter::once(main)
            .chain(self.rest.iter().filter(|it| it.declared).map(|it| Found::likely(at(it), it.manifest.clone())))
            .collect()
    }

    fn base(&self, conflicts: &mut Vec<Conflict>) -> Found<BaseImage> {
        let language = self.main.language;
        // `python:3` says nothing.
        let exact = |named: &Named| language != Language::Python || named.versions.iter().any(|it| it.contains('.'));
        let of_language = |list: &[(Language, Named)]| -> Vec<Named> {
            list.iter().filter(|(of, named)| *of == language && exact(named)).map(|(_, named)| named.clone()).collect()
        };
        let mut named = self.main.named.clone();
        named.extend(of_language(&self.ci.versions));
        named.extend(of_language(&self.containers.versions));
        let usual = base::usual_version(language);
        let (version, evidence, more) = version::choose(&named, &self.main.allowed, &usual);
        conflicts.extend(more.into_iter().map(|it| Conflict { about: format!("version of {language}"), ..it }));
        let value = BaseImage { language, version, image: None };
        match evidence {
            Some(evidence) => Found::stated(value, evidence),
            None => Found::guessed(value, format!("no version of {language} is asked for")),
        }
    }

    fn packages(&self) -> Vec<Found<SystemPackage>> {
        let mut packages = self.main.packages.clone();
        packages.retain(|it| !base::comes_anyway(self.main.language, &it.value.name));
        let ours = self.ci.commands.iter().flat_map(|(command, evidence)| {
            shell::apt_packages(&command.words).into_iter().map(move |name| (name, evidence.clone()))
        });
        for (name, evidence) in ours.chain(self.containers.packages.iter().cloned()) {
            let known = packages.iter().any(|it| it.value.name == name);
            if !known && packages.len() < MOST_PACKAGES && !base::comes_anyway(self.main.language, &name) {
                packages.push(Found::stated(SystemPackage { name, required: false }, evidence));
            }
        }
        for (needed, evidence) in &self.main.needs {
            for name in
                base::toolchain(*needed).into_iter().filter(|name| !base::comes_anyway(self.main.language, name))
            {
                if !packages.iter().any(|it| it.value.name == name) {
                    packages.push(Found::likely(SystemPackage { name, required: false }, evidence.clone()));
                }
            }
        }
        packages
    }

    /// Variables of the job, as far as they say something about the code and not about the service.
    fn ci_variables(&self, variables: &mut Vec<Found<Variable>>) {
        let of_service = [
            "GITHUB_",
            "CI",
            "COVERALLS",
            "CODECOV",
            "CACHE",
            "ACTIONS_",
            "RUNNER_",
            "CARGO_TERM",
            "FORCE_COLOR",
            "PATH",
            "HOME",
        ];
        let of_compiler = ["RUSTFLAGS", "RUSTDOCFLAGS", "CC", "CXX", "PIP_", "UV_", "npm_config"];
        for (name, value, evidence) in &self.ci.variables {
            let foreign = of_service.iter().chain(&of_compiler).any(|prefix| name.starts_with(prefix));
            let plain = !name.is_empty() && name.chars().all(|char| char.is_ascii_alphanumeric() || char == '_');
            let of_job = ["TOKEN", "SECRET", "KEY", "PASSWORD", "CACHE", "VERSION", "DEFAULT_"]
                .iter()
                .any(|word| name.to_ascii_uppercase().contains(word));
            if plain && !foreign && !of_job && !variables.iter().any(|known| known.value.name == *name) {
                let value = Variable { name: name.clone(), value: value.clone() };
                variables.push(Found::stated(value, evidence.clone()));
            }
        }
    }

    fn test(&self, conflicts: &mut Vec<Conflict>) -> Option<Found<TestPlan>> {
        if self.main.language == Language::Python {
            return self.python_test(conflicts);
        }
        let plans = self.main.tests.iter().filter_map(|found| {
            let plan = plan(self.tree, &self.main, &found.value, &found.evidence)?;
            Some(Found { value: plan, evidence: found.evidence.clone(), confidence: found.confidence })
        });
        // A plan whose single tests can be told apart is worth more than one that only says pass or fail.
        let plans: Vec<_> = plans.collect();
        plans.iter().find(|it| it.value.runner != RunnerKind::Command).or(plans.first()).cloned()
    }

    /// Python's tests are chosen by what they import; CI says where they are.
    fn python_test(&self, conflicts: &mut Vec<Conflict>) -> Option<Found<TestPlan>> {
        let detected = self.tree.with_files(TestPlan::of_files).ok();
        let mut stated = None;
        for found in &self.main.tests {
            let Some(plan) =
                plan(self.tree, &self.main, &python_command(self.tree, &self.main, &found.value), &found.evidence)
            else {
                continue;
            };
            let better = plan.runner != RunnerKind::Command || detected.is_none();
            if better && stated.is_none() && !found.value.contains('$') {
                stated = Some(Found::stated(plan, found.evidence.clone()));
            }
        }
        match (stated, detected) {
            (Some(stated), Some(detected))
                if detected.runner != stated.value.runner && stated.value.runner == RunnerKind::Unittest =>
            {
                conflicts.push(Conflict {
                    about: "test tool".to_owned(),
                    taken: format!("pytest ({})", detected.evidence.join(", ")),
                    left: format!("{}", stated.evidence),
                });
                Some(self.found(detected))
            }
            (Some(mut stated), Some(detected)) => {
                stated.value.import_cwd = true;
                if stated.value.env.is_empty() {
                    stated.value.env = detected.env;
                }
                Some(stated)
            }
            (Some(stated), None) => Some(stated),
            (None, detected) => detected.map(|plan| self.found(plan)),
        }
    }

    fn found(&self, mut plan: TestPlan) -> Found<TestPlan> {
        if plan.cwd.is_empty() && !self.main.root.is_empty() {
            plan.cwd = self.main.root.clone();
        }
        let words = plan.evidence.first().cloned().unwrap_or_default();
        Found::likely(plan, Evidence { file: String::new(), line: None, words })
    }
}

/// Reads a command line that runs in the folder of a language, and what it stands for.
fn plan(tree: &Tree<'_>, main: &Candidate, command: &str, evidence: &Evidence) -> Option<TestPlan> {
    let root = &main.root;
    let line = if root.is_empty() { command.to_owned() } else { format!("cd {} && {command}", shell::quoted(root)) };
    // What C and C++ test has to be made anew by the same command.
    let resolve = if main.language == Language::C { TestPlan::of_script } else { TestPlan::of_recipe };
    let resolved = tree.with_files(|files| resolve(&line, files)).ok()?;
    let mut plan = match resolved.runner {
        RunnerKind::Command => TestPlan { evidence: resolved.evidence, ..TestPlan::parse_command(command).ok()? },
        _ => resolved,
    };
    if plan.cwd.is_empty() {
        plan.cwd = root.clone();
    }
    // The first is the command itself; where it stands says more.
    let stands = std::iter::once(evidence.to_string());
    plan.evidence = stands.chain(plan.evidence.into_iter().skip(1)).collect();
    Some(plan)
}

/// CI's command without what only makes reports, and without paths that are not there.
fn python_command(tree: &Tree<'_>, main: &Candidate, command: &str) -> String {
    let Ok(words) = shell_words::split(command) else { return command.to_owned() };
    let inner = shell::unwrapped(&words);
    let is_pytest = inner.first().is_some_and(|word| matches!(shell::base_name(word), "pytest" | "py.test"));
    if !is_pytest {
        return command.to_owned();
    }
    let mut kept = vec!["python".to_owned(), "-m".to_owned(), "pytest".to_owned()];
    for word in inner.iter().skip(1) {
        let path = word.split("::").next().unwrap_or(word).trim_start_matches("./").trim_end_matches('/');
        let there = !path.is_empty() && (tree.has(&main.at(path)) || tree.has_folder(&main.at(path)));
        let kept_option =
            word.starts_with("--ignore=") || word.starts_with("--import-mode") || word.starts_with("--pyargs");
        if there || kept_option {
            kept.push(word.clone());
        }
    }
    shell_words::join(&kept)
}

/// What the repository's own settings say replaces what was found.
fn override_by(tree: &Tree<'_>, detection: &mut Detection, settings: Settings) {
    let says = |key: &str| tree.says(settings::FILE, key);
    let step = |line: String| Step { line, cwd: String::new(), required: true };
    detection.warnings.extend(settings.warnings);
    if let Some(image) = settings.image {
        let value = BaseImage { image: Some(image), ..detection.base.value.clone() };
        detection.base = Found::stated(value, says("image"));
    }
    if let Some(lines) = settings.setup {
        detection.setup = lines.into_iter().map(|line| Found::stated(step(line), says("setup"))).collect();
    }
    if let Some(lines) = settings.build {
        detection.build = lines.into_iter().map(|line| Found::stated(step(line), says("build"))).collect();
    }
    if let Some(command) = settings.test {
        match tree.with_files(|files| TestPlan::of_script(&command, files)) {
            Ok(plan) => detection.test = Some(Found::stated(plan, says("test"))),
            Err(error) => detection.warnings.push(format!("{}: {error}", settings::FILE)),
        }
    }
    detection.test_seconds = settings.timeout;
    detection.offline = settings.offline;
}
