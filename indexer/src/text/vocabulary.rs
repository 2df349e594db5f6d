//! The words of a pack and their numbers.
//!
//! Nearly all words fit into sixteen bytes. Such a word is its own key, so that looking it up touches no memory but the table's; and words
//! are put in order by comparing numbers.

use rustc_hash::FxHashMap;

/// Words of more bytes are kept as texts.
const SHORT: usize = 16;

/// Words, each with a number, counted from 0 in the order in which they came.
#[derive(Default)]
pub(super) struct Vocabulary {
    /// Words of at most [`SHORT`] bytes, filled up with zeros, of which no word has any.
    short: FxHashMap<[u64; 2], u32>,
    long: FxHashMap<Box<str>, u32>,
}

/// The words of a vocabulary in the order of their bytes.
pub(super) struct SortedWords {
    /// The first bytes of a word as a number, and the number of the word.
    words: Vec<(u128, u32)>,
    /// By number.
    long: FxHashMap<u32, Box<str>>,
}

/// Returns the first bytes, filled up with zeros, so that numbers are ordered as words are.
fn first_bytes(word: &[u8]) -> u128 {
    let mut bytes = [0; SHORT];
    let length = word.len().min(SHORT);
    bytes[..length].copy_from_slice(&word[..length]);
    u128::from_be_bytes(bytes)
}

fn key(word: &str) -> [u64; 2] {
    let first = first_bytes(word.as_bytes());
    [(first >> 64) as u64, first as u64]
}

impl Vocabulary {
    pub(super) fn len(&self) -> usize {
        self.short.len() + self.long.len()
    }

    /// Returns the number of a word, a new one where it is new.
    pub(super) fn number(&mut self, word: &str) -> u32 {
        let next = self.len() as u32;
        if word.len() <= SHORT {
            return *self.short.entry(key(word)).or_insert(next);
        }
        match self.long.get(word) {
            Some(number) => *number,
            None => {
                self.long.insert(word.into(), next);
                next
            }
        }
    }

    /// Returns the number of a word that is there.
    pub(super) fn get(&self, word: &str) -> Option<u32> {
        let known = if word.len() <= SHORT { self.short.get(&key(word)) } else { self.long.get(word) };
        known.copied().filter(|_| !word.contains('\0'))
    }

    pub(super) fn sorted(self) -> SortedWords {
        let short = self.short.into_iter().map(|([high, low], it)| (u128::from(high) << 64 | u128::from(low), it));
        let mut words: Vec<(u128, u32)> = short.collect();
        words.extend(self.long.iter().map(|(word, number)| (first_bytes(word.as_bytes()), *number)));
        let long: FxHashMap<u32, Box<str>> = self.long.into_iter().map(|(word, number)| (number, word)).collect();
        // Of words with the same first bytes one at most is short, and comes first.
        words.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| long.get(&a.1).cmp(&long.get(&b.1))));
        SortedWords { words, long }
    }
}

impl SortedWords {
    pub(super) fn len(&self) -> usize {
        self.words.len()
    }

    /// Returns the numbers of all words in the order of their bytes, each with what [`SortedWords::bytes`] takes.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u128, u32)> {
        self.words.iter().copied()
    }

    /// Returns the bytes of a word; `buffer` is there to hold them.
    pub(super) fn bytes<'b>(&'b self, (first, number): (u128, u32), buffer: &'b mut [u8; SHORT]) -> &'b [u8] {
        if let Some(word) = self.long.get(&number) {
            return word.as_bytes();
        }
        *buffer = first.to_be_bytes();
        let length = SHORT - first.trailing_zeros() as usize / 8;
        &buffer[..length]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn words_keep_their_numbers_and_come_in_order(words in prop::collection::vec("[a-c]{1,3}|[ab]{15,18}|é[ab]{13,16}", 0..80)) {
            let mut vocabulary = Vocabulary::default();
            let mut known: Vec<String> = Vec::new();
            for word in &words {
                let at = known.iter().position(|it| it == word).unwrap_or_else(|| {
                    known.push(word.clone());
                    known.len() - 1
                });
                prop_assert_eq!(vocabulary.number(word), at as u32);
                prop_assert_eq!(vocabulary.get(word), Some(at as u32));
            }
            prop_assert_eq!(vocabulary.len(), known.len());
            let sorted = vocabulary.sorted();
            let bytes = |it: (u128, u32)| sorted.bytes(it, &mut [0; SHORT]).to_vec();
            let found: Vec<(Vec<u8>, u32)> = sorted.iter().map(|it| (bytes(it), it.1)).collect();
            let mut expected: Vec<(Vec<u8>, u32)> = known.into_iter().map(String::into_bytes).zip(0..).collect();
            expected.sort();
            prop_assert_eq!(found, expected);
            prop_assert_eq!(sorted.len(), sorted.iter().count());
        }
    }
}
