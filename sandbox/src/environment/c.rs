//! C and C++: CMake, autotools, Meson and plain makefiles.

mod libraries;

use super::candidate::{Candidate, nearest};
use super::tree::Tree;
use super::workflow::Ci;
use super::{Evidence, Found, Language};

/// How the code is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum System {
    CMake,
    Meson,
    Configured,
    Autotools,
    Make,
}

pub(super) fn look(tree: &Tree<'_>, ci: &Ci) -> Option<Candidate> {
    let names = [
        "CMakeLists.txt",
        "meson.build",
        "configure",
        "configure.ac",
        "configure.in",
        "GNUmakefile",
        "Makefile",
        "makefile",
    ];
    let (root, mut name) = nearest(tree, &names)?;
    let has_code = tree.below(&root).any(|path| Language::C.owns(path));
    if !has_code {
        return None;
    }
    let at = |name: &str| super::tree::join(&root, name);
    // The system that CI uses wins where there are several.
    let used = |programs: &[&str]| {
        let found = ci.commands.iter().find(|(command, _)| {
            command.words.first().is_some_and(|word| programs.contains(&super::shell::base_name(word)))
        });
        found.map(|(_, evidence)| evidence.clone())
    };
    let mut chosen: Option<Evidence> = None;
    for (file, programs) in [
        ("CMakeLists.txt", &["cmake", "ctest"][..]),
        ("meson.build", &["meson"]),
        ("configure.ac", &["configure", "autogen.sh", "autoreconf", "bootstrap", "buildconf"]),
    ] {
        if let (true, None, Some(evidence)) = (tree.has(&at(file)), &chosen, used(programs)) {
            chosen = Some(evidence);
            name = file.to_owned();
        }
    }
    let system = match name.as_str() {
        "CMakeLists.txt" => System::CMake,
        "meson.build" => System::Meson,
        "configure" => System::Configured,
        // A released archive has the script ready.
        "configure.ac" | "configure.in" if tree.has(&at("configure")) => System::Configured,
        "configure.ac" | "configure.in" => System::Autotools,
        _ => System::Make,
    };
    let evidence = chosen.unwrap_or_else(|| tree.present(&at(&name)));
    let mut it = Candidate::new(Language::C, root.clone(), evidence.clone());
    libraries::add(tree, &mut it);
    steps(tree, &mut it, ci, system, &at(&name), evidence);
    Some(it)
}

fn steps(tree: &Tree<'_>, it: &mut Candidate, ci: &Ci, system: System, file: &str, evidence: Evidence) {
    let mut build = |line: String| it.build.push(Found::likely(it.step(line), evidence.clone()));
    match system {
        System::CMake => {
            let options = cmake_options(tree, ci, file);
            build(format!("cmake -S . -B build{options}"));
            build("cmake --build build --parallel 2".to_owned());
            it.tests.push(Found::likely("ctest --test-dir build --output-on-failure".to_owned(), evidence));
        }
        System::Meson => {
            build("meson setup build".to_owned());
            build("meson compile -C build".to_owned());
            it.package("meson", evidence.clone());
            it.tests.push(Found::likely("meson test -C build --print-errorlogs".to_owned(), evidence));
        }
        System::Configured | System::Autotools => {
            if system == System::Autotools {
                let script = ["autogen.sh", "bootstrap", "buildconf"].into_iter().find(|name| tree.has(&it.at(name)));
                let line =
                    script.map_or_else(|| "autoreconf -fi".to_owned(), |name| format!("NOCONFIGURE=1 sh ./{name}"));
                let step = it.step(line);
                it.build.push(Found::likely(step, evidence.clone()));
                for package in ["autoconf", "automake", "libtool", "gettext", "autopoint"] {
                    it.package(package, evidence.clone());
                }
            }
            it.build.push(Found::likely(it.step("sh ./configure"), evidence.clone()));
            it.build.push(Found::likely(it.step("make -j2"), evidence.clone()));
            it.tests.push(Found::likely("make check".to_owned(), evidence));
        }
        System::Make => {
            build("make -j2".to_owned());
            let text = tree.text(file).unwrap_or_default();
            let target = ["check", "test", "tests"].into_iter().find(|name| has_target(&text, name));
            let stated = ci.test(Language::C).filter(|(command, _)| !command.is_open());
            if let Some((command, evidence)) = stated {
                it.tests.push(Found::stated(command.text(), evidence.clone()));
            } else if let Some(target) = target {
                it.tests.push(Found::likely(format!("make {target}"), tree.says(file, &format!("{target}:"))));
            }
        }
    }
}

fn has_target(makefile: &str, name: &str) -> bool {
    makefile.lines().any(|line| {
        line.split_once(':')
            .is_some_and(|(targets, rest)| !rest.starts_with('=') && targets.split_whitespace().any(|it| it == name))
    })
}

/// Options that CI gives, and those that switch tests on by the usual names.
fn cmake_options(tree: &Tree<'_>, ci: &Ci, file: &str) -> String {
    let mut options: Vec<String> = Vec::new();
    let configured = ci.commands.iter().find(|(command, _)| {
        command.words.first().is_some_and(|word| word == "cmake") && !command.words.iter().any(|word| word == "--build")
    });
    for word in configured.iter().flat_map(|(command, _)| &command.words) {
        let machine = [
            "-DCMAKE_C",
            "-DCMAKE_INSTALL",
            "-DCMAKE_TOOLCHAIN",
            "-DCMAKE_BUILD_TYPE",
            "-DCMAKE_PREFIX",
            "-DCMAKE_OSX",
        ];
        if word.starts_with("-D")
            && word.contains('=')
            && !word.contains('$')
            && !machine.iter().any(|it| word.starts_with(it))
        {
            options.push(word.clone());
        }
    }
    let text = tree.text(file).unwrap_or_default();
    for line in text.lines().map(str::trim) {
        let Some(rest) = line.strip_prefix("option(").or_else(|| line.strip_prefix("OPTION(")) else { continue };
        let name = rest.split(|char: char| char.is_whitespace() || char == ')').next().unwrap_or_default();
        let upper = name.to_ascii_uppercase();
        let of_tests = upper.ends_with("BUILD_TESTS")
            || upper.ends_with("BUILD_TESTING")
            || upper.ends_with("_TESTS")
            || upper.ends_with("ENABLE_TESTING");
        let plain = !name.is_empty() && name.chars().all(|char| char.is_ascii_alphanumeric() || char == '_');
        if of_tests
            && plain
            && !upper.contains("NO_")
            && !options.iter().any(|it| it.starts_with(&format!("-D{name}=")))
        {
            options.push(format!("-D{name}=ON"));
        }
    }
    options.iter().map(|option| format!(" {}", super::shell::quoted(option))).collect()
}
