//! Search over messages: BM25 over the words by which code is found as well.

use rustc_hash::FxHashMap;

use super::record::CommitDocument;
use crate::text::words;

/// How soon more of one word stops to count; the usual values (Robertson and Zaragoza, 2009).
const K1: f64 = 1.2;
/// How much a long message is worse than a short one.
const B: f64 = 0.75;

/// The words of all messages.
#[derive(Debug)]
pub(super) struct Messages {
    /// By word: commit and count, in the order of commits.
    postings: FxHashMap<String, Vec<(u32, u32)>>,
    lengths: Vec<u32>,
    average: f64,
}

impl Messages {
    pub(super) fn of(commits: &[CommitDocument]) -> Messages {
        let mut postings: FxHashMap<String, Vec<(u32, u32)>> = FxHashMap::default();
        let mut lengths = Vec::with_capacity(commits.len());
        for (at, commit) in commits.iter().enumerate() {
            let all = words(&commit.message);
            lengths.push(all.len() as u32);
            for word in all {
                let list = postings.entry(word).or_default();
                match list.last_mut() {
                    Some(last) if last.0 == at as u32 => last.1 += 1,
                    _ => list.push((at as u32, 1)),
                }
            }
        }
        let total: u64 = lengths.iter().map(|it| u64::from(*it)).sum();
        let average = (total as f64 / lengths.len().max(1) as f64).max(1.0);
        Messages { postings, lengths, average }
    }

    /// Returns the places of the commits that fit, best first; of equal ones the newest.
    pub(super) fn search(&self, query: &str, limit: usize) -> Vec<(usize, f64)> {
        let mut asked = words(query);
        asked.sort();
        asked.dedup();
        let mut scores: FxHashMap<u32, f64> = FxHashMap::default();
        for word in &asked {
            let Some(list) = self.postings.get(word) else { continue };
            let (held, all) = (list.len() as f64, self.lengths.len() as f64);
            let rarity = (1.0 + (all - held + 0.5) / (held + 0.5)).ln();
            for (commit, count) in list {
                let length = f64::from(self.lengths.get(*commit as usize).copied().unwrap_or(0));
                let count = f64::from(*count);
                let weight = count * (K1 + 1.0) / (count + K1 * (1.0 - B + B * length / self.average));
                *scores.entry(*commit).or_default() += rarity * weight;
            }
        }
        let mut found: Vec<(usize, f64)> = scores.into_iter().map(|it| (it.0 as usize, it.1)).collect();
        found.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        found.truncate(limit);
        found
    }
}
