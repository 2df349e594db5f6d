//! Java: Maven's pom.xml and Gradle's build files.

use super::candidate::{Candidate, nearest};
use super::tree::Tree;
use super::version::{Allowed, Named, Rank, clean};
use super::workflow::Ci;
use super::{Found, Language};

pub(super) fn look(tree: &Tree<'_>, ci: &Ci) -> Option<Candidate> {
    let names = ["pom.xml", "build.gradle", "build.gradle.kts", "settings.gradle", "settings.gradle.kts"];
    let (root, name) = nearest(tree, &names)?;
    let file = super::tree::join(&root, &name);
    let mut it = Candidate::new(Language::Java, root, tree.present(&file));
    it.pin(tree, ".java-version");
    if name == "pom.xml" {
        maven(tree, &mut it, &file)
    } else {
        gradle(tree, &mut it, &file)
    }
    let known = it.tests.len();
    for (command, evidence) in ci.tests(Language::Java).filter(|(command, _)| !command.is_open()) {
        it.tests.push(Found::stated(offline(&command.text()), evidence.clone()));
    }
    // The plain command comes last where CI names its own profile.
    it.tests.rotate_left(known);
    Some(it)
}

fn maven(tree: &Tree<'_>, it: &mut Candidate, file: &str) {
    let text = tree.text(file).unwrap_or_default();
    for tag in [
        "maven.compiler.release",
        "java.version",
        "maven.compiler.target",
        "maven.compiler.source",
        "release",
        "target",
        "source",
    ] {
        let Some(version) = element(&text, tag).and_then(|value| clean(value.trim_start_matches("1."))) else {
            continue;
        };
        it.allowed.push(Allowed::parse(&format!(">={version}"), tree.says(file, &format!("<{tag}>"))));
        break;
    }
    let evidence = tree.present(file);
    // Surefire finds its provider only when it runs tests, so one run that selects none fetches that too.
    let fetch = "mvn -B -ntp -Dmaven.repo.local=/patchwright/home/m2 test -DskipTests dependency:go-offline";
    it.setup.push(Found::likely(it.step(fetch), evidence.clone()));
    let warm = "mvn -B -ntp -Dmaven.repo.local=/patchwright/home/m2 test -Dtest=NoSuchTest -Dsurefire.failIfNoSpecifiedTests=false -DfailIfNoTests=false";
    it.build.push(Found::likely(it.step(warm), evidence.clone()));
    it.tests.push(Found::likely("mvn -B -o -Dmaven.repo.local=/patchwright/home/m2 test".to_owned(), evidence));
}

fn gradle(tree: &Tree<'_>, it: &mut Candidate, file: &str) {
    for build in ["build.gradle", "build.gradle.kts"] {
        let build = it.at(build);
        let text = tree.text(&build).unwrap_or_default();
        for needle in [
            "JavaLanguageVersion.of(",
            "jvmToolchain(",
            "sourceCompatibility = JavaVersion.VERSION_",
            "sourceCompatibility = ",
        ] {
            let Some(at) = text.find(needle) else { continue };
            let rest = text[at + needle.len()..].trim_start_matches(['\'', '"']).replace('_', ".");
            let digits: String = rest.chars().take_while(|char| char.is_ascii_digit() || *char == '.').collect();
            if let Some(version) = clean(digits.trim_start_matches("1.")) {
                it.named.push(Named {
                    rank: Rank::Manifest,
                    versions: vec![version],
                    evidence: tree.says(&build, needle),
                });
                break;
            }
        }
    }
    let wrapper = tree.has(&it.at("gradlew"));
    let evidence = tree.present(&if wrapper { it.at("gradlew") } else { file.to_owned() });
    let program = if wrapper { "sh ./gradlew" } else { "gradle" };
    it.build
        .push(Found::likely(it.step(format!("{program} --no-daemon --console=plain testClasses")), evidence.clone()));
    it.tests.push(Found::likely(format!("{program} --no-daemon --console=plain --offline test"), evidence));
}

fn offline(command: &str) -> String {
    match command.split_once(' ') {
        Some((program, rest)) if program.ends_with("mvn") => {
            format!("mvn -o -Dmaven.repo.local=/patchwright/home/m2 {rest}")
        }
        Some((program, rest)) if program.contains("gradle") => format!("{program} --offline {rest}"),
        _ => command.to_owned(),
    }
}

/// Returns the text of the first element of this name.
fn element<'a>(text: &'a str, tag: &str) -> Option<&'a str> {
    let start = text.find(&format!("<{tag}>"))? + tag.len() + 2;
    let end = text[start..].find("</")?;
    Some(text[start..start + end].trim())
}
