//! Turns the templates' weights into priors, and drops what is proposed twice.
//!
//! A prior is the probability, up to one factor for all, that a change is the fix, taken apart as
//! P(family) · P(site | family) · P(change | site, family): the family's measured share of real fixes, the suspicion of the site's lines, and the
//! change's weight among those that the family makes there. The latter two are only partly normalised ([`SITES`], [`CHOICES`]): that a family
//! finds many sites or many changes in a piece of code is itself some evidence that the fix is of that family.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use super::template::{Rewrite, Template};
use super::{Proposal, ProposeLimits, TargetFile, TemplateContext, TextEdit};

/// By which power a family's share is divided by its number of sites.
const SITES: f64 = 0.5;
/// By which power a family's share at a site is divided by the weights of its changes there.
const CHOICES: f64 = 0.5;

/// Ranks what the families made, best first; drops duplicates and what exceeds the limits.
pub(super) fn rank(
    file: &TargetFile<'_>,
    cx: &TemplateContext<'_>,
    made: Vec<(&'static dyn Template, Vec<Rewrite>)>,
    limits: &ProposeLimits,
) -> Vec<Proposal> {
    let mut ranked: Vec<Proposal> = Vec::new();
    let mut known: HashMap<(Range<usize>, String), usize> = HashMap::new();
    for (template, rewrites) in made {
        for (rewrite, prior) in weigh(cx, template.weight(), rewrites, limits) {
            let Some(change) = normalise(cx.text(), &rewrite.edits) else { continue };
            let proposal = proposal(file, rewrite, prior);
            match known.get(&change) {
                Some(at) => merge(&mut ranked[*at], proposal),
                None => {
                    known.insert(change, ranked.len());
                    ranked.push(proposal);
                }
            }
        }
    }
    let position = |it: &Proposal| it.edits.first().map_or(0, |edit| edit.span.start);
    let text = |it: &Proposal| it.edits.iter().map(|edit| edit.replacement.clone()).collect::<Vec<_>>();
    ranked.sort_by(|a, b| {
        let by_prior = b.prior.total_cmp(&a.prior);
        by_prior.then_with(|| position(a).cmp(&position(b))).then_with(|| text(a).cmp(&text(b)))
    });
    ranked.truncate(limits.total);
    ranked
}

/// Gives each of one family's changes its prior, after dropping those beyond the bound of their site.
fn weigh(cx: &TemplateContext<'_>, family: f64, rewrites: Vec<Rewrite>, limits: &ProposeLimits) -> Vec<(Rewrite, f64)> {
    let mut sites: BTreeMap<(usize, usize), Vec<Rewrite>> = BTreeMap::new();
    for rewrite in rewrites.into_iter().filter(|it| it.weight > 0.0) {
        sites.entry((rewrite.site.start, rewrite.site.end)).or_default().push(rewrite);
    }
    let suspicion = |it: &Rewrite| it.lines.clone().map(|line| cx.suspicion(line)).fold(0.0, f64::max);
    let all_sites: f64 = sites.values().filter_map(|it| it.first()).map(suspicion).sum();
    let mut weighed = Vec::new();
    for mut choices in sites.into_values() {
        // The sort is stable: among equals the template's own order decides.
        choices.sort_by(|a, b| b.weight.total_cmp(&a.weight));
        choices.truncate(limits.per_site);
        let total: f64 = choices.iter().map(|it| it.weight).sum();
        for rewrite in choices {
            let prior = family * suspicion(&rewrite) / all_sites.powf(SITES) * rewrite.weight / total.powf(CHOICES);
            if prior > 0.0 {
                weighed.push((rewrite, prior));
            }
        }
    }
    weighed
}

/// Adds the probability of a change that two templates make; the likelier one gives it its name.
fn merge(kept: &mut Proposal, other: Proposal) {
    let prior = kept.prior + other.prior;
    if other.prior > kept.prior {
        *kept = other;
    }
    kept.prior = prior;
}

fn proposal(file: &TargetFile<'_>, rewrite: Rewrite, prior: f64) -> Proposal {
    let edit = |(span, replacement)| TextEdit { path: file.path.clone(), span, replacement };
    Proposal {
        edits: rewrite.edits.into_iter().map(edit).collect(),
        template: rewrite.variant,
        prior,
        note: rewrite.note,
    }
}

/// Returns the one smallest replacement that has the effect of all edits; none if there is no effect or the edits are no valid ones.
///
/// Changes with the same effect give the same replacement, however they were made: what is equal at the ends is cut off, and an insertion that
/// could stand at several places (as `a` in `aa`) stands at the first.
fn normalise(text: &[u8], edits: &[(Range<usize>, String)]) -> Option<(Range<usize>, String)> {
    let (first, last) = (edits.first()?, edits.last()?);
    let mut merged = Vec::new();
    let mut at = first.0.start;
    for (span, replacement) in edits {
        if span.start < at || span.end < span.start {
            return None;
        }
        merged.extend_from_slice(text.get(at..span.start)?);
        merged.extend_from_slice(replacement.as_bytes());
        at = span.end;
    }
    let (mut start, mut end) = (first.0.start, last.0.end);
    let old = text.get(start..end)?;
    let front = old.iter().zip(&merged).take_while(|(a, b)| a == b).count();
    let rest = (&old[front..], &merged[front..]);
    let back = rest.0.iter().rev().zip(rest.1.iter().rev()).take_while(|(a, b)| a == b).count();
    merged.truncate(merged.len() - back);
    merged.drain(..front);
    start += front;
    end -= back;
    if start == end && merged.is_empty() {
        return None;
    }
    slide(text, &mut start, &mut end, &mut merged);
    Some((start..end, String::from_utf8_lossy(&merged).into_owned()))
}

/// Moves a pure insertion or deletion to the front as far as the effect stays the same.
fn slide(text: &[u8], start: &mut usize, end: &mut usize, merged: &mut [u8]) {
    if merged.is_empty() {
        while *start > 0 && text[*start - 1] == text[*end - 1] {
            *start -= 1;
            *end -= 1;
        }
    } else if start == end {
        while *start > 0 && merged.last() == Some(&text[*start - 1]) {
            *start -= 1;
            *end -= 1;
            merged.rotate_right(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_same(text: &str, left: &[(Range<usize>, &str)], right: &[(Range<usize>, &str)]) {
        let own = |edits: &[(Range<usize>, &str)]| -> Vec<_> {
            edits.iter().map(|(span, new)| (span.clone(), (*new).to_owned())).collect()
        };
        let normalised = normalise(text.as_bytes(), &own(left));
        assert!(normalised.is_some());
        assert_eq!(normalised, normalise(text.as_bytes(), &own(right)));
    }

    #[test]
    fn equal_effects_are_equal() {
        check_same("a + b", &[(0..5, "a - b")], &[(2..3, "-")]);
        check_same("aab", &[(0..0, "a")], &[(2..2, "a")]);
        check_same("x(y(y))", &[(0..7, "x(y)")], &[(3..5, ""), (5..6, "")]);
        check_same("x\nx\n", &[(0..2, "")], &[(2..4, "")]);
    }

    #[test]
    fn no_effect_and_nonsense_are_dropped() {
        assert_eq!(normalise(b"abc", &[(0..3, "abc".to_owned())]), None);
        assert_eq!(normalise(b"abc", &[(2..3, "x".to_owned()), (0..1, "y".to_owned())]), None);
        assert_eq!(normalise(b"abc", &[(2..9, "x".to_owned())]), None);
    }
}
