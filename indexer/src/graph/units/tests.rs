//! Where names and imports lead in repositories of empty files.

use std::sync::Arc;

use repo::{BlobId, RepoPath};

use super::{Rules, Unit, World};
use crate::FileFacts;
use crate::facts::{Import, ImportForm, ImportItem};
use crate::graph::config::Project;
use crate::graph::outline::Outline;
use crate::symbol::FileId;
use crate::syntax::LanguageId;
use crate::view::{FoundFile, Inventory, Summary};

/// A repository of files without definitions; each path may be followed by ` = namespace`.
struct Repository {
    inventory: Inventory,
    outlines: Vec<Outline>,
    project: Project,
}

impl Repository {
    fn of(files: &[&str], configuration: &[(&str, &str)]) -> Repository {
        let mut files: Vec<(&str, Option<&str>)> =
            files.iter().map(|it| it.split_once(" = ").map_or((*it, None), |it| (it.0, Some(it.1)))).collect();
        files.sort_unstable();
        let file = |path: &str| {
            let path = RepoPath::new(path).unwrap();
            let language = language_of(path.extension().unwrap());
            let is_test = path.to_str_lossy().contains("test");
            let blob = BlobId::from_bytes([0; 20]);
            FoundFile { path, blob, language, is_test, summary: Arc::new(Summary::of(&FileFacts::default(), None)) }
        };
        let inventory = Inventory::new(files.iter().map(|it| file(it.0)).collect(), Vec::new());
        let outline = |namespace: Option<&str>| {
            Outline::of(&FileFacts { namespace: namespace.map(str::to_owned), ..FileFacts::default() })
        };
        let outlines = files.iter().map(|it| outline(it.1)).collect();
        let configuration: Vec<_> =
            configuration.iter().map(|it| (RepoPath::new(it.0).unwrap(), it.1.as_bytes())).collect();
        let project = Project::of(configuration.iter().map(|it| (&it.0, it.1)));
        Repository { inventory, outlines, project }
    }

    fn with<T>(&self, use_it: impl FnOnce(&World<'_>) -> T) -> T {
        let outlines: Vec<&Outline> = self.outlines.iter().collect();
        use_it(&World::of(&self.inventory, &outlines, &self.project))
    }

    fn file(&self, path: &str) -> FileId {
        self.inventory.file(&RepoPath::new(path).unwrap()).unwrap()
    }

    /// Returns where an import leads: a path, or `space name`, and ` + rest` where something is left to follow.
    fn leads(&self, from: &str, import: &Import) -> String {
        self.with(|world| {
            let file = self.file(from);
            let Some((unit, rest)) = world.rules(file).imported(world, file, import) else { return "-".to_owned() };
            let unit = match unit {
                Unit::File(it) => world.path_of(it).to_owned(),
                Unit::Space(it) => format!("space {}", world.space_of(it).unwrap().name),
            };
            if rest.is_empty() { unit } else { format!("{unit} + {rest}") }
        })
    }

    fn plain(&self, from: &str, module: &str) -> String {
        self.leads(from, &Import::new(module, ImportItem::Star, 1))
    }
}

fn form(module: &str, form: ImportForm) -> Import {
    Import { form, ..Import::new(module, ImportItem::Module { alias: None }, 1) }
}

fn language_of(extension: &[u8]) -> LanguageId {
    match extension {
        b"py" => LanguageId::Python,
        b"ts" | b"tsx" | b"js" => LanguageId::TypeScript,
        b"java" => LanguageId::Java,
        b"kt" => LanguageId::Kotlin,
        b"cs" => LanguageId::CSharp,
        b"php" => LanguageId::Php,
        b"go" => LanguageId::Go,
        b"rs" => LanguageId::Rust,
        b"rb" => LanguageId::Ruby,
        b"c" | b"h" => LanguageId::C,
        other => panic!("{other:?}"),
    }
}

#[test]
fn python_modules_are_named_from_the_root_of_their_package() {
    let files =
        ["src/pkg/__init__.py", "src/pkg/sub/__init__.py", "src/pkg/sub/mod.py", "tool.py", "a/b.py", "__init__.py"];
    let it = Repository::of(&files, &[]);
    let names = |path: &str| it.with(|world| super::python::Python.names(world, it.file(path)));
    assert_eq!(names("src/pkg/sub/mod.py"), ["pkg.sub.mod", "src.pkg.sub.mod"]);
    assert_eq!(names("src/pkg/__init__.py"), ["pkg", "src.pkg"]);
    assert_eq!(names("tool.py"), ["tool"]);
    assert_eq!(names("a/b.py"), ["b", "a.b"]);
    assert_eq!(names("__init__.py"), ["__init__"]);
    let relative = |level, module: &str| {
        it.leads("src/pkg/sub/mod.py", &Import { level, ..Import::new(module, ImportItem::Star, 1) })
    };
    assert_eq!(relative(1, ""), "src/pkg/sub/__init__.py");
    assert_eq!(relative(2, "sub"), "src/pkg/sub/__init__.py");
    assert_eq!(relative(3, ""), "space src");
    assert_eq!(relative(9, ""), "-");
    assert_eq!([it.plain("a/b.py", "pkg.sub"), it.plain("a/b.py", "os")], ["src/pkg/sub/__init__.py", "-"]);
}

#[test]
fn scripts_are_imported_by_path_alias_and_package() {
    let files = [
        "web/src/app.ts",
        "web/src/view/index.tsx",
        "web/src/old.js",
        "web/src/types.d.ts",
        "web/src/shared/log.ts",
        "packages/core/src/index.ts",
        "packages/core/src/deep/one.ts",
        "packages/plain/main.js",
        "packages/@s/x/index.js",
    ];
    let exports = r#"{"name": "core", "exports": {".": "./dist/index.js", "./deep/*": "./dist/deep/*.js"}}"#;
    let it = Repository::of(
        &files,
        &[
            ("web/tsconfig.json", r#"{"compilerOptions": {"baseUrl": "src", "paths": {"@/*": ["./shared/*"]}}}"#),
            ("packages/core/package.json", exports),
            ("packages/plain/package.json", r#"{"name": "plain", "main": "./main"}"#),
            ("packages/@s/x/package.json", r#"{"name": "@s/x"}"#),
        ],
    );
    let table = [
        ("./view", "web/src/view/index.tsx"),
        ("./old.js", "web/src/old.js"),
        ("./view/index.js", "web/src/view/index.tsx"),
        ("./types", "web/src/types.d.ts"),
        ("@/log", "web/src/shared/log.ts"),
        ("view", "web/src/view/index.tsx"),
        ("core", "packages/core/src/index.ts"),
        ("core/deep/one", "packages/core/src/deep/one.ts"),
        ("plain", "packages/plain/main.js"),
        ("@s/x", "packages/@s/x/index.js"),
        ("react", "-"),
        ("./none", "-"),
        ("../../../../..", "-"),
    ];
    for (module, expected) in table {
        assert_eq!(it.plain("web/src/app.ts", module), expected, "{module}");
    }
}

#[test]
fn packages_and_namespaces_are_spaces() {
    let files = ["a/X.java = com.x", "a/Y.kt = com.x.y", "b/Z.cs = A.B", "c/W.php = P.Q", "c/lib.php"];
    let it = Repository::of(&files, &[]);
    assert_eq!(it.plain("a/X.java", "com.x.y"), "space com.x.y");
    assert_eq!(it.plain("a/Y.kt", "com.x.X"), "space com.x + X");
    assert_eq!(it.plain("a/Y.kt", "org.other"), "-");
    assert_eq!(it.plain("b/Z.cs", "A"), "space A");
    assert_eq!(it.plain("c/W.php", "P.Q.W"), "space P.Q + W");
    assert_eq!(it.leads("c/W.php", &form("/lib.php", ImportForm::RequireRelative)), "c/lib.php");
}

#[test]
fn go_packages_are_directories() {
    let files = ["main.go = main", "in.ner/v2/a.go = inner", "in.ner/v2/a_test.go = inner_test", "sub/x/b.go = x"];
    let it =
        Repository::of(&files, &[("go.mod", "module example.org/m\n"), ("sub/go.mod", "module example.org/sub\n")]);
    assert_eq!(it.plain("main.go", "example.org/m/in.ner/v2"), "space in\u{b7}ner/v2");
    assert_eq!(it.plain("main.go", "example.org/sub/x"), "space sub/x");
    assert_eq!(it.plain("main.go", "example.org/m"), "space ");
    assert_eq!(it.plain("main.go", "example.org/mother"), "-");
    assert_eq!(it.plain("main.go", "fmt"), "-");
    let binds = |module: &str| {
        let import = form(module, ImportForm::Plain);
        it.with(|world| super::go::Go.bound_by(world, &import, None).map(|it| it.0.to_owned()))
    };
    assert_eq!(["a/b", "a/b/v2", "gopkg.in/yaml.v3"].map(binds), ["b", "b", "yaml"].map(|it| Some(it.to_owned())));
}

#[test]
fn rust_paths_lead_through_crates_and_modules() {
    let files = [
        "core/src/lib.rs",
        "core/src/a.rs",
        "core/src/a/b.rs",
        "core/src/c/mod.rs",
        "core/tests/it.rs",
        "core/tests/common/mod.rs",
        "tool/src/main.rs",
        "tool/src/x.rs",
    ];
    let manifests =
        [("core/Cargo.toml", "[package]\nname = \"my-core\"\n"), ("tool/Cargo.toml", "[package]\nname = \"tool\"\n")];
    let it = Repository::of(&files, &manifests);
    let table = [
        ("core/src/lib.rs", "crate.a.b", "space my_core.a.b"),
        ("core/src/a/b.rs", "super", "space my_core.a"),
        ("core/src/a/b.rs", "super.super.c.Thing", "space my_core.c + Thing"),
        ("core/src/a.rs", "b", "space my_core.a.b"),
        ("core/src/a.rs", "self.b", "space my_core.a.b"),
        ("tool/src/main.rs", "my_core.a", "space my_core.a"),
        ("tool/src/main.rs", "crate.x", "space tool.x"),
        ("core/tests/it.rs", "my_core", "space my_core"),
        ("tool/src/x.rs", "std.fmt", "-"),
    ];
    for (from, module, expected) in table {
        assert_eq!(it.plain(from, module), expected, "{from}: {module}");
    }
    let module = |from: &str, name: &str| it.leads(from, &form(name, ImportForm::Submodule));
    assert_eq!(module("core/src/lib.rs", "c"), "space my_core.c");
    assert_eq!(module("core/src/a.rs", "b"), "space my_core.a.b");
    assert_eq!(module("core/tests/it.rs", "common"), "space my_core/tests/common");
    assert_eq!(module("core/src/lib.rs", "absent"), "-");
}

#[test]
fn includes_and_requires_are_found() {
    let files = [
        "src/a.c",
        "src/a.h",
        "include/p/b.h",
        "deep/x/q/c.h",
        "deep/y/q/c.h",
        "lib/g/one.rb",
        "lib/g/two.rb",
        "spec/s.rb",
    ];
    let it = Repository::of(&files, &[]);
    let include = |from: &str, path: &str| it.leads(from, &form(path, ImportForm::Include));
    assert_eq!([include("src/a.c", "a.h"), include("src/a.c", "p/b.h")], ["src/a.h", "include/p/b.h"]);
    assert_eq!([include("deep/y/q/c.h", "q/c.h"), include("src/a.c", "stdio.h")], ["deep/y/q/c.h", "-"]);
    assert_eq!(include("src/a.c", "../include/p/b.h"), "include/p/b.h");
    assert_eq!(it.leads("lib/g/one.rb", &form("two", ImportForm::RequireRelative)), "lib/g/two.rb");
    assert_eq!(it.leads("spec/s.rb", &form("g/one", ImportForm::Require)), "lib/g/one.rb");
    assert_eq!(it.leads("spec/s.rb", &form("json", ImportForm::Require)), "-");
}
