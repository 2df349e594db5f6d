//! Annotated programs: each file below `fixtures/facts` says in comments of its own what the facts of each of its lines are.
//!
//! A line that begins with `//:` or `#:` is an annotation. It is taken out before the file is read, and states one fact of the line before
//! it (at the top of the file: of the file as a whole). Every fact has to be stated and every statement has to be a fact. To add a case, add
//! a file; `UPDATE_FIXTURES=1` writes the annotations, which are then to be read with care: they are what the test holds to be right.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use repo::RepoPath;

use crate::facts::{FileFacts, Import, ImportItem, Receiver, Reference};
use crate::parse;
use crate::symbol::{Definition, Form};
use crate::syntax::LanguageId;

const MARKS: [&str; 2] = ["//:", "#:"];

#[test]
fn every_fact_of_the_annotated_programs_is_stated_and_every_statement_a_fact() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/facts");
    let mut wrong = String::new();
    let files = files_below(&root);
    assert!(!files.is_empty(), "the fixtures are gone");
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        let stated = annotations(&text);
        let code = code(&text);
        let facts = facts_by_line(&path, &code);
        if std::env::var_os("UPDATE_FIXTURES").is_some() {
            fs::write(&path, annotated(&path, &code, &facts)).unwrap();
            continue;
        }
        let lines: BTreeSet<u32> = stated.keys().chain(facts.keys()).copied().collect();
        for line in lines {
            let (stated, facts) = (stated.get(&line), facts.get(&line));
            let (stated, facts) = (stated.cloned().unwrap_or_default(), facts.cloned().unwrap_or_default());
            let place = path.strip_prefix(&root).unwrap().display();
            for it in stated.iter().filter(|it| !facts.contains(it)) {
                let _ = writeln!(wrong, "{place}, line {line} of the code: stated, but no fact: {it}");
            }
            for it in facts.iter().filter(|it| !stated.contains(it)) {
                let _ = writeln!(wrong, "{place}, line {line} of the code: a fact, but not stated: {it}");
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

fn files_below(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(files_below(&path)) } else { files.push(path) }
    }
    files.sort();
    files
}

fn annotation(line: &str) -> Option<&str> {
    MARKS.iter().find_map(|it| line.trim_start().strip_prefix(it)).map(str::trim)
}

fn code(text: &str) -> String {
    text.lines().filter(|it| annotation(it).is_none()).fold(String::new(), |code, it| code + it + "\n")
}

fn annotations(text: &str) -> BTreeMap<u32, Vec<String>> {
    let mut stated: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    let mut line = 0;
    for it in text.lines() {
        match annotation(it) {
            Some(fact) => stated.entry(line).or_default().push(fact.to_owned()),
            None => line += 1,
        }
    }
    stated
}

fn annotated(path: &Path, code: &str, facts: &BTreeMap<u32, Vec<String>>) -> String {
    let hash = path.extension().is_some_and(|it| it == "py" || it == "rb");
    let mark = if hash { "#:" } else { "//:" };
    let mut text = String::new();
    let state = |text: &mut String, line| {
        facts.get(&line).into_iter().flatten().for_each(|it| {
            let _ = writeln!(text, "{mark} {it}");
        });
    };
    state(&mut text, 0);
    for (at, line) in code.lines().enumerate() {
        let _ = writeln!(text, "{line}");
        state(&mut text, at as u32 + 1);
    }
    text
}

fn facts_by_line(path: &Path, code: &str) -> BTreeMap<u32, Vec<String>> {
    let name = RepoPath::new(path.file_name().unwrap().to_str().unwrap()).unwrap();
    let language = LanguageId::of_file(&name, code.as_bytes()).unwrap();
    let facts = parse::facts(language, code.as_bytes());
    let mut lines: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    let mut state = |line: u32, fact: String| lines.entry(line).or_default().push(fact);
    state(0, file(language, &facts));
    facts.symbols.iter().for_each(|it| state(it.lines.start, definition(it)));
    facts.imports.iter().for_each(|it| state(it.line, import(it)));
    facts.exported.iter().for_each(|it| state(it.line, format!("export {} is {}", it.name, it.local)));
    facts.implements.iter().for_each(|it| state(it.line, format!("implements {}: {}", it.class, it.base)));
    facts.references.iter().for_each(|it| state(it.line, reference(&facts, it)));
    for (what, spans) in [("string", &facts.strings), ("comment", &facts.comments), ("doc", &facts.docs)] {
        for it in spans {
            state(it.line, format!("{what} {:?}{}", it.text, within(&facts, it.within)));
        }
    }
    lines
}

fn file(language: LanguageId, facts: &FileFacts) -> String {
    let mut text = format!("file {language}");
    if let Some(namespace) = &facts.namespace {
        let _ = write!(text, " namespace={namespace}");
    }
    if let Some(doc) = &facts.doc {
        let _ = write!(text, " doc={doc:?}");
    }
    if facts.is_test {
        text.push_str(" test");
    }
    if facts.error_nodes > 0 {
        text.push_str(" broken");
    }
    text
}

fn definition(it: &Definition) -> String {
    let mut text = format!("def {} {} {}", it.form.as_str().replace(' ', "-"), it.qualified, it.lines);
    let _ = write!(text, " `{}`", it.signature);
    if it.form.as_str() != it.kind.as_str() {
        let _ = write!(text, " kind={}", it.kind);
    }
    for (label, texts) in [("bases", &it.bases), ("decorators", &it.decorators)] {
        if !texts.is_empty() {
            let _ = write!(text, " {label}={texts:?}");
        }
    }
    let optional = [
        ("owner", &it.owner),
        ("namespace", &it.namespace),
        (if it.kind.is_callable() && it.form != Form::Accessor { "gives" } else { "holds" }, &it.instance_of),
    ];
    for (label, value) in optional {
        if let Some(value) = value {
            let _ = write!(text, " {label}={value}");
        }
    }
    if let Some(doc) = &it.doc {
        let _ = write!(text, " doc={doc:?}");
    }
    if it.is_test {
        text.push_str(" test");
    }
    text
}

fn import(it: &Import) -> String {
    let item = match &it.item {
        ImportItem::Module { alias: None } => "itself".to_owned(),
        ImportItem::Module { alias: Some(alias) } => format!("itself as {alias}"),
        ImportItem::Name { name, alias: None } => name.clone(),
        ImportItem::Name { name, alias: Some(alias) } => format!("{name} as {alias}"),
        ImportItem::Star => "*".to_owned(),
    };
    let again = if it.reexported { " exported" } else { "" };
    format!("import {:?} {}{}: {item}{again}", it.form, ".".repeat(it.level as usize), it.module)
}

fn reference(facts: &FileFacts, it: &Reference) -> String {
    let receiver = match it.receiver {
        Receiver::Bare => String::new(),
        Receiver::Own => " of own".to_owned(),
        Receiver::Super => " of super".to_owned(),
        Receiver::Path(path) => format!(" of {}", facts.name(path)),
        Receiver::Instance(class) => format!(" of a {}", facts.name(class)),
        Receiver::OwnField(field) => format!(" of own {}", facts.name(field)),
        Receiver::Unknown => " of ?".to_owned(),
    };
    let usage = format!("{:?}", it.usage).to_lowercase();
    format!("{usage} {}{receiver}{}", facts.name(it.name), within(facts, it.within))
}

fn within(facts: &FileFacts, within: Option<u32>) -> String {
    within.map_or_else(String::new, |it| format!(" in {}", facts.symbols[it as usize].qualified))
}
