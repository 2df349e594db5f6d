//! Proposes changes to suspicious code: templates in, a ranked list of edits out.
//!
//! Pure, synchronous and deterministic: the same file, suspicion and donors give the same list. Nothing here runs code, reads files or knows
//! of the search that consumes the proposals; whether a change is worth running is for the static gate and the search to say.

pub mod donor;
pub mod symptom;
pub mod template;

mod rank;

use std::ops::Range;

use indexer::syntax::SyntaxTree;
use repo::RepoPath;

pub use donor::DonorPool;
pub use template::{Rewrite, Template, TemplateContext};

/// Names a template's variant, as `family/variant`.
pub type TemplateId = &'static str;

/// One replacement in one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextEdit {
    /// The file.
    pub path: RepoPath,
    /// The bytes that go; empty for an insertion.
    pub span: Range<usize>,
    /// What comes in their place.
    pub replacement: String,
}

/// One change worth trying.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// The edits, in order of position, not overlapping.
    pub edits: Vec<TextEdit>,
    /// The template and variant that made it, such as `condition/negate`.
    pub template: TemplateId,
    /// How likely this is the fix, relative to the others: positive, not normalised.
    pub prior: f64,
    /// One line that says to people what changes.
    pub note: String,
}

/// The file in which changes are proposed.
#[derive(Clone, Copy)]
pub struct TargetFile<'a> {
    /// Where it is.
    pub path: &'a RepoPath,
    /// Its syntax.
    pub tree: &'a SyntaxTree,
    /// How suspicious a line (counted from 1) is, in `[0, 1]`; 0 means it is not to be touched.
    pub suspicion: &'a dyn Fn(usize) -> f64,
}

/// How many proposals are wanted.
#[derive(Clone, Copy, Debug)]
pub struct ProposeLimits {
    /// Most proposals that one family may make for one syntax node.
    pub per_site: usize,
    /// Most proposals in all.
    pub total: usize,
}

impl Default for ProposeLimits {
    fn default() -> ProposeLimits {
        ProposeLimits { per_site: 24, total: 4000 }
    }
}

/// Proposes changes to `file`, most likely first: no two give the same text, ties are ordered by position, then by text.
pub fn propose_all(file: &TargetFile<'_>, donors: &DonorPool, limits: &ProposeLimits) -> Vec<Proposal> {
    let cx = TemplateContext::new(file, donors);
    let mut made = Vec::new();
    for template in template::all() {
        let mut rewrites = Vec::new();
        template.propose(&cx, &mut rewrites);
        made.push((*template, rewrites));
    }
    rank::rank(file, &cx, made, limits)
}
