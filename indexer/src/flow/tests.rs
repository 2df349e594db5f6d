//! Golden views in `fixtures/flow`, and what must hold of any program.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use proptest::prelude::*;

use super::*;

/// Every file of `fixtures/flow/*/` has its views in a file of the same name with `.flow` behind it; `UPDATE_FIXTURES=1` writes them.
#[test]
fn views_are_as_written_down() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/flow");
    let mut seen = 0;
    for directory in std::fs::read_dir(&root).unwrap() {
        for file in std::fs::read_dir(directory.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|it| it == "flow") {
                continue;
            }
            let bytes = std::fs::read(&path).unwrap();
            let (name, language) = (path.display(), language_of(path.extension().unwrap().to_str().unwrap()));
            let tree = SyntaxTree::parse(language, bytes.clone());
            assert!(tree.is_clean(), "{name} has an error");
            let flows = Flow::of_all(&tree);
            let views: Vec<String> = flows.iter().map(|it| it.render(&bytes)).collect();
            let views = views.join("\n");
            let golden = path.with_extension(format!("{}.flow", path.extension().unwrap().to_str().unwrap()));
            if std::env::var_os("UPDATE_FIXTURES").is_some() {
                std::fs::write(&golden, &views).unwrap();
            }
            let expected = std::fs::read_to_string(&golden).unwrap_or_default();
            assert_eq!(views, expected, "{}", path.display());
            flows.iter().for_each(check_blocks);
            seen += 1;
        }
    }
    assert!(seen >= 4);
}

/// What is cut off anywhere still has views, or is no function any more.
#[test]
fn broken_programs_of_every_language_have_views() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/flow");
    for directory in std::fs::read_dir(&root).unwrap() {
        for file in std::fs::read_dir(directory.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            let extension = path.extension().unwrap().to_str().unwrap();
            if extension == "flow" {
                continue;
            }
            let bytes = std::fs::read(&path).unwrap();
            for end in (0..bytes.len()).step_by(23) {
                let mut broken = bytes[..end].to_vec();
                broken.extend_from_slice(&bytes[(end + 7).min(bytes.len())..]);
                for text in [&bytes[..end], &broken] {
                    let flows = Flow::of_all(&SyntaxTree::parse(language_of(extension), text));
                    flows.iter().for_each(check_blocks);
                }
            }
        }
    }
}

/// The views need no facts, so the language is known here even before its facts are read.
fn language_of(extension: &str) -> LanguageId {
    match extension {
        "py" => LanguageId::Python,
        "js" => LanguageId::JavaScript,
        "ts" => LanguageId::TypeScript,
        "java" => LanguageId::Java,
        "cs" => LanguageId::CSharp,
        "go" => LanguageId::Go,
        "c" => LanguageId::C,
        "cpp" => LanguageId::Cpp,
        "php" => LanguageId::Php,
        "rs" => LanguageId::Rust,
        "kt" => LanguageId::Kotlin,
        "rb" => LanguageId::Ruby,
        other => panic!("no language has {other}"),
    }
}

/// Every statement is in exactly one block, edges lead from blocks to blocks, and nothing leaves the exit.
fn check_blocks(flow: &Flow) {
    let mut counts = vec![0; flow.statements.len()];
    for block in &flow.blocks {
        block.statements.iter().for_each(|it| counts[*it as usize] += 1);
    }
    assert!(counts.iter().all(|it| *it == 1), "{counts:?}");
    for edge in &flow.edges {
        assert!(edge.from != 1 && edge.to != 0, "{edge:?}");
        assert!((edge.from as usize) < flow.blocks.len() && (edge.to as usize) < flow.blocks.len());
    }
    assert!(flow.blocks[1].statements.is_empty());
}

/// A small program; names are one letter.
#[derive(Clone, Debug)]
enum Code {
    Assign(u8, u8),
    Add(u8, u8),
    Walrus(u8, u8),
    Delete(u8),
    If(u8, Vec<Code>, Vec<Code>),
    While(u8, Vec<Code>, Vec<Code>),
    For(u8, u8, Vec<Code>),
    Try(Vec<Code>, Vec<Code>, Vec<Code>),
    Return(u8),
    Raise,
    Break,
    Continue,
}

fn code() -> impl Strategy<Value = Vec<Code>> {
    let name = 0_u8..4;
    let leaf = prop_oneof![
        4 => (name.clone(), name.clone()).prop_map(|(a, b)| Code::Assign(a, b)),
        2 => (name.clone(), name.clone()).prop_map(|(a, b)| Code::Add(a, b)),
        1 => (name.clone(), name.clone()).prop_map(|(a, b)| Code::Walrus(a, b)),
        1 => name.clone().prop_map(Code::Delete),
        1 => name.clone().prop_map(Code::Return),
        1 => Just(Code::Raise),
        1 => Just(Code::Break),
        1 => Just(Code::Continue),
    ];
    let tree = leaf.prop_recursive(3, 10, 3, move |inner| {
        let block = proptest::collection::vec(inner, 1..3);
        let name = 0_u8..4;
        prop_oneof![
            (name.clone(), block.clone(), block.clone()).prop_map(|(a, b, c)| Code::If(a, b, c)),
            (name.clone(), block.clone(), block.clone()).prop_map(|(a, b, c)| Code::While(a, b, c)),
            (name.clone(), name, block.clone()).prop_map(|(a, b, c)| Code::For(a, b, c)),
            (block.clone(), block.clone(), block).prop_map(|(a, b, c)| Code::Try(a, b, c)),
        ]
    });
    proptest::collection::vec(tree, 1..5)
}

fn letter(name: u8) -> char {
    char::from(b'a' + name)
}

fn print(code: &[Code], depth: usize, out: &mut String, statements: &mut usize) {
    let pad = "    ".repeat(depth);
    for it in code {
        *statements += 1;
        match it {
            Code::Assign(a, b) => out.push_str(&format!("{pad}{} = f({})\n", letter(*a), letter(*b))),
            Code::Add(a, b) => out.push_str(&format!("{pad}{} += {}\n", letter(*a), letter(*b))),
            Code::Walrus(a, b) => out.push_str(&format!("{pad}f(b and ({} := {}))\n", letter(*a), letter(*b))),
            Code::Delete(a) => out.push_str(&format!("{pad}del {}\n", letter(*a))),
            Code::Return(a) => out.push_str(&format!("{pad}return {}\n", letter(*a))),
            Code::Raise => out.push_str(&format!("{pad}raise E\n")),
            // Python refuses both outside of loops, the parser does not; they then end the function.
            Code::Break => out.push_str(&format!("{pad}break\n")),
            Code::Continue => out.push_str(&format!("{pad}continue\n")),
            Code::If(a, then, otherwise) => {
                out.push_str(&format!("{pad}if {}:\n", letter(*a)));
                print(then, depth + 1, out, statements);
                out.push_str(&format!("{pad}else:\n"));
                print(otherwise, depth + 1, out, statements);
            }
            Code::While(a, body, otherwise) => {
                out.push_str(&format!("{pad}while {}:\n", letter(*a)));
                print(body, depth + 1, out, statements);
                out.push_str(&format!("{pad}else:\n"));
                print(otherwise, depth + 1, out, statements);
            }
            Code::For(a, b, body) => {
                // The iterable and the target are statements of their own.
                *statements += 1;
                out.push_str(&format!("{pad}for {} in {}:\n", letter(*a), letter(*b)));
                print(body, depth + 1, out, statements);
            }
            Code::Try(body, handler, finally) => {
                // The word `try` runs nothing, but the handler's head does.
                out.push_str(&format!("{pad}try:\n"));
                print(body, depth + 1, out, statements);
                out.push_str(&format!("{pad}except E:\n"));
                print(handler, depth + 1, out, statements);
                out.push_str(&format!("{pad}finally:\n"));
                print(finally, depth + 1, out, statements);
            }
        }
    }
}

/// By use: the definitions that some path leads to it from, found by walking all states that a path can be in, one variable at a time.
///
/// Independent of the worklist: a state is (block, definition that holds), and states are followed one by one along the edges.
fn by_paths(flow: &Flow, steps: &[Vec<build::Step>]) -> BTreeMap<u32, BTreeSet<u32>> {
    let mut found: BTreeMap<u32, BTreeSet<u32>> = (0..flow.uses.len() as u32).map(|it| (it, BTreeSet::new())).collect();
    for variable in 0..flow.variables.len() as u32 {
        let mut seen: BTreeSet<(u32, Option<u32>)> = BTreeSet::new();
        let mut open = vec![(0_u32, None)];
        while let Some((block, held)) = open.pop() {
            if !seen.insert((block, held)) {
                continue;
            }
            let mut now: BTreeSet<Option<u32>> = BTreeSet::from([held]);
            // What may hold when the block fails: whatever held at any moment of it.
            let mut ever = now.clone();
            for statement in &flow.blocks[block as usize].statements {
                for step in &steps[*statement as usize] {
                    match step {
                        build::Step::Use(at) if flow.uses[*at as usize].variable == variable => {
                            let values = now.iter().flatten().filter(|it| !flow.definitions[**it as usize].removes);
                            found.entry(*at).or_default().extend(values);
                        }
                        build::Step::Define(at) if flow.definitions[*at as usize].variable == variable => {
                            if flow.definitions[*at as usize].sure {
                                now.clear();
                            }
                            now.insert(Some(*at));
                            ever.extend(now.iter().copied());
                        }
                        _ => {}
                    }
                }
            }
            for edge in flow.edges_from(block) {
                let leaving = if edge.kind == FlowKind::Exception { &ever } else { &now };
                open.extend(leaving.iter().map(|it| (edge.to, *it)));
            }
        }
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn chains_are_those_of_all_paths(code in code()) {
        let mut text = String::from("def f(a, b):\n");
        let mut statements = 1;
        print(&code, 1, &mut text, &mut statements);
        let tree = SyntaxTree::parse(LanguageId::Python, text.as_bytes());
        prop_assert!(tree.is_clean());
        let function = tree.root().named_children()[0];
        let (flow, steps) = build::flow_with_steps(function, &python::Python).unwrap();
        check_blocks(&flow);
        let heads = text.matches("except E").count();
        prop_assert_eq!(flow.statements.len(), statements - text.matches("try:").count() + heads, "{}", text);
        let expected = by_paths(&flow, &steps);
        for (at, usage) in flow.uses.iter().enumerate() {
            // In a block that nobody reaches a use may mean what stands before it in the block; no path leads there.
            let here: BTreeSet<u32> = usage.definitions.iter().copied().collect();
            if reached(&flow).contains(&block_of(&flow, usage.statement)) {
                prop_assert_eq!(&here, &expected[&(at as u32)], "{}\n{}", text, flow.render(text.as_bytes()));
            }
        }
    }

    #[test]
    fn no_bytes_are_too_odd(code in code(), cut in 0_usize..400, junk in proptest::collection::vec(any::<u8>(), 0..8)) {
        let mut text = String::from("def f(a, b):\n");
        print(&code, 1, &mut text, &mut 0);
        let mut bytes = text.into_bytes();
        let at = cut.min(bytes.len());
        bytes.splice(at..(at + 3).min(bytes.len()), junk);
        for flow in Flow::of_all(&SyntaxTree::parse(LanguageId::Python, bytes.clone())) {
            check_blocks(&flow);
            flow.render(&bytes);
        }
    }
}

fn reached(flow: &Flow) -> BTreeSet<u32> {
    let mut seen = BTreeSet::new();
    let mut open = vec![0];
    while let Some(block) = open.pop() {
        if seen.insert(block) {
            open.extend(flow.edges_from(block).map(|it| it.to));
        }
    }
    seen
}

fn block_of(flow: &Flow, statement: u32) -> u32 {
    flow.blocks.iter().position(|it| it.statements.contains(&statement)).unwrap() as u32
}

#[test]
fn a_line_leads_to_its_function() {
    let text = b"x = 1\ndef f():\n    def g():\n        return 1\n    return g\n";
    let tree = SyntaxTree::parse(LanguageId::Python, &text[..]);
    let name = |line| Flow::at_line(&tree, line).map(|it| it.name);
    assert_eq!(name(1), Err(FlowError::NoFunction));
    assert_eq!(name(2), Ok("f".to_owned()));
    assert_eq!(name(4), Ok("g".to_owned()));
    assert_eq!(name(5), Ok("f".to_owned()));
}

#[test]
fn what_is_nested_too_deeply_has_no_views() {
    let mut text = String::from("def f(x):\n");
    for depth in 1..400 {
        text.push_str(&format!("{}if x:\n", " ".repeat(depth)));
    }
    text.push_str(&format!("{}pass\n", " ".repeat(400)));
    let tree = SyntaxTree::parse(LanguageId::Python, text.as_bytes());
    assert_eq!(Flow::at_line(&tree, 1), Err(FlowError::TooLarge));
    // Expressions may be as deep as they like.
    let deep = format!("def f(x):\n    return {}x{}\n", "(".repeat(5000), ")".repeat(5000));
    let tree = SyntaxTree::parse(LanguageId::Python, deep.as_bytes());
    assert!(Flow::at_line(&tree, 1).is_ok());
}
