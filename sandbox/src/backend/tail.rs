//! The end of a stream nobody reads on time, such as a box's stderr.

use std::collections::VecDeque;
use std::sync::Arc;

use bstr::ByteSlice as _;
use parking_lot::Mutex;

const KEPT: usize = 64 << 10;

/// Keeps the last 64 KiB of what is pushed. Clones share the content.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tail(Arc<Mutex<VecDeque<u8>>>);

impl Tail {
    pub(crate) fn push(&self, bytes: &[u8]) {
        let bytes = &bytes[bytes.len().saturating_sub(KEPT)..];
        let mut kept = self.0.lock();
        let excess = (kept.len() + bytes.len()).saturating_sub(KEPT);
        kept.drain(..excess);
        kept.extend(bytes);
    }

    pub(crate) fn text(&self) -> String {
        self.0.lock().make_contiguous().to_str_lossy().into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_end() {
        let tail = Tail::default();
        tail.push(b"start");
        assert_eq!(tail.text(), "start");
        tail.push(&vec![b'x'; KEPT - 3]);
        assert_eq!(tail.text().len(), KEPT);
        assert!(tail.text().starts_with("artx"));
        tail.push(&[vec![b'y'; KEPT], b"end".to_vec()].concat());
        assert_eq!(tail.text().len(), KEPT);
        assert!(tail.text().ends_with("yend"));
    }

    #[test]
    fn invalid_utf8_is_shown_not_refused() {
        let tail = Tail::default();
        tail.push(b"a\xffb");
        assert_eq!(tail.text(), "a\u{fffd}b");
    }
}
