//! Answers on small repositories, agreement with a naive evaluator, and queries that are wrong.

mod answers;
mod limits;
mod reference;
mod wrong;

use super::{Answer, Answered, Limits, Parameter, Parameters, QueryError};
use crate::Index;
use crate::graph::tests::{SHOP, index};

fn shop() -> (tempfile::TempDir, Index) {
    index(SHOP)
}

fn parameters(all: &[(&str, Parameter)]) -> Parameters {
    all.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

fn ask(index: &Index, query: &str) -> Result<Answer, QueryError> {
    index.graph().query(query, &Parameters::new(), &Limits::default())
}

/// Returns the rows, one a line.
fn shown(answer: &Answer) -> String {
    let row = |row: &Vec<Answered>| row.iter().map(ToString::to_string).collect::<Vec<_>>().join(" | ");
    answer.rows.iter().map(row).collect::<Vec<_>>().join("\n")
}
