//! Python: facts from syntax trees, what a test file is called, and how modules are named.

mod facts;
mod imports;
mod kind;
#[cfg(test)]
mod tests;

use repo::RepoPath;

use crate::facts::FileFacts;
use crate::language::Language;
use crate::syntax::SyntaxTree;

/// Members of strings, lists, dictionaries, sets, files and matches; sorted.
const COMMON_MEMBERS: &[&str] = &[
    "T",
    "add",
    "append",
    "args",
    "as_integer_ratio",
    "bit_length",
    "capitalize",
    "casefold",
    "center",
    "clear",
    "close",
    "copy",
    "count",
    "decode",
    "difference",
    "discard",
    "dtype",
    "encode",
    "endswith",
    "expandtabs",
    "extend",
    "find",
    "flush",
    "format",
    "fromkeys",
    "get",
    "group",
    "groupdict",
    "groups",
    "index",
    "insert",
    "intersection",
    "isalnum",
    "isalpha",
    "isatty",
    "isdecimal",
    "isdigit",
    "isdisjoint",
    "isidentifier",
    "islower",
    "isnumeric",
    "isspace",
    "issubset",
    "issuperset",
    "istitle",
    "isupper",
    "items",
    "join",
    "keys",
    "kwargs",
    "ljust",
    "lower",
    "lstrip",
    "match",
    "name",
    "partition",
    "pop",
    "popitem",
    "read",
    "readline",
    "readlines",
    "remove",
    "replace",
    "reverse",
    "rfind",
    "rindex",
    "rjust",
    "rpartition",
    "rsplit",
    "rstrip",
    "search",
    "seek",
    "setdefault",
    "shape",
    "size",
    "sort",
    "split",
    "splitlines",
    "start",
    "startswith",
    "step",
    "stop",
    "strip",
    "sub",
    "swapcase",
    "symmetric_difference",
    "tell",
    "title",
    "translate",
    "truncate",
    "union",
    "update",
    "upper",
    "values",
    "write",
    "writelines",
    "zfill",
];

/// Python 3; Python 2 is read in part.
pub(crate) struct Python;

impl Language for Python {
    fn facts(&self, tree: &SyntaxTree) -> FileFacts {
        facts::extract(tree)
    }

    fn is_test_path(&self, path: &RepoPath) -> bool {
        let name = path.file_name();
        let stem = name.rsplit(|it| *it == b'.').next_back().unwrap_or(name);
        let by_name = stem.starts_with(b"test_") || stem.ends_with(b"_test") || stem.ends_with(b"_tests");
        let directories: Vec<&[u8]> = path.components().rev().skip(1).collect();
        // `test` and `testing` inside a package are mostly code that helps its users to test; only at the top they are the tests.
        by_name
            || matches!(stem, b"tests" | b"conftest")
            || directories.contains(&b"tests".as_slice())
            || matches!(directories.last(), Some(&(b"test" | b"testing")))
    }

    fn common_members(&self) -> &'static [&'static str] {
        COMMON_MEMBERS
    }
}
