//! Where packages lie in the workspace.

use crate::format::place::Place;

/// The modules of the workspace, and where they are.
pub(super) struct Modules {
    /// Import path and folder relative to the workspace (`.` is its root), the longest path first.
    known: Vec<(String, String)>,
}

impl Modules {
    /// Reads lines of `PATH FOLDER`.
    pub(super) fn of(text: &[u8], place: Place<'_>) -> Modules {
        let text = String::from_utf8_lossy(text);
        let mut known = Vec::new();
        for line in text.lines().take(1000) {
            let Some((path, folder)) = line.split_once(' ') else { continue };
            let is_root = folder.trim_end_matches('/') == place.root.trim_end_matches('/');
            let folder = if is_root { Some(".".to_owned()) } else { place.inside(folder) };
            known.extend(folder.map(|folder| (path.to_owned(), folder)));
        }
        known.sort_by_key(|(path, _)| std::cmp::Reverse(path.len()));
        Modules { known }
    }

    /// Returns the folder of a package; a package of no module here keeps its import path.
    pub(super) fn folder(&self, package: &str) -> String {
        for (path, folder) in &self.known {
            if package == path {
                return folder.clone();
            }
            if let Some(inner) = package.strip_prefix(path.as_str()).and_then(|rest| rest.strip_prefix('/')) {
                return if folder == "." { inner.to_owned() } else { format!("{folder}/{inner}") };
            }
        }
        package.to_owned()
    }

    /// Returns a file of the workspace by the name that coverage profiles give it.
    pub(super) fn file(&self, name: &str) -> Option<String> {
        let (package, file) = name.rsplit_once('/')?;
        let folder = self.folder(package);
        if folder == package {
            return None;
        }
        Some(if folder == "." { file.to_owned() } else { format!("{folder}/{file}") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_become_folders() {
        let place = Place { root: "/w", cwd: "" };
        let modules = Modules::of(b"x.org/a /w\nx.org/a/tools /w/tools/v2\nx.org/other /elsewhere\n", place);
        for (package, folder) in [
            ("x.org/a", "."),
            ("x.org/a/b/c", "b/c"),
            ("x.org/a/tools", "tools/v2"),
            ("x.org/a/tools/t", "tools/v2/t"),
            ("x.org/ab", "x.org/ab"),
            ("x.org/other", "x.org/other"),
        ] {
            assert_eq!(modules.folder(package), folder);
        }
        assert_eq!(modules.file("x.org/a/b/f.go").as_deref(), Some("b/f.go"));
        assert_eq!(modules.file("x.org/a/f.go").as_deref(), Some("f.go"));
        assert_eq!(modules.file("fmt/print.go"), None);
    }
}
