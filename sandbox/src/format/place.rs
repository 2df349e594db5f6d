//! Paths that tools print, brought back to paths of the workspace.

use crate::report::Frame;

/// Where a tool ran.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    /// The workspace's root, as the box sees it.
    pub(crate) root: &'a str,
    /// The directory that relative paths are meant from, relative to the workspace.
    pub(crate) cwd: &'a str,
}

impl<'a> Place<'a> {
    /// Returns where a run's own directory is.
    pub(crate) fn of(run: &crate::tool::ToolRun<'a>) -> Self {
        Self { root: run.root, cwd: run.cwd }
    }

    /// Returns a printed path as a path of the workspace; `None` for one that leads out of it. Whether there is such a file is not
    /// looked at.
    pub(crate) fn inside(&self, path: &str) -> Option<String> {
        let path = path.trim();
        let path = path.strip_prefix("file://").unwrap_or(path);
        let (base, rest) = if path.starts_with('/') {
            ("", path.strip_prefix(self.root.trim_end_matches('/'))?.strip_prefix('/')?)
        } else {
            (self.cwd, path)
        };
        let mut parts = Vec::new();
        for part in base.split('/').chain(rest.split('/')) {
            match part {
                "" | "." => {}
                ".." => {
                    parts.pop()?;
                }
                part => parts.push(part),
            }
        }
        let path = parts.join("/");
        let clean = !path.is_empty() && path.len() <= 4096 && !path.chars().any(char::is_control);
        clean.then_some(path)
    }

    /// Returns a step of a traceback, if it lies in the workspace.
    pub(crate) fn frame(&self, path: &str, line: u32, function: &str) -> Option<Frame> {
        let function = super::clip(function, 512).to_owned();
        (line > 0).then_some(())?;
        Some(Frame { path: self.inside(path)?, line, function })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_the_workspace_are_kept() {
        let place = Place { root: "/work", cwd: "build" };
        for (path, expected) in [
            ("/work/a.c", Some("a.c")),
            ("/work/build/../src/./a.c", Some("src/a.c")),
            ("../a.c", Some("a.c")),
            ("a.c", Some("build/a.c")),
            ("./x/a.c", Some("build/x/a.c")),
            ("file:///work/A.kt", Some("A.kt")),
            ("/workspace/a.c", None),
            ("/usr/include/stdio.h", None),
            ("../../etc/passwd", None),
            ("/work/../etc/passwd", None),
            ("/work", None),
            ("/work/", None),
            ("", Some("build")),
            ("a\u{7}.c", None),
        ] {
            assert_eq!(place.inside(path).as_deref(), expected, "{path}");
        }
    }
}
