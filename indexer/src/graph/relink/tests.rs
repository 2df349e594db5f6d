//! Linking again equals linking all: over changes of small repositories, and over the history of a real one.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use proptest::prelude::*;
use repo::{BlobId, RepoPath};
use rustc_hash::FxHashMap;

use super::{Linked, Relinked, relink};
use crate::FileFacts;
use crate::graph::config::Project;
use crate::graph::outline::Outline;
use crate::graph::resolve::{Sources, resolve};
use crate::graph::{Edges, Nodes};
use crate::language;
use crate::syntax::LanguageId;
use crate::view::{FoundFile, Inventory, Summary};

/// All that is kept of a snapshot.
struct Kept {
    inventory: Inventory,
    facts: Vec<Arc<FileFacts>>,
    outlines: Vec<Arc<Outline>>,
    project: Project,
}

type Known = FxHashMap<(LanguageId, [u8; 20]), Option<(Arc<FileFacts>, Arc<Outline>)>>;

impl Kept {
    /// Takes files in path order; `known` keeps facts from one snapshot to the next.
    fn of(files: &[(RepoPath, BlobId)], project: Project, known: &mut Known, read: &dyn Fn(BlobId) -> Vec<u8>) -> Kept {
        let (mut kept, mut facts, mut outlines) = (Vec::new(), Vec::new(), Vec::new());
        for (path, blob) in files {
            let Some(language) = LanguageId::of_path(path) else { continue };
            let found = known.entry((language, *blob.as_bytes())).or_insert_with(|| {
                let facts = crate::parse::read(language, &read(*blob)).ok()?;
                let outline = Outline::of(&facts);
                Some((Arc::new(facts), Arc::new(outline)))
            });
            let Some((of_file, outline)) = found else { continue };
            let is_test = language::of(language).is_test_path(path);
            let summary = Arc::new(Summary::of(of_file, None));
            kept.push(FoundFile { path: path.clone(), blob: *blob, language, is_test, summary });
            facts.push(Arc::clone(of_file));
            outlines.push(Arc::clone(outline));
        }
        Kept { inventory: Inventory::new(kept, Vec::new()), facts, outlines, project }
    }

    fn of_texts(files: &BTreeMap<String, String>, known: &mut Known) -> Kept {
        let id = |text: &str| {
            let mut bytes = [0; 20];
            bytes.copy_from_slice(&blake3::hash(text.as_bytes()).as_bytes()[..20]);
            BlobId::from_bytes(bytes)
        };
        let texts: FxHashMap<[u8; 20], &String> = files.values().map(|it| (*id(it).as_bytes(), it)).collect();
        let mut listed: Vec<_> = files.iter().map(|(path, text)| (RepoPath::new(path).unwrap(), id(text))).collect();
        listed.sort();
        let configuration: Vec<_> = files.iter().map(|(path, text)| (RepoPath::new(path).unwrap(), text)).collect();
        let configuration = configuration.iter().filter(|it| Project::reads(&it.0));
        let project = Project::of(configuration.map(|it| (&it.0, it.1.as_bytes())));
        Kept::of(&listed, project, known, &|it| texts[it.as_bytes()].clone().into_bytes())
    }

    fn with<T>(&self, use_it: impl FnOnce(Sources<'_>) -> T) -> T {
        let facts: Vec<&FileFacts> = self.facts.iter().map(AsRef::as_ref).collect();
        let outlines: Vec<&Outline> = self.outlines.iter().map(AsRef::as_ref).collect();
        use_it(Sources { inventory: &self.inventory, facts: &facts, outlines: &outlines, project: &self.project })
    }

    fn edges(&self) -> Edges {
        self.with(|it| resolve(&it))
    }

    fn relinked(&self, old: &Kept, edges: &Edges) -> Relinked {
        old.with(|sources| self.with(|new| relink(&Linked { sources, edges }, &new)))
    }

    fn label(&self, node: u32) -> String {
        let inventory = &self.inventory;
        match Nodes::of(inventory).node(crate::graph::NodeId(node)) {
            Some(crate::graph::Node::Symbol(it)) => {
                let symbol = &inventory.symbols[it.0 as usize];
                format!("{}::{}", symbol.path, symbol.qualified)
            }
            Some(crate::graph::Node::File(it)) => inventory.files[it.0 as usize].path.to_string(),
            other => format!("{other:?}"),
        }
    }

    fn lines(&self, edges: &Edges) -> Vec<String> {
        let mut lines = Vec::new();
        for node in 0..Nodes::of(&self.inventory).count() as u32 {
            for it in edges.at(crate::graph::NodeId(node), crate::graph::Direction::Out) {
                lines.push(format!(
                    "{} {:?} {} {:.2}",
                    self.label(node),
                    it.kind,
                    self.label(it.node.0),
                    it.confidence
                ));
            }
        }
        lines
    }

    /// Fails with the first edges that differ.
    fn assert_equal(&self, one: &Edges, other: &Edges, context: &str) {
        if one == other {
            return;
        }
        let (one, other) = (self.lines(one), self.lines(other));
        let only = |one: &[String], other: &[String]| -> Vec<String> {
            one.iter().filter(|it| !other.contains(it)).take(5).cloned().collect()
        };
        panic!("{context}\nonly linked again: {:#?}\nonly linked whole: {:#?}", only(&one, &other), only(&other, &one));
    }
}

/// The lines from which small Python files are made.
const PYTHON: &[&str] = &[
    "from .a import f",
    "from .b import f as g",
    "from pkg.a import K",
    "from pkg import b as c",
    "from . import a, b",
    "import pkg.a",
    "import pkg.b as d",
    "from .b import *",
    "from .sub.e import K as L, h",
    "def f(): return g()",
    "def g(x: K): x.m(); x.n.m()",
    "def h(): f(); c.f(); d.h(); pkg.a.g(); L().o()",
    "class K:\n    def m(self): self.o()\n    n: M = None",
    "class K(M):\n    def __init__(self): self.n = L()\n    def o(self): self.n.p(); super().m()",
    "class L(K):\n    def p(self): return unknown().m()",
    "class M:\n    def m(self): pass\n    def o(self): pass\n    size = 3",
    "class M(L): pass",
    "v = K()\nv.m()",
    "v.o(); L.p; other.size",
    "__all__ = ['f', '_x']",
    "_x = L()",
    "_x.p()",
];
const PYTHON_FILES: &[&str] = &[
    "pkg/__init__.py",
    "pkg/a.py",
    "pkg/b.py",
    "pkg/sub/__init__.py",
    "pkg/sub/e.py",
    "pkg/M.py",
    "tests/test_a.py",
    "tool.py",
];
const SCRIPT: &[&str] = &[
    "import { f } from './a';",
    "import K, { g as h } from './b';",
    "export * from './a';",
    "export { f as k } from './sub';",
    "import * as s from './sub';",
    "const q = require('./b');",
    "export default class K { m() { this.n(); } n() {} }",
    "export class L extends K { n() { super.m(); } o() { return new K().m(); } }",
    "export function f() { g(); s.k(); q.g(); h(); }",
    "export function g() { const l = new L(); l.o(); x.unusual(); }",
    "class Q { unusual() {} }",
    "module.exports = { g: f };",
    "export { f as default };",
];
const SCRIPT_FILES: &[&str] =
    &["src/a.ts", "src/b.ts", "src/sub/index.ts", "src/sub/c.js", "src/a.test.ts", "src/sub.ts"];

/// Functions that say what they return, across packages.
const GO: &[&str] = &[
    "import \"a\"",
    "import \"b\"",
    "func Open() (*K, error) { return nil, nil }",
    "func Open() *a.K { return nil }",
    "func Make() L { return L{} }",
    "func Make() (n int, k *a.K) { return }",
    "type K struct { l *L; M }",
    "type L struct { k a.K }",
    "type M struct { l b.L }",
    "func (k *K) L() *L { return nil }",
    "func (m *M) L() *b.L { return nil }",
    "func (k *K) Run() {}",
    "func (l *L) Run() {}",
    "func (l *L) Made() a.K { return a.K{} }",
    "func use() { k, _ := Open(); k.Run(); k.L().Run(); k.l.k.Run() }",
    "func far() { k, _ := a.Open(); k.L().Run(); _, l := b.Make(); l.Run() }",
    "func more() { l := Make(); l.Made().L().Run(); kept.L().Run(); a.Kept.Run() }",
    "var kept, _ = Open()",
    "var Kept = b.Make()",
];
const GO_FILES: &[&str] =
    &["src/a/a.go", "src/a/more.go", "src/b/b.go", "src/b/rest.go", "src/c/c.go", "vendor/b/b.go"];
/// Classes in parts.
const CSHARP: &[&str] = &[
    "using K = N.K;",
    "namespace N { partial class K { public L Make() => null; } }",
    "namespace N { partial class K { public void Run() { Make().Run(); Stop(); } } }",
    "namespace N { partial class K : M { } }",
    "namespace N { class K { public M Make() => null; } }",
    "namespace O { partial class K { public void Run() {} public N.L Make() => null; } }",
    "class K { public void Run() {} }",
    "namespace N { class L { public void Run() {} public K Owner; } }",
    "namespace N { partial class L : M { } }",
    "namespace N { class M { public void Stop() {} public static L Of() => null; } }",
    "namespace N { class U { K k; void F() { k.Make().Run(); var l = k.Make(); l.Owner.Run(); new K(); } } }",
    "namespace O { class V { void G() { N.M.Of().Run(); var m = N.M.Of(); m.Stop(); new K().Run(); } } }",
];
const CSHARP_FILES: &[&str] = &["src/K.cs", "src/A.cs", "src/K.Parts.cs", "lib/K.cs", "src/L.cs", "src/Uses.cs"];
const NATIVE: &[&str] = &[
    "#include \"a.h\"",
    "#include \"b.h\"",
    "#include \"sub/a.h\"",
    "#include \"sub/c.h\"",
    "#include <c.h>",
    "using namespace n;",
    "int f(int x);",
    "int f(int x) { return g(x); }",
    "int g(int x) { K k; k.m(); return f(x); }",
    "struct K { int m() { return o(); } int o(); };",
    "struct L : K { int p() { return m(); } };",
    "int K::o() { return f(1); }",
    "L l;",
    "int h() { return l.p() + l.m() + unknown->unusual(); }",
    "namespace n { int f(int x) { return 1; } struct K { int m() { return 2; } int unusual(); }; }",
    "K k;",
    "int r() { return k.m() + k.o(); }",
];
const NATIVE_FILES: &[&str] = &["a.h", "a.cc", "b.h", "b.cc", "sub/a.h", "sub/a.cc", "sub/c.h", "c.cc", "a_test.cc"];

/// One change: a file, and the lines it has now; none when it is gone.
type Change = (usize, Vec<usize>);

fn history(files: &'static [&'static str], lines: &'static [&'static str]) -> impl Strategy<Value = Vec<Vec<Change>>> {
    let change = (0..files.len(), prop::collection::vec(0..lines.len(), 0..5));
    let first = prop::collection::vec(change.clone(), 3..9);
    let further = prop::collection::vec(prop::collection::vec(change, 1..3), 1..6);
    (first, further).prop_map(|(first, further)| std::iter::once(first).chain(further).collect())
}

fn check(history: &[Vec<Change>], files: &[&str], lines: &[&str]) {
    let mut known = Known::default();
    let mut texts: BTreeMap<String, String> = BTreeMap::new();
    // Enough other files that few changes are no reason to link all.
    let ending = files[1].rsplit('.').next().unwrap();
    (0..24).for_each(|it| drop(texts.insert(format!("rest/r{it}.{ending}"), String::new())));
    let mut old: Option<(Kept, Edges)> = None;
    for changes in history {
        for (file, content) in changes {
            let text: Vec<&str> = content.iter().map(|it| lines[*it]).collect();
            match content.is_empty() {
                true => drop(texts.remove(files[*file])),
                false => drop(texts.insert(files[*file].to_owned(), text.join("\n") + "\n")),
            }
        }
        let new = Kept::of_texts(&texts, &mut known);
        let edges = new.edges();
        if let Some((old, before)) = &old {
            let relinked = new.relinked(old, before);
            assert_ne!(relinked.whole, Some("an edge led to what is gone"), "{texts:#?}");
            new.assert_equal(&relinked.edges, &edges, &format!("{changes:?} {texts:#?}"));
        }
        old = Some((new, edges));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn python_is_linked_again_as_it_is_linked_whole(history in history(PYTHON_FILES, PYTHON)) {
        check(&history, PYTHON_FILES, PYTHON);
    }

    #[test]
    fn scripts_are_linked_again_as_they_are_linked_whole(history in history(SCRIPT_FILES, SCRIPT)) {
        check(&history, SCRIPT_FILES, SCRIPT);
    }

    #[test]
    fn what_functions_return_is_linked_again_as_it_is_linked_whole(history in history(GO_FILES, GO)) {
        check(&history, GO_FILES, GO);
    }

    #[test]
    fn classes_in_parts_are_linked_again_as_they_are_linked_whole(history in history(CSHARP_FILES, CSHARP)) {
        check(&history, CSHARP_FILES, CSHARP);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn c_is_linked_again_as_it_is_linked_whole(history in history(NATIVE_FILES, NATIVE)) {
        check(&history, NATIVE_FILES, NATIVE);
    }
}

/// An include decides between two structs of one name; only the files that see the change are linked again.
#[test]
fn who_includes_a_changed_file_is_linked_again_and_nobody_else() {
    let mut texts: BTreeMap<String, String> = [
        ("one/k.h", "struct K { int m() { return 1; } };\n"),
        ("two/q.h", "struct K { int m() { return 2; } };\n"),
        ("base.h", "#include \"one/k.h\"\nK shared;\n"),
        ("user.cc", "#include \"base.h\"\nint f() { return shared.m(); }\n"),
        ("other.cc", "#include \"two/q.h\"\nint g(K *k) { return k->m(); }\n"),
        ("apart.cc", "int h() { return 1; }\n"),
        ("apart2.cc", "int i() { return h(); }\n"),
        ("apart3.cc", "int j() { return i(); }\n"),
    ]
    .map(|it| (it.0.to_owned(), it.1.to_owned()))
    .into();
    let mut known = Known::default();
    let old = Kept::of_texts(&texts, &mut known);
    let before = old.edges();
    let calls = "user.cc::f Calls one/k.h::K.m 1.00";
    assert!(old.lines(&before).contains(&calls.to_owned()), "{:#?}", old.lines(&before));
    texts.insert("base.h".to_owned(), "#include \"two/q.h\"\nK shared;\n".to_owned());
    let new = Kept::of_texts(&texts, &mut known);
    let relinked = new.relinked(&old, &before);
    new.assert_equal(&relinked.edges, &new.edges(), "an include changed");
    assert_eq!(relinked.whole, None);
    assert!(relinked.files < 5, "{} files", relinked.files);
    let calls = "user.cc::f Calls two/q.h::K.m 1.00";
    assert!(new.lines(&relinked.edges).contains(&calls.to_owned()), "{:#?}", new.lines(&relinked.edges));
}

/// `RELINK_HISTORY=REPOSITORY REVISION COUNT` says over which commits; without it, there is no real repository to ask.
#[test]
fn a_history_is_linked_again_as_it_is_linked_whole() {
    let Ok(wanted) = std::env::var("RELINK_HISTORY") else {
        println!("skipped: RELINK_HISTORY names no repository");
        return;
    };
    let parts: Vec<&str> = wanted.split(' ').collect();
    let [repository, revision, count] = parts.as_slice() else { panic!("RELINK_HISTORY=REPOSITORY REVISION COUNT") };
    let directory = tempfile::tempdir().unwrap();
    let source = repo::Source::open(Path::new(repository)).unwrap();
    let store = repo::Store::create(&directory.path().join("objects"), &source).unwrap();
    let mut known = Known::default();
    let mut times: Vec<(u128, usize, Option<&str>)> = Vec::new();
    let mut old: Option<(Kept, Edges)> = None;
    for back in (0..=count.parse::<usize>().unwrap()).rev() {
        let tree = source.resolve(&format!("{revision}~{back}")).unwrap().tree;
        let snapshot = store.snapshot(tree).unwrap();
        let files: Vec<_> =
            snapshot.entries().iter().filter(|it| it.mode.is_file()).map(|it| (it.path.clone(), it.blob)).collect();
        let read = |it| snapshot.read_blob(it).unwrap();
        let configuration: Vec<_> =
            files.iter().filter(|it| Project::reads(&it.0)).map(|it| (it.0.clone(), read(it.1))).collect();
        let project = Project::of(configuration.iter().map(|it| (&it.0, it.1.as_slice())));
        let new = Kept::of(&files, project, &mut known, &read);
        let edges = new.edges();
        if let Some((old, before)) = &old {
            let started = Instant::now();
            let relinked = new.relinked(old, before);
            times.push((started.elapsed().as_micros(), relinked.files, relinked.whole));
            new.assert_equal(&relinked.edges, &edges, &format!("{revision}~{back}"));
        }
        old = Some((new, edges));
    }
    times.sort_unstable();
    let at = |share: usize| times[times.len() * share / 100];
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    times.iter().filter_map(|it| it.2).for_each(|it| *reasons.entry(it).or_default() += 1);
    println!(
        "{} relinks: median {:?}, p75 {:?}, p95 {:?}, most {:?}",
        times.len(),
        at(50),
        at(75),
        at(95),
        times.last()
    );
    println!("whole: {reasons:?}");
}
