//! Versions of languages: as written in many places, reduced to numbers that can be compared.

use super::{Conflict, Evidence};

/// Who says which version; the order is that of precedence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// A file whose purpose is to pin it.
    Pin,
    /// A CI workflow.
    Ci,
    /// A manifest.
    Manifest,
    /// A development container or Dockerfile.
    Container,
}

/// Versions that one source names; any of them is fine with it.
#[derive(Debug, Clone)]
pub(super) struct Named {
    pub(super) rank: Rank,
    pub(super) versions: Vec<String>,
    pub(super) evidence: Evidence,
}

/// Which versions a manifest allows.
#[derive(Debug, Clone)]
pub(super) struct Allowed {
    /// Alternatives of bounds that hold together.
    alternatives: Vec<Vec<Bound>>,
    pub(super) evidence: Evidence,
}

#[derive(Debug, Clone)]
enum Bound {
    AtLeast(Vec<u32>),
    Below(Vec<u32>),
    Not(Vec<u32>),
}

/// Reads the number in front of a version: `3.12.1` of `3.12.1-slim`; `None` for pre-releases, other implementations and words.
pub(super) fn clean(text: &str) -> Option<String> {
    let text = text.trim().trim_matches(['"', '\'']).trim_start_matches(['v', '=', '^', '~', ' ']);
    let end = text.find(|char: char| !char.is_ascii_digit() && char != '.').unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    let rest_is_fine = rest.is_empty() || rest.starts_with('x') || rest.starts_with('*') || rest.starts_with('+');
    let number = number.trim_end_matches('.');
    let plausible = !number.is_empty() && number.len() <= 16 && number.starts_with(|char: char| char.is_ascii_digit());
    (plausible && rest_is_fine && numbers(number).len() <= 4).then(|| number.to_owned())
}

/// Returns the parts of a version as numbers.
pub(super) fn numbers(text: &str) -> Vec<u32> {
    text.split('.').map_while(|part| part.parse().ok()).take(6).collect()
}

/// Whether one names the other, or a part of it: `3.11` and `3.11.4`.
pub(super) fn agree(one: &str, other: &str) -> bool {
    let (one, other) = (numbers(one), numbers(other));
    one.iter().zip(&other).all(|(a, b)| a == b)
}

impl Allowed {
    /// Reads `>=3.8,<4`, `^3.9`, `~=3.10`, `14 || >=16`, `3.x`. What is not understood allows everything.
    pub(super) fn parse(text: &str, evidence: Evidence) -> Allowed {
        let alternatives = text.split("||").take(16).map(|part| bounds(part.trim())).collect();
        Allowed { alternatives, evidence }
    }

    pub(super) fn allows(&self, version: &str) -> bool {
        let version = numbers(version);
        self.alternatives.iter().any(|bounds| bounds.iter().all(|bound| bound.allows(&version)))
    }

    /// Returns the smallest version that is enough.
    pub(super) fn least(&self) -> Option<String> {
        let of = |bound: &Bound| match bound {
            Bound::AtLeast(version) => Some(version.clone()),
            Bound::Below(_) | Bound::Not(_) => None,
        };
        let least = self.alternatives.iter().filter_map(|bounds| bounds.iter().filter_map(of).max()).min()?;
        Some(least.iter().map(ToString::to_string).collect::<Vec<_>>().join("."))
    }
}

impl Bound {
    fn allows(&self, version: &[u32]) -> bool {
        match self {
            // `3.11` may be any patch release of it.
            Bound::AtLeast(least) => padded(version, least, u32::MAX) >= *least,
            Bound::Below(below) => padded(version, below, 0) < *below,
            Bound::Not(not) => !version.starts_with(not),
        }
    }
}

/// Cuts or fills a version to the length of another.
fn padded(version: &[u32], like: &[u32], fill: u32) -> Vec<u32> {
    (0..like.len()).map(|at| version.get(at).copied().unwrap_or(fill)).collect()
}

fn bounds(text: &str) -> Vec<Bound> {
    let mut bounds = Vec::new();
    // `>= 2.7` is one bound; a space elsewhere separates two.
    let joined = ["<=", ">=", "!=", "==", "~=", "~>", "<", ">", "^", "~", "="]
        .iter()
        .fold(text.to_owned(), |text, operator| text.replace(&format!("{operator} "), operator));
    for part in joined.split([',', ' ']).filter(|part| !part.is_empty()).take(16) {
        let digits = part.find(|char: char| char.is_ascii_digit()).unwrap_or(part.len());
        let (operator, version) = part.split_at(digits);
        let wild = version.contains('*') || version.contains('x');
        let version = numbers(version.trim_end_matches(".*").trim_end_matches(".x"));
        if version.is_empty() {
            continue;
        }
        match operator {
            ">=" | ">" => bounds.push(Bound::AtLeast(version)),
            "<" => bounds.push(Bound::Below(version)),
            "<=" => bounds.push(Bound::Below(next(&version, version.len()))),
            "!=" => bounds.push(Bound::Not(version)),
            "^" => between(&mut bounds, &version, 1),
            "~=" | "~>" | "~" => between(&mut bounds, &version, version.len().saturating_sub(1).max(1)),
            "" | "=" | "==" if wild || version.len() < 3 => between(&mut bounds, &version, version.len()),
            "" | "=" | "==" => between(&mut bounds, &version[..2], 2),
            _ => {}
        }
    }
    bounds
}

fn between(bounds: &mut Vec<Bound>, version: &[u32], kept: usize) {
    bounds.push(Bound::AtLeast(version.to_vec()));
    bounds.push(Bound::Below(next(version, kept)));
}

fn next(version: &[u32], kept: usize) -> Vec<u32> {
    let mut next = version[..kept.min(version.len())].to_vec();
    if let Some(last) = next.last_mut() {
        *last = last.saturating_add(1);
    }
    next
}

/// Chooses a version: of the first source in rank, the usual one where that is among them, else the newest that every manifest allows.
/// The usual one can be had everywhere, a registry or not.
pub(super) fn choose(
    named: &[Named],
    allowed: &[Allowed],
    usual: &str,
) -> (Option<String>, Option<Evidence>, Vec<Conflict>) {
    let mut sources: Vec<&Named> = named.iter().collect();
    sources.sort_by_key(|source| source.rank);
    let is_allowed = |version: &str| allowed.iter().all(|it| it.allows(version));
    let newest = |source: &Named| {
        let fine = source.versions.iter().filter(|version| is_allowed(version));
        fine.max_by_key(|version| (*version == usual, numbers(version))).cloned()
    };
    let taken = sources.iter().find_map(|source| Some((newest(source)?, source.evidence.clone())));
    let Some((version, evidence)) = taken else {
        let (version, evidence) = by_manifest(allowed, usual);
        return (version, evidence, Vec::new());
    };
    let differs =
        |source: &&&Named| !source.versions.is_empty() && !source.versions.iter().any(|it| agree(it, &version));
    let conflict = |source: &&Named| Conflict {
        about: "version".to_owned(),
        taken: format!("{version} ({evidence})"),
        left: format!("{} ({})", source.versions.join(", "), source.evidence),
    };
    let conflicts = sources.iter().filter(differs).map(conflict).collect();
    (Some(version), Some(evidence), conflicts)
}

fn by_manifest(allowed: &[Allowed], usual: &str) -> (Option<String>, Option<Evidence>) {
    let refuses = allowed.iter().find(|it| !it.allows(usual));
    match refuses {
        Some(manifest) => (manifest.least(), Some(manifest.evidence.clone())),
        None => (None, allowed.first().map(|it| it.evidence.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_come_out_of_what_people_write() {
        let check = |text: &str, expected: Option<&str>| assert_eq!(clean(text).as_deref(), expected, "{text}");
        check("3.10", Some("3.10"));
        check("v20.1.0", Some("20.1.0"));
        check("'1.22.x'", Some("1.22"));
        check("20.x", Some("20"));
        check("^3.9", Some("3.9"));
        check("3.13-dev", None);
        check("3.15.0-alpha - 3.15", None);
        check("pypy-3.10", None);
        check("lts/*", None);
        check("stable", None);
        check("99999999999999999999", None);
    }

    #[test]
    fn manifests_allow_and_refuse() {
        let check = |text: &str, version: &str, expected: bool| {
            assert_eq!(Allowed::parse(text, Evidence::usual("")).allows(version), expected, "{version} of {text}");
        };
        check(">=3.8", "3.11", true);
        check(">=3.8", "3.7", false);
        check(">=3.8.1", "3.8", true);
        check(">= 2.7, <3", "3.1", false);
        check("^3.9", "3.12", true);
        check("^3.9", "4.0", false);
        check("~=3.9", "3.11", true);
        check("14 || 16 || >=18", "16.2", true);
        check("14 || 16 || >=18", "17", false);
        check("<=3.11", "3.11", true);
        check("<=3.11", "3.12", false);
        check("!=3.0.*,>=2.7", "3.0", false);
        check("3.x", "3.4", true);
        check("whatever", "1", true);
        check(">=4294967299", "1", true);
    }

    #[test]
    fn the_newest_that_is_allowed_is_taken_and_disagreement_is_said() {
        let named = |rank, versions: &[&str]| Named {
            rank,
            versions: versions.iter().map(|&it| it.to_owned()).collect(),
            evidence: Evidence::usual(format!("{rank:?}")),
        };
        let allowed = [Allowed::parse("<3.12", Evidence::usual("manifest"))];
        let sources = [named(Rank::Container, &["3.9"]), named(Rank::Ci, &["3.8", "3.11", "3.12"])];
        let (version, evidence, conflicts) = choose(&sources, &allowed, "3.11");
        assert_eq!(version.as_deref(), Some("3.11"));
        assert_eq!(evidence.unwrap().words, "Ci");
        assert_eq!(conflicts.len(), 1);
        assert!(conflicts[0].left.contains("3.9"), "{conflicts:?}");
        let (version, _, _) = choose(&[], &[Allowed::parse(">=3.13", Evidence::usual("x"))], "3.11");
        assert_eq!(version.as_deref(), Some("3.13"));
        let (version, _, _) = choose(&[], &[], "3.11");
        assert_eq!(version, None);
    }
}
