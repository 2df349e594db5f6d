//! The demonstration repositories, and the fixes that people would make.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::program::workspace_root;
use crate::python::Tests;
use crate::repository::{Repository, copy_tree};

/// A demonstration repository.
pub struct Demo {
    /// Its name, which is its folder's.
    pub name: &'static str,
    /// What runs its tests.
    pub tests: Tests,
    /// The tests that the fault breaks.
    pub failing: &'static [&'static str],
}

/// All demonstrations.
pub const ALL: &[Demo] = &[
    Demo {
        name: "tasktide",
        tests: Tests::Unittest,
        failing: &[
            "tests.test_report.DigestTest.test_with_a_task_that_can_wait",
            "tests.test_report.OverdueTest.test_a_task_without_a_date_is_never_late",
        ],
    },
    Demo {
        name: "shelfmark",
        tests: Tests::Unittest,
        failing: &[
            "tests.test_catalogue.SearchTest.test_pages_of_a_result",
            "tests.test_paging.PageTest.test_a_last_page_that_is_full",
            "tests.test_paging.PaginateTest.test_single_items",
            "tests.test_paging.PaginateTest.test_without_a_rest",
            "tests.test_render.RenderTest.test_the_printed_catalogue_when_the_last_sheet_is_full",
        ],
    },
    Demo {
        name: "parcelrate",
        tests: Tests::Pytest,
        failing: &[
            "tests/test_quote.py::test_customs_and_insurance_come_on_top",
            "tests/test_zones.py::test_customs[DE-CH-True]",
            "tests/test_zones.py::test_customs[NO-DE-True]",
        ],
    },
];

/// Returns the demonstration of this name.
pub fn named(name: &str) -> Result<&'static Demo> {
    ALL.iter().find(|demo| demo.name == name).with_context(|| format!("no demonstration is called {name}"))
}

impl Demo {
    /// Returns its folder in the source tree.
    pub fn folder(&self) -> PathBuf {
        workspace_root().join("agent").join("demo").join(self.name)
    }

    /// Returns a copy that can be changed, not yet committed.
    pub fn copy(&self) -> Result<Repository> {
        let repository = Repository::new()?;
        copy_tree(&self.folder(), &repository.path())?;
        Ok(repository)
    }

    /// Returns the fix that a person would make, as a unified diff.
    pub fn fix(&self) -> Result<String> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/demo").join(format!("{}.patch", self.name));
        std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))
    }
}
