//! Retrieve: the complete code of entities.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::entity::{self, Unknown};
use super::show;
use crate::Index;
use crate::graph::NodeKind;
use crate::symbol::LineRange;

/// How many bytes of code a result has at most.
const MAX_BYTES: usize = 64 << 10;
/// How many bytes one entity may take while others wait.
const MAX_ENTITY_BYTES: usize = 32 << 10;

/// Arguments of the tool that retrieves code.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retrieve {
    /// The entities: `path::Class.method`, a path, a qualified name or a name.
    pub entities: Vec<String>,
}

/// Result of the tool that retrieves code.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Retrieved {
    /// The entities in the order asked for; of one name there may be several.
    pub entities: Vec<RetrievedEntity>,
    /// Names that mean nothing, or too much.
    pub unknown: Vec<Unknown>,
}

/// One entity with its code.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RetrievedEntity {
    /// Its name for other tools.
    pub entity: String,
    /// What it is.
    pub kind: NodeKind,
    /// Its lines, unless it is a directory.
    pub lines: Option<LineRange>,
    /// The code, each line with its number; of a directory what it contains.
    pub code: String,
    /// How many lines did not fit.
    pub left_out: u32,
}

impl Retrieve {
    /// Retrieves.
    pub fn run(&self, index: &Index) -> Retrieved {
        let mut retrieved = Retrieved { entities: Vec::new(), unknown: Vec::new() };
        let mut room = MAX_BYTES;
        for name in &self.entities {
            let nodes = match entity::named(index, name) {
                Ok(nodes) => nodes,
                Err(it) => {
                    retrieved.unknown.push(it);
                    continue;
                }
            };
            for node in nodes {
                let Some(kind) = index.graph().kind(node) else { continue };
                let code = show::code(index, node, room.min(MAX_ENTITY_BYTES));
                let code = code.unwrap_or_else(|| show::Code { text: show::preview(index, node), left_out: 0 });
                let entity = index.graph().label(node);
                if retrieved.entities.iter().any(|it| it.entity == entity && it.lines == show::lines(index, node)) {
                    continue;
                }
                room = room.saturating_sub(code.text.len());
                retrieved.entities.push(RetrievedEntity {
                    entity,
                    kind,
                    lines: show::lines(index, node),
                    code: code.text,
                    left_out: code.left_out,
                });
            }
        }
        retrieved
    }
}

impl fmt::Display for Retrieved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for it in &self.entities {
            write!(f, "{} [{}", it.entity, it.kind.as_str())?;
            it.lines.map_or(Ok(()), |it| write!(f, ", lines {it}"))?;
            writeln!(f, "]")?;
            f.write_str(&it.code)?;
            if it.left_out > 0 {
                writeln!(f, "… {} more lines; ask for what is inside", it.left_out)?;
            }
        }
        self.unknown.iter().try_for_each(|it| writeln!(f, "{it}"))
    }
}
