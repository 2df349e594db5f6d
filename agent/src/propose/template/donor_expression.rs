//! An expression is replaced by one that the repository has elsewhere, with its names replaced by those at hand.
//!
//! 25 of 660 measured single edits replace an expression, and half of all small fixes use only what the file already has. This is the plastic
//! surgery of GenProg (Le Goues et al. 2012) at the grain of ssFix (Xin and Reiss 2017): same kind, most alike first. Expressions of the same
//! function as they are belong to the expression family.

use std::collections::{BTreeMap, HashSet};

use indexer::scope::ScopedName;
use indexer::syntax::SyntaxNode;

use super::ingredients::local;
use super::{Rewrite, Template, TemplateContext, similar};
use crate::propose::donor::{Bag, Donor, DonorFile};

/// Least likeness that makes a donor worth trying.
const LEAST_LIKENESS: f64 = 0.34;
/// Most donors for one expression.
const MOST_DONORS: usize = 12;
/// How many files of the repository are asked.
const MOST_FILES: usize = 6;

/// The family.
pub(super) struct DonorExpression;

impl Template for DonorExpression {
    fn id(&self) -> &'static str {
        "donor-expression"
    }

    fn weight(&self) -> f64 {
        10.0
    }

    fn propose(&self, cx: &TemplateContext<'_>, out: &mut Vec<Rewrite>) {
        let own = DonorFile::mine(cx.file.path.clone(), cx.tree());
        let files: Vec<(&DonorFile, f64)> = std::iter::once((&own, 1.0))
            .chain(cx.donors().other_than(cx.file.path).take(MOST_FILES).map(|it| (it, 0.4)))
            .collect();
        let mut by_kind: BTreeMap<&str, Vec<(&Donor, f64)>> = BTreeMap::new();
        for (file, scale) in &files {
            for donor in &file.expressions {
                by_kind.entry(donor.kind.as_str()).or_default().push((donor, *scale));
            }
        }
        for node in cx.values().filter(|it| it.span().len() <= 80 && it.named_children().len() > 1) {
            if let Some(donors) = by_kind.get(node.kind()) {
                replace(cx, node, donors, out);
            }
        }
    }
}

fn replace(cx: &TemplateContext<'_>, node: SyntaxNode<'_>, donors: &[(&Donor, f64)], out: &mut Vec<Rewrite>) {
    let names = cx.names(node.span().start);
    let own_text = node.text();
    let visible = readable(&names);
    let own_bag = Bag::of(own_text);
    let mut alike: Vec<(String, f64)> = Vec::new();
    for (donor, scale) in donors {
        let likeness = donor.likeness(&own_bag);
        if likeness < LEAST_LIKENESS || donor.text == own_text {
            continue;
        }
        for (text, fit) in adapted(donor, node, &names, &visible) {
            if text != own_text {
                alike.push((text, likeness * fit * scale));
            }
        }
    }
    alike.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    alike.dedup_by(|a, b| a.0 == b.0);
    for (text, weight) in alike.into_iter().take(MOST_DONORS) {
        let note = format!("{own_text} becomes {text} at line {}", node.start_line());
        let fitted = cx.fit(node, &text, super::grammar::strength(node));
        out.push(Rewrite::replace(node, fitted, "donor-expression/replace", weight).note(note));
    }
}

/// Returns the names that can be read at a place.
pub(super) fn readable(names: &[ScopedName]) -> HashSet<&str> {
    names.iter().filter(|it| it.defined_before).map(|it| it.name.as_str()).collect()
}

/// Returns a donor with every name that is not visible replaced by one that is; as it is where all are visible.
pub(super) fn adapted(
    donor: &Donor,
    place: SyntaxNode<'_>,
    names: &[ScopedName],
    visible: &HashSet<&str>,
) -> Vec<(String, f64)> {
    let (text, reads) = (donor.text.as_str(), &donor.names);
    let missing: Vec<&String> = reads.iter().filter(|name| !visible.contains(name.as_str())).take(2).collect();
    match missing.as_slice() {
        [] => vec![(text.to_owned(), 1.0)],
        [missing] => {
            let own = super::material::free_names(place);
            let mut candidates: Vec<(&str, f64)> = local(names)
                .filter(|it| !reads.contains(&it.name))
                .map(|it| {
                    let is_own = if own.contains(&it.name.as_str()) { 0.5 } else { 0.0 };
                    (it.name.as_str(), 0.2 + is_own + 0.3 * similar::names(missing, &it.name))
                })
                .collect();
            candidates.sort_by(|a, b| b.1.total_cmp(&a.1));
            candidates.into_iter().take(3).map(|(name, fit)| (with_name(text, missing, name), fit)).collect()
        }
        _ => Vec::new(),
    }
}

/// Replaces a name wherever it stands as a word of its own and is no attribute or keyword of a call.
pub(super) fn with_name(text: &str, old: &str, new: &str) -> String {
    let is_word = |it: char| it.is_alphanumeric() || it == '_';
    let mut result = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(found) = text[at..].find(old).map(|it| it + at) {
        let end = found + old.len();
        let before = text[..found].chars().next_back();
        let after = text[end..].chars().next();
        let is_whole = before.is_none_or(|it| !is_word(it) && it != '.') && after.is_none_or(|it| !is_word(it));
        result.push_str(&text[at..found]);
        result.push_str(if is_whole { new } else { old });
        at = end;
    }
    result.push_str(&text[at..]);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_names_are_replaced() {
        assert_eq!(with_name("a.a + ab + a[a] + ba", "a", "x"), "x.a + ab + x[x] + ba");
        assert_eq!(with_name("é + e", "e", "x"), "é + x");
    }
}
