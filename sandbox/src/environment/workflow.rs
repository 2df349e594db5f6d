//! CI workflows: the job that runs the tests says which versions, packages and commands work.

use super::shell::{self, Command};
use super::tree::{Tree, number, short};
use super::version::{Named, Rank, clean};
use super::yaml::Yaml;
use super::{Evidence, Language};

const FOLDER: &str = ".github/workflows";
const MOST_FILES: usize = 40;
const MOST_JOBS: usize = 200;

/// What the chosen job says.
#[derive(Debug, Default)]
pub(super) struct Ci {
    pub(super) versions: Vec<(Language, Named)>,
    pub(super) commands: Vec<(Command, Evidence)>,
    pub(super) variables: Vec<(String, String, Evidence)>,
    pub(super) image: Option<(String, Evidence)>,
    pub(super) services: Vec<(String, Evidence)>,
    /// Test commands of jobs that were not chosen, and run tests of another language.
    pub(super) others: Vec<(Language, String, Evidence)>,
}

impl Ci {
    /// Returns the first command that runs tests of a language.
    pub(super) fn test(&self, language: Language) -> Option<&(Command, Evidence)> {
        self.tests(language).next()
    }

    /// Returns the commands that run tests of a language.
    pub(super) fn tests(&self, language: Language) -> impl Iterator<Item = &(Command, Evidence)> {
        self.commands.iter().filter(move |(command, _)| shell::tests_of(&command.words) == Some(language))
    }
}

struct Job {
    ci: Ci,
    score: i32,
    tested: Option<(Language, String, Evidence)>,
}

/// Reads the workflows and chooses the job that most looks like the one that tests.
pub(super) fn read(tree: &Tree<'_>, main: Option<Language>) -> Ci {
    let mut jobs = Vec::new();
    let is_workflow = |path: &&repo::RepoPath| {
        matches!(path.extension(), Some(b"yml" | b"yaml"))
            && path.parent().is_some_and(|it| it.as_bytes() == FOLDER.as_bytes())
    };
    for path in tree.paths().filter(is_workflow).take(MOST_FILES) {
        let file = path.to_str_lossy().into_owned();
        let Some(yaml) = tree.text(&file).and_then(|text| Yaml::parse(&text)) else { continue };
        for (name, job) in yaml.get("jobs").into_iter().flat_map(Yaml::entries) {
            if jobs.len() < MOST_JOBS {
                jobs.push(read_job(&file, name, job, &yaml, main));
            }
        }
    }
    // The first of several equals.
    let best = jobs.iter().enumerate().max_by_key(|(at, job)| (job.score, std::cmp::Reverse(*at))).map(|(at, _)| at);
    let Some(best) = best.filter(|at| jobs[*at].score > 0) else { return Ci::default() };
    let chosen = jobs.swap_remove(best);
    let mut ci = chosen.ci;
    let tested = chosen.tested.map(|(language, ..)| language);
    for (language, command, evidence) in jobs.into_iter().filter_map(|job| job.tested) {
        if Some(language) != tested && !ci.others.iter().any(|(known, ..)| *known == language) {
            ci.others.push((language, command, evidence));
        }
    }
    ci
}

fn read_job(file: &str, name: &str, job: &Yaml, workflow: &Yaml, main: Option<Language>) -> Job {
    let matrix = job.get("strategy").and_then(|it| it.get("matrix"));
    let mut ci = Ci::default();
    for scope in [workflow, job] {
        read_variables(file, scope, &mut ci);
    }
    let folder = working_directory(job).or_else(|| working_directory(workflow));
    for step in job.get("steps").into_iter().flat_map(Yaml::items) {
        read_step(file, step, matrix, folder, &mut ci);
    }
    let container = job
        .get("container")
        .and_then(|it| it.text().map(|text| (text, it)).or_else(|| Some((it.get("image")?.text()?, it))));
    ci.image = container.map(|(image, at)| (image.to_owned(), at_line(file, at.line, image)));
    for (service, at) in job.get("services").into_iter().flat_map(Yaml::entries) {
        ci.services.push((short(service), at_line(file, at.line, service)));
    }
    let languages: Vec<(Language, &(Command, Evidence))> =
        ci.commands.iter().filter_map(|it| Some((shell::tests_of(&it.0.words)?, it))).collect();
    let tested = languages.iter().find(|(language, _)| Some(*language) == main).or(languages.first());
    let tested = tested.map(|(language, (command, evidence))| (*language, command.text(), evidence.clone()));
    let wide = |language| ci.tests(language).any(|(command, _)| !shell::is_partial(&command.words));
    let how = tested.as_ref().map(|(language, ..)| (*language, !wide(*language)));
    let score = score(file, name, job, how, main);
    Job { ci, score, tested }
}

/// Says how much a job looks like the one that tests. What it tests is a language, and whether that is only a part of the tests.
fn score(file: &str, name: &str, job: &Yaml, tested: Option<(Language, bool)>, main: Option<Language>) -> i32 {
    let Some(tested) = tested else { return 0 };
    let language = tested.0;
    let runs_on =
        job.get("runs-on").map(|it| it.items().iter().filter_map(Yaml::text).collect::<String>()).unwrap_or_default();
    let word = |text: &str, words: &[&str]| words.iter().any(|word| text.to_ascii_lowercase().contains(word));
    let label = format!("{name} {}", job.get("name").and_then(Yaml::text).unwrap_or_default());
    10 + 8 * i32::from(Some(language) == main)
        + 3 * i32::from(word(&label, &["test", "unit"]))
        + 2 * i32::from(word(file, &["test", "ci.", "build", "main", "check"]))
        - 6 * i32::from(word(&runs_on, &["windows", "macos"]))
        - 4 * i32::from(word(
            &label,
            &[
                "lint",
                "doc",
                "coverage",
                "bench",
                "nightly",
                "release",
                "publish",
                "windows",
                "macos",
                "minimal",
                "wasm",
                "pypy",
                "32",
                "e2e",
                "end-to-end",
                "integration",
                "smoke",
                "subset",
                "native",
            ],
        ))
        - 3 * i32::from(word(file, &["release", "publish", "nightly", "cron", "wheel", "docs", "deploy", "e2e"]))
        - 4 * i32::from(tested.1)
}

fn working_directory(scope: &Yaml) -> Option<&str> {
    scope.get("defaults")?.get("run")?.get("working-directory")?.text()
}

fn read_variables(file: &str, scope: &Yaml, ci: &mut Ci) {
    for (name, value) in scope.get("env").into_iter().flat_map(Yaml::entries) {
        let Some(text) = value.text().filter(|text| !text.contains("${{") && text.len() < 500) else { continue };
        ci.variables.push((name.to_owned(), text.to_owned(), at_line(file, value.line, &format!("{name}: {text}"))));
    }
}

fn read_step(file: &str, step: &Yaml, matrix: Option<&Yaml>, folder: Option<&str>, ci: &mut Ci) {
    if let Some(uses) = step.get("uses").and_then(Yaml::text) {
        read_action(file, uses, step, matrix, ci);
    }
    let (Some(run), Some(at)) = (step.get("run").and_then(Yaml::text), step.get("run")) else { return };
    let shell = step.get("shell").and_then(Yaml::text).unwrap_or("bash");
    let elsewhere = step.get("if").and_then(Yaml::text).is_some_and(|it| {
        let it = it.to_ascii_lowercase();
        ["windows", "macos", "darwin"].iter().any(|os| it.contains(os)) && !it.contains("!=")
    });
    if elsewhere || !(shell.starts_with("bash") || shell.starts_with("sh")) {
        return;
    }
    let start = step.get("working-directory").and_then(Yaml::text).or(folder);
    for mut command in shell::commands(run) {
        let line = at.line + command.line;
        command.cwd = match start {
            Some(start) => command.cwd.and_then(|cwd| shell::inside(&shell::inside("", start)?, &cwd)),
            None => command.cwd,
        };
        command.words = command.words.iter().map(|word| resolved(word, matrix)).collect();
        let evidence = at_line(file, line, &command.text());
        ci.commands.push((command, evidence));
    }
}

/// Replaces an expression by the matrix's first value, where it has one.
fn resolved(word: &str, matrix: Option<&Yaml>) -> String {
    let Some(start) = word.find("${{matrix.") else { return word.to_owned() };
    let Some(end) = word[start..].find("}}") else { return word.to_owned() };
    let key = &word[start + 10..start + end];
    match values(matrix, key).into_iter().next() {
        Some(value) => format!("{}{value}{}", &word[..start], &word[start + end + 2..]),
        None => word.to_owned(),
    }
}

/// Returns the values of a key of the matrix.
fn values(matrix: Option<&Yaml>, key: &str) -> Vec<String> {
    let Some(matrix) = matrix else { return Vec::new() };
    let direct = matrix.get(key).into_iter().flat_map(Yaml::items).filter_map(Yaml::text);
    let included = matrix.get("include").into_iter().flat_map(Yaml::items).filter_map(|it| it.get(key)?.text());
    direct.chain(included).filter(|value| !value.contains("${{")).map(str::to_owned).take(100).collect()
}

fn read_action(file: &str, uses: &str, step: &Yaml, matrix: Option<&Yaml>, ci: &mut Ci) {
    let action = uses.split('@').next().unwrap_or(uses);
    let (language, keys): (Language, &[&str]) = match action {
        "actions/setup-python" => (Language::Python, &["python-version"]),
        "actions/setup-node" => (Language::JavaScript, &["node-version"]),
        "actions/setup-go" => (Language::Go, &["go-version"]),
        "actions/setup-java" => (Language::Java, &["java-version"]),
        "ruby/setup-ruby" | "actions/setup-ruby" => (Language::Ruby, &["ruby-version"]),
        "shivammathur/setup-php" => (Language::Php, &["php-version"]),
        "actions-rs/toolchain" | "dtolnay/rust-toolchain" => (Language::Rust, &["toolchain"]),
        _ => return,
    };
    let value = keys.iter().find_map(|key| step.get("with")?.get(key));
    let written: Vec<&str> =
        value.into_iter().flat_map(Yaml::items).filter_map(Yaml::text).flat_map(str::lines).collect();
    let mut versions = Vec::new();
    for text in &written {
        let compact: String = text.chars().filter(|char| !char.is_whitespace()).collect();
        match compact.strip_prefix("${{matrix.").and_then(|it| it.strip_suffix("}}")) {
            Some(key) => versions.extend(values(matrix, key)),
            None => versions.push((*text).to_owned()),
        }
    }
    // The oldest version that still works stands beside the one that everybody has.
    let newest = versions.iter().any(|version| ["stable", "latest"].contains(&version.trim()));
    let versions: Vec<String> = versions.iter().filter_map(|version| clean(version)).collect();
    if !versions.is_empty() && !newest {
        let line = value.map_or(step.line, |it| it.line);
        let evidence = at_line(file, line, &format!("{action}: {}", versions.join(", ")));
        ci.versions.push((language, Named { rank: Rank::Ci, versions, evidence }));
    }
}

fn at_line(file: &str, line: u32, words: &str) -> Evidence {
    Evidence { file: file.to_owned(), line: Some(line.max(number(0))), words: short(words) }
}
