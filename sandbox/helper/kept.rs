//! The first and the last bytes of a stream.

use std::collections::VecDeque;

/// What is kept of one stream.
pub(crate) struct Kept {
    half: usize,
    head: Vec<u8>,
    tail: VecDeque<u8>,
    pub(crate) total: u64,
}

impl Kept {
    /// Keeps at most so many bytes, head and tail together.
    pub(crate) fn new(most: u64) -> Self {
        let half = usize::try_from(most / 2).unwrap_or(usize::MAX).max(1);
        Self { half, head: Vec::new(), tail: VecDeque::new(), total: 0 }
    }

    pub(crate) fn add(&mut self, bytes: &[u8]) {
        self.total += bytes.len() as u64;
        let (first, rest) = bytes.split_at(bytes.len().min(self.half - self.head.len()));
        self.head.extend_from_slice(first);
        let rest = &rest[rest.len().saturating_sub(self.half)..];
        let excess = (self.tail.len() + rest.len()).saturating_sub(self.half);
        self.tail.drain(..excess);
        self.tail.extend(rest);
    }

    /// Returns how many bytes were left out.
    pub(crate) fn lost(&self) -> u64 {
        self.total - self.head.len() as u64 - self.tail.len() as u64
    }

    pub(crate) fn bytes(self) -> Vec<u8> {
        let lost = self.lost();
        let mut bytes = self.head;
        if lost > 0 {
            bytes.extend_from_slice(format!("\n[... {lost} bytes left out ...]\n").as_bytes());
        }
        bytes.extend(self.tail);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::Kept;

    #[test]
    fn head_and_tail_are_kept_whatever_the_pieces() {
        for piece in [1, 3, 7, 100] {
            let mut kept = Kept::new(20);
            let all: Vec<u8> = (b'a'..=b'z').chain(b'a'..=b'z').collect();
            for part in all.chunks(piece) {
                kept.add(part);
            }
            assert_eq!(kept.lost(), 32);
            assert_eq!(kept.bytes(), b"abcdefghij\n[... 32 bytes left out ...]\nqrstuvwxyz");
        }
        let mut kept = Kept::new(20);
        kept.add(b"all of it fits");
        assert_eq!(kept.bytes(), b"all of it fits");
    }
}
