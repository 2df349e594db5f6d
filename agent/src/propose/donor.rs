//! Code mined from the repository that changes can be made of.
//!
//! The ingredients of most fixes are already in the repository, most often in the same file (Barr et al., "The plastic surgery hypothesis",
//! 2014; GenProg, Le Goues et al. 2012; ssFix, Xin and Reiss 2017). A pool is mined once per job: the suspicious files first, in the order of
//! suspicion, then the other files of their directories. The templates mine the file at hand itself, since a search changes it.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use indexer::Index;
use indexer::syntax::{LanguageId, SyntaxNode, SyntaxTree};
use repo::RepoPath;

use super::template::grammar::has_templates;
use super::template::{material, similar};

/// Most files mined for a pool.
const MOST_FILES: usize = 24;
/// Files larger than this are not mined.
const MOST_BYTES: usize = 400_000;
/// Most expressions and most statements kept of one file.
const MOST_OF_A_FILE: usize = 4000;
/// Longest expression that is worth moving.
const LONGEST_EXPRESSION: usize = 80;
/// Longest statement that is worth moving.
const LONGEST_STATEMENT: usize = 120;

/// Expressions, statements and names mined from the repository, the most suspicious files first.
#[derive(Clone, Debug, Default)]
pub struct DonorPool {
    files: Vec<DonorFile>,
}

/// What one file offers.
#[derive(Clone, Debug)]
pub struct DonorFile {
    /// The file.
    pub path: RepoPath,
    /// Distinct expressions, in order of first occurrence.
    pub expressions: Vec<Donor>,
    /// Distinct simple statements, in order of first occurrence.
    pub statements: Vec<Donor>,
}

/// One expression or statement, at its first occurrence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Donor {
    /// Its text, on one line.
    pub text: String,
    /// The grammar's kind.
    pub kind: String,
    /// Names it reads and does not bind itself, sorted.
    pub names: Vec<String>,
    /// Names it binds.
    pub binds: Vec<String>,
    /// How often it occurs in the file.
    pub count: usize,
    /// Offset of the first occurrence.
    pub offset: usize,
    bag: Bag,
}

impl Donor {
    /// Returns how alike the donor's text and another are, in `[0, 1]`.
    pub fn likeness(&self, other: &Bag) -> f64 {
        self.bag.likeness(other)
    }
}

/// The tokens of a piece of code, for quick comparison with many others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bag(Vec<u64>);

impl Bag {
    /// Takes a text's tokens.
    pub fn of(text: &str) -> Bag {
        let hash = |token: &str| {
            let mut hasher = DefaultHasher::new();
            token.hash(&mut hasher);
            hasher.finish()
        };
        let mut tokens: Vec<u64> = similar::tokens(text).into_iter().map(hash).collect();
        tokens.sort_unstable();
        Bag(tokens)
    }

    /// Returns the share of tokens that two texts have in common, in `[0, 1]`.
    pub fn likeness(&self, other: &Bag) -> f64 {
        let (mut left, mut right) = (self.0.as_slice(), other.0.as_slice());
        let all = left.len() + right.len();
        let mut shared = 0;
        while let ([first, rest @ ..], [second, others @ ..]) = (left, right) {
            match first.cmp(second) {
                Ordering::Less => left = rest,
                Ordering::Greater => right = others,
                Ordering::Equal => (left, right, shared) = (rest, others, shared + 1),
            }
        }
        if all == 0 { 0.0 } else { 2.0 * f64::from(shared) / all as f64 }
    }
}

impl DonorPool {
    /// Mines the given files, then the other files of their directories.
    pub fn mine(index: &Index, suspects: &[RepoPath]) -> DonorPool {
        let snapshot = index.snapshot();
        let directories: BTreeSet<Option<RepoPath>> = suspects.iter().map(RepoPath::parent).collect();
        let known: BTreeSet<&RepoPath> = suspects.iter().collect();
        let neighbours = snapshot.entries().iter().map(|entry| &entry.path);
        let neighbours = neighbours.filter(|path| !known.contains(path) && directories.contains(&path.parent()));
        let trees = suspects.iter().chain(neighbours).filter_map(|path| {
            let language = LanguageId::of_path(path).filter(|it| has_templates(*it))?;
            let text = snapshot.read(path).ok().filter(|text| text.len() <= MOST_BYTES)?;
            Some((path.clone(), SyntaxTree::parse(language, text)))
        });
        DonorPool::of_trees(trees)
    }

    /// Mines the first of the given files, in their order.
    pub fn of_trees(trees: impl IntoIterator<Item = (RepoPath, SyntaxTree)>) -> DonorPool {
        let files = trees.into_iter().take(MOST_FILES).map(|(path, tree)| DonorFile::mine(path, &tree));
        DonorPool { files: files.collect() }
    }

    /// Returns the files but one, the most suspicious first.
    pub fn other_than<'p>(&'p self, path: &'p RepoPath) -> impl Iterator<Item = &'p DonorFile> {
        self.files.iter().filter(move |file| file.path != *path)
    }
}

impl DonorFile {
    /// Mines one file.
    pub fn mine(path: RepoPath, tree: &SyntaxTree) -> DonorFile {
        let mut expressions = Collected::default();
        let mut statements = Collected::default();
        for node in tree.root().descendants() {
            if is_donor_expression(node) {
                expressions.add(node, LONGEST_EXPRESSION);
            }
            if is_simple_statement(node) {
                statements.add(node, LONGEST_STATEMENT);
            }
        }
        DonorFile { path, expressions: expressions.donors, statements: statements.donors }
    }
}

#[derive(Default)]
struct Collected {
    donors: Vec<Donor>,
    known: BTreeMap<String, usize>,
}

impl Collected {
    fn add(&mut self, node: SyntaxNode<'_>, longest: usize) {
        let is_short = node.span().len() <= longest && node.start_line() == node.end_line();
        if !is_short || node.has_error() || node.text().is_empty() {
            return;
        }
        if let Some(at) = self.known.get(node.text()) {
            self.donors[*at].count += 1;
            return;
        }
        if self.donors.len() == MOST_OF_A_FILE {
            return;
        }
        self.known.insert(node.text().to_owned(), self.donors.len());
        self.donors.push(Donor {
            text: node.text().to_owned(),
            kind: node.kind().to_owned(),
            names: read_names(node),
            binds: bound_names(node),
            count: 1,
            offset: node.span().start,
            bag: Bag::of(node.text()),
        });
    }
}

/// The names that an expression or statement needs: what it reads, and what it adds to.
fn read_names(node: SyntaxNode<'_>) -> Vec<String> {
    let mut names: Vec<String> = material::free_names(node).into_iter().map(str::to_owned).collect();
    let inner = node.named_children().first().copied().filter(|it| it.kind() == "augmented_assignment");
    let target = inner.and_then(|it| it.field("left")).filter(|it| it.kind() == "identifier");
    names.extend(target.map(|it| it.text().to_owned()));
    names.sort_unstable();
    names.dedup();
    names
}

/// The plain names that a statement assigns.
fn bound_names(statement: SyntaxNode<'_>) -> Vec<String> {
    let target = statement.named_children().first().and_then(|it| it.field("left"));
    let names = target.into_iter().flat_map(|target| match target.kind() {
        "identifier" => vec![target],
        "pattern_list" | "tuple_pattern" => target.named_children(),
        _ => Vec::new(),
    });
    names.filter(|it| it.kind() == "identifier").map(|it| it.text().to_owned()).collect()
}

/// Expressions with an inside: single names and literals are offered by the scopes.
fn is_donor_expression(node: SyntaxNode<'_>) -> bool {
    let kinds = [
        "attribute",
        "subscript",
        "call",
        "binary_operator",
        "comparison_operator",
        "boolean_operator",
        "not_operator",
        "conditional_expression",
        "list",
        "tuple",
        "set",
        "dictionary",
        "list_comprehension",
        "set_comprehension",
        "generator_expression",
    ];
    kinds.contains(&node.kind()) && !super::template::grammar::is_target(node)
}

fn is_simple_statement(node: SyntaxNode<'_>) -> bool {
    let kinds = [
        "expression_statement",
        "return_statement",
        "raise_statement",
        "assert_statement",
        "continue_statement",
        "break_statement",
    ];
    kinds.contains(&node.kind()) && !is_documentation(node)
}

fn is_documentation(node: SyntaxNode<'_>) -> bool {
    node.kind() == "expression_statement"
        && node.named_children().iter().all(|it| matches!(it.kind(), "string" | "concatenated_string" | "ellipsis"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mine(code: &str) -> DonorFile {
        DonorFile::mine(RepoPath::new("a.py").unwrap(), &SyntaxTree::parse(LanguageId::Python, code.as_bytes()))
    }

    #[test]
    fn statements_are_mined_once_with_their_names() {
        let file =
            mine("def f(a):\n    \"\"\"Doc.\"\"\"\n    seen.add(a)\n    seen.add(a)\n    b, c = g(a)\n    return b\n");
        let texts: Vec<_> = file.statements.iter().map(|it| (it.text.as_str(), it.count)).collect();
        assert_eq!(texts, [("seen.add(a)", 2), ("b, c = g(a)", 1), ("return b", 1)]);
        assert_eq!(file.statements[0].names, ["a", "seen"]);
        assert_eq!(file.statements[1].names, ["a", "g"]);
        assert_eq!(file.statements[1].binds, ["b", "c"]);
    }

    #[test]
    fn expressions_are_mined_without_names_targets_and_long_ones() {
        let long = "x + ".repeat(40);
        let file = mine(&format!("a.b = c.d[e]\nf = {long}1\n"));
        let texts: Vec<_> = file.expressions.iter().map(|it| it.text.as_str()).take(2).collect();
        assert_eq!(texts, ["c.d[e]", "c.d"]);
    }

    #[test]
    fn alike_code_shares_tokens() {
        let bag = |text| Bag::of(text);
        assert_eq!(bag("a[0] + b").likeness(&bag("a[0] + b")), 1.0);
        assert!(bag("a[0] + b").likeness(&bag("a[1] + b")) > bag("a[0] + b").likeness(&bag("c(d)")));
        assert_eq!(bag("").likeness(&bag("")), 0.0);
    }

    #[test]
    fn the_file_at_hand_is_left_out() {
        let tree = SyntaxTree::parse(LanguageId::Python, &b"f(1)\n"[..]);
        let (a, b) = (RepoPath::new("a.py").unwrap(), RepoPath::new("b.py").unwrap());
        let pool = DonorPool::of_trees([(a.clone(), tree.clone()), (b.clone(), tree)]);
        assert_eq!(pool.other_than(&a).map(|it| it.path.clone()).collect::<Vec<_>>(), [b]);
    }
}
