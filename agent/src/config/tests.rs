use std::path::Path;

use super::repository::Rules;
use super::secret::{AppSecrets, Source};
use super::*;

fn load(text: &str, environment: &[(&str, &str)]) -> Result<Config, String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("p.toml");
    std::fs::write(&file, text).unwrap();
    let environment: Vec<_> =
        environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Config::load(Some(&file), &environment)
        .map_err(|error| error.to_string().replace(&file.display().to_string(), "p.toml"))
}

fn refused(text: &str, expected: &str) {
    let error = load(text, &[]).unwrap_err();
    assert_eq!(error, expected);
}

fn defaults() -> Config {
    Config::load(None, &[]).unwrap()
}

#[test]
fn the_reference_is_complete_and_explains_every_key() {
    let reference: toml::Table = REFERENCE.parse().unwrap();
    let written: toml::Table = defaults().to_toml().parse().unwrap();
    assert_eq!(reference, written);
    let lines: Vec<&str> = REFERENCE.lines().collect();
    for (number, line) in lines.iter().enumerate() {
        if line.contains(" = ") && !line.starts_with('#') {
            let above =
                lines[..number].iter().rev().find(|line| line.starts_with('#') || line.starts_with('[')).unwrap();
            assert!(above.starts_with('#'), "`{line}` is not explained");
        }
    }
}

#[test]
fn a_file_lies_over_the_reference_and_the_environment_over_both() {
    let text = "[limits]\njobs = 7\nlease_seconds = 9\n[budgets]\nusd_per_job = 3\n";
    let config = load(text, &[("PATCHWRIGHT_LIMITS__JOBS", "8"), ("PATCHWRIGHT_POLICY__SKIP_LABELS", "a, b")]).unwrap();
    assert_eq!((config.limits.jobs, config.limits.lease_seconds), (8, 9));
    assert!((config.budgets.usd_per_job - 3.0).abs() < f64::EPSILON);
    assert_eq!(config.policy.skip_labels, ["a", "b"]);
    assert_eq!(config.github, defaults().github);
}

#[test]
fn what_is_wrong_is_named_with_its_line() {
    refused("[server]\n\nlisten_to = 'x'\n", "p.toml:3: unknown setting `server.listen_to`; did you mean `listen`?");
    refused("\n[sever]\n", "p.toml:2: unknown setting `sever`; did you mean `server`?");
    refused(
        "jobs = 1\n",
        "p.toml:1: unknown setting `jobs`; known are budgets, github, limits, log, policy, sandbox, search, server, store",
    );
    refused("[limits]\njobs = 'two'\n", "p.toml:2: `limits.jobs` is string, expected integer");
    refused("[limits]\njobs = 0\n", "setting `limits.jobs`: must be at least 1");
    refused("[policy]\nconfidence = 2\n", "setting `policy.confidence`: a probability lies between 0 and 1");
    for text in ["[limits\n", "[limits]\njobs = = 1\n", "[limits]\njobs = 1\njobs = 2\n"] {
        assert!(load(text, &[]).unwrap_err().starts_with("p.toml:"), "{text}");
    }
    let error = load("[sandbox]\nbackend = 'podman'\n", &[]).unwrap_err();
    assert!(error.contains("podman") && error.contains("docker"), "{error}");
    let error = load("[limits]\njobs = -1\n", &[]).unwrap_err();
    assert!(error.contains("-1"), "{error}");
    let error = load("", &[("PATCHWRIGHT_LIMITS__JOBS", "many")]).unwrap_err();
    assert_eq!(error, "variable PATCHWRIGHT_LIMITS__JOBS: `many` is no integer");
    let error = load("", &[("PATCHWRIGHT_LIMIT__JOBS", "1")]).unwrap_err();
    assert!(error.contains("did you mean `limits`?"), "{error}");
}

#[test]
fn plain_http_is_for_loopback_only() {
    for good in ["https://ghe.example.com/api/v3", "http://127.0.0.1:99", "http://localhost/x"] {
        assert!(load(&format!("[github]\napi_url = '{good}'\n"), &[]).is_ok(), "{good}");
    }
    for bad in ["http://ghe.example.com", "https://", "https://user:word@host", "file:///etc", "ghe.example.com"] {
        assert!(load(&format!("[github]\napi_url = '{bad}'\n"), &[]).is_err(), "{bad}");
    }
}

#[test]
fn a_huge_file_is_no_settings_file() {
    let text = "# ".to_owned() + &"x".repeat(2 << 20);
    assert!(load(&text, &[]).unwrap_err().contains("larger than"));
}

#[test]
fn without_a_webhook_secret_nothing_starts() {
    let config = defaults();
    let key = [("PATCHWRIGHT_GITHUB__PRIVATE_KEY".to_owned(), "pem".to_owned())];
    let error = AppSecrets::read(&config.github, &key).unwrap_err().to_string();
    assert!(error.contains("the webhook secret is missing: set `github.webhook_secret_file`"), "{error}");
    let polling = GitHub { intake: Intake::Polling, ..config.github };
    assert!(AppSecrets::read(&polling, &key).unwrap().webhook.is_empty());
}

#[test]
fn a_secret_is_trimmed_warned_about_and_never_shown() {
    use secrecy::ExposeSecret;
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    let source = |file: &'static str| Source { what: "it", key: "k", file: Path::new(file), variable: "V" };
    assert!(source("").read(&[]).unwrap().is_none());
    assert!(source("/nowhere").read(&[]).is_err());
    std::fs::write(&file, "  hush-hush\r\n").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let from_file = Source { what: "it", key: "k", file: &file, variable: "V" };
    let read = from_file.read(&[]).unwrap().unwrap();
    assert_eq!((read.value.expose_secret(), &read.warning), ("hush-hush", &None));
    assert!(!format!("{read:?}").contains("hush"));
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(from_file.read(&[]).unwrap().unwrap().warning.unwrap().contains("chmod 600"));
    let twice = [("PATCHWRIGHT_V".to_owned(), "x".to_owned())];
    assert!(from_file.read(&twice).unwrap_err().to_string().contains("given twice"));
    std::fs::write(&file, " \n").unwrap();
    assert!(from_file.read(&[]).unwrap_err().to_string().contains("is empty"));
}

#[test]
fn a_repository_narrows_and_never_widens() {
    let config = defaults();
    let rules = Rules::narrowed(
        &config,
        "test = 'pytest'\n[policy]\nmax_usd = 50\nmax_minutes = 5\nmax_open_prs = 99\ndraft = false\ntriggers = ['every-issue', 'label']\n\
         deny_paths = ['docs/**']\ncolour = 'red'\n",
    )
    .unwrap();
    assert!((rules.budgets.usd_per_job - config.budgets.usd_per_job).abs() < f64::EPSILON);
    assert_eq!(rules.search_seconds, 300);
    assert_eq!(rules.limits.open_pull_requests, config.limits.open_pull_requests);
    assert!(rules.policy.draft);
    assert_eq!(rules.policy.triggers, [Trigger::Label]);
    assert_eq!(rules.deny_paths, ["docs/**"]);
    assert_eq!(rules.warnings, ["`policy.colour` in `.github/patchwright.toml` means nothing"]);
    assert!(!Rules::narrowed(&config, "[policy]\nenabled = false\n").unwrap().enabled);
    assert!(Rules::narrowed(&config, "[policy]\nenabled = 'no'\n").is_err());
    assert!(Rules::narrowed(&config, "policy = 3\n").is_err());
    assert!(Rules::narrowed(&config, &" ".repeat(repository::MAX_BYTES + 1)).is_err());
    assert_eq!(Rules::narrowed(&config, "").unwrap(), Rules::of(&config));
}
