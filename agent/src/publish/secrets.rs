//! Secrets in outgoing text: those we know, in every form they may be written in, and those that look like one.
//!
//! Known values are looked for as they are, reversed, in hex, in base64 at each of the three alignments, URL-encoded, and spread over lines
//! or string pieces. What looks like a secret is found by the formats that vendors publish. A finding names the rule, never the value.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use regex::bytes::{Regex, RegexSet};

/// Shorter values are no secrets, and would be found in everything.
const MIN_BYTES: usize = 8;
/// What a secret is replaced by where text must still be shown.
pub const REDACTED: &str = "[redacted]";

/// A secret was found; where, and by which rule.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("secret/{rule} in line {line}")]
pub struct Finding {
    /// The rule, such as `known` or `aws-access-key`.
    pub rule: &'static str,
    /// The line, counted from 1; of the text without its breaks, the line where the secret begins.
    pub line: usize,
}

/// All secrets of this process, ready to be looked for.
#[derive(Clone)]
pub struct Secrets {
    /// The forms as they are written.
    known: Option<AhoCorasick>,
    /// The forms without the characters that [`join`] takes away.
    joined: Option<AhoCorasick>,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Secrets").finish_non_exhaustive()
    }
}

impl Secrets {
    /// Takes the values that must never be seen. Values of several lines, such as keys in PEM, count line by line as well.
    pub fn new<'a>(values: impl IntoIterator<Item = &'a str>) -> Secrets {
        let mut forms: Vec<Vec<u8>> = Vec::new();
        for value in values {
            let lines = value.lines().map(str::trim).filter(|line| !line.starts_with("-----"));
            for part in std::iter::once(value.trim()).chain(lines) {
                if part.len() >= MIN_BYTES {
                    forms.extend(forms_of(part.as_bytes()));
                }
            }
        }
        let joined = forms.iter().map(|form| join(form).0).collect();
        Secrets { known: automaton(forms), joined: automaton(joined) }
    }

    /// Looks for a secret in what is about to leave.
    pub fn find(&self, text: &[u8]) -> Option<Finding> {
        self.find_known(text).or_else(|| find_pattern(text))
    }

    /// Replaces what is secret, for logs and reports. What is spread over lines is not found here, so this is for single messages only.
    pub fn redact(&self, text: &str) -> String {
        let mut bytes = text.as_bytes().to_vec();
        if let Some(known) = &self.known {
            bytes = known.replace_all_bytes(&bytes, &vec![REDACTED.as_bytes(); known.patterns_len()]);
        }
        for pattern in PATTERNS.iter() {
            bytes = pattern.replace_all(&bytes, REDACTED.as_bytes()).into_owned();
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn find_known(&self, text: &[u8]) -> Option<Finding> {
        let known = self.known.as_ref()?;
        if let Some(found) = known.find(text) {
            return Some(Finding { rule: "known", line: line_of(text, found.start()) });
        }
        let (joined, origins) = join(text);
        let found = self.joined.as_ref()?.find(&joined)?;
        Some(Finding { rule: "known-spread", line: line_of(text, origins[found.start()]) })
    }
}

/// The ways in which a value may be written.
fn forms_of(value: &[u8]) -> Vec<Vec<u8>> {
    let mut reversed = value.to_vec();
    reversed.reverse();
    let mut forms = vec![
        value.to_vec(),
        url_encoded(value),
        hex::encode(value).into_bytes(),
        hex::encode_upper(value).into_bytes(),
    ];
    for text in [value, &reversed] {
        for shift in 0..3 {
            forms.push(base64_inside(text, shift, &STANDARD_NO_PAD));
            forms.push(base64_inside(text, shift, &URL_SAFE_NO_PAD));
        }
    }
    forms.push(reversed);
    forms
}

/// The part of base64 that is the same whatever stands around the value, where the value begins `shift` bytes after a group of three.
fn base64_inside(value: &[u8], shift: usize, engine: &impl base64::Engine) -> Vec<u8> {
    let mut padded = vec![0; shift];
    padded.extend_from_slice(value);
    let encoded = base64::Engine::encode(engine, &padded).into_bytes();
    // A letter is six bits: those that touch a byte before or after the value depend on it.
    let first = (shift * 8).div_ceil(6);
    let last = padded.len() * 8 / 6;
    encoded.get(first..last).unwrap_or_default().to_vec()
}

fn url_encoded(value: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len());
    for &byte in value {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(byte);
        } else {
            out.extend_from_slice(format!("%{byte:02X}").as_bytes());
        }
    }
    out
}

/// The text without white space, quotes and what joins pieces of strings, and for each byte left where it stood.
fn join(text: &[u8]) -> (Vec<u8>, Vec<usize>) {
    let between = |byte: u8| byte.is_ascii_whitespace() || b"\"'`\\,|()[]>+".contains(&byte);
    text.iter().enumerate().filter(|(_, byte)| !between(**byte)).map(|(at, byte)| (*byte, at)).unzip()
}

fn automaton(mut forms: Vec<Vec<u8>>) -> Option<AhoCorasick> {
    forms.retain(|form| form.len() >= MIN_BYTES);
    forms.sort_unstable();
    forms.dedup();
    // Building fails only beyond sizes that no set of secrets has.
    (!forms.is_empty()).then(|| AhoCorasick::new(&forms).ok()).flatten()
}

fn line_of(text: &[u8], offset: usize) -> usize {
    text.iter().take(offset).filter(|byte| **byte == b'\n').count() + 1
}

/// Formats that vendors publish, each with its rule's name. The lengths are lower bounds, since tokens grow.
const FORMATS: [(&str, &str); 16] = [
    ("private-key", r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----"),
    ("github-token", r"\bgh[pousr]_[A-Za-z0-9_.\-]{30,}"),
    ("github-fine-grained-token", r"\bgithub_pat_[A-Za-z0-9_]{40,}"),
    ("gitlab-token", r"\bglpat-[A-Za-z0-9_\-]{20,}"),
    ("anthropic-key", r"\bsk-ant-[A-Za-z0-9_\-]{20,}"),
    ("openai-key", r"\bsk-(?:proj-|svcacct-|admin-)?[A-Za-z0-9_\-]{32,}"),
    ("google-api-key", r"\bAIza[A-Za-z0-9_\-]{35}"),
    ("aws-access-key", r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b"),
    ("aws-secret-key", r#"(?i)aws.{0,20}secret.{0,20}[=:]\s*["']?[A-Za-z0-9/+]{40}\b"#),
    ("slack-token", r"\bxox[abeoprs]-[A-Za-z0-9\-]{10,}"),
    ("slack-webhook", r"hooks\.slack\.com/services/T[A-Za-z0-9_]+/B[A-Za-z0-9_]+/[A-Za-z0-9_]{20,}"),
    ("stripe-key", r"\b[rs]k_live_[A-Za-z0-9]{20,}"),
    ("npm-token", r"\bnpm_[A-Za-z0-9]{36}"),
    ("pypi-token", r"\bpypi-AgEIcHlwaS5vcmc[A-Za-z0-9_\-]{50,}"),
    ("json-web-token", r"\beyJ[A-Za-z0-9_\-]{10,}\.eyJ[A-Za-z0-9_\-]{10,}\.[A-Za-z0-9_\-]{10,}"),
    ("password-in-url", r"(?i)\b[a-z][a-z0-9+.\-]{1,15}://[^/\s:@]{1,64}:[^/\s:@]{3,256}@"),
];

static PATTERNS: LazyLock<Vec<Regex>> =
    LazyLock::new(|| FORMATS.iter().filter_map(|(_, pattern)| Regex::new(pattern).ok()).collect());
static SET: LazyLock<Option<RegexSet>> = LazyLock::new(|| RegexSet::new(FORMATS.map(|(_, pattern)| pattern)).ok());

fn find_pattern(text: &[u8]) -> Option<Finding> {
    let index = SET.as_ref()?.matches(text).into_iter().next()?;
    let start = PATTERNS.get(index)?.find(text).map_or(0, |found| found.start());
    Some(Finding { rule: FORMATS[index].0, line: line_of(text, start) })
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};
    use proptest::prelude::*;

    use super::*;

    /// Puts a key together that stands nowhere in this file in one piece.
    fn made(parts: &[&str]) -> String {
        parts.concat()
    }

    #[test]
    fn every_pattern_is_a_pattern() {
        assert_eq!(PATTERNS.len(), FORMATS.len());
        assert!(SET.is_some());
    }

    #[test]
    fn what_looks_like_a_secret_is_found() {
        let check = |parts: &[&str], rule: &str| {
            let text = format!("one\ntwo = \"{}\"\n", made(parts));
            assert_eq!(
                Secrets::new([]).find(text.as_bytes()),
                Some(Finding { rule: find_rule(rule), line: 2 }),
                "{rule}"
            );
            assert!(Secrets::new([]).redact(&text).contains(REDACTED));
        };
        check(&["-----BEGIN RSA PRI", "VATE KEY-----"], "private-key");
        check(&["gh", "p_", "abcdefghijklmnopqrstuvwxyz0123456789"], "github-token");
        check(&["gh", "s_123456_", "eyJhbGciOi.eyJpc3MiOjEy.c2lnbmF0dXJl"], "github-token");
        check(&["sk-", "ant-api03-", "abcdefghijklmnopqrstuvwxyz"], "anthropic-key");
        check(&["AK", "IAIOSFODNN7EXAMPLE"], "aws-access-key");
        check(&["xo", "xb-1234567890-abcdefghij"], "slack-token");
        check(&["https://user:", "word@example.com/x"], "password-in-url");
        check(&["eyJhbGciOiJIUzI1NiJ9", ".eyJzdWIiOiIxMjM0NTY3ODkw", ".SflKxwRJSMeKKF2QT4"], "json-web-token");
    }

    fn find_rule(rule: &str) -> &'static str {
        FORMATS.iter().find(|(name, _)| *name == rule).unwrap().0
    }

    #[test]
    fn plain_code_and_prose_are_no_secrets() {
        let secrets = Secrets::new(["a-secret-of-ours-0123456789"]);
        for text in [
            "def skip(task): return task - sk",
            "see https://docs.example.com/a:b@c for AKIA",
            "sha256: 71a18407dd5e8464f4e0525daf03deabbe65abd9287d6adc7b5d98f516cd0d0c",
            "let sk_live = eyJ;",
        ] {
            assert_eq!(secrets.find(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn a_key_in_pem_is_found_by_any_of_its_lines() {
        let secrets = Secrets::new(["-----BEGIN X-----\nMIIEowIBAAKCAQEA0123\nqrstuvwxyzABCDEFGH\n-----END X-----"]);
        assert_eq!(secrets.find(b"# qrstuvwxyzABCDEFGH"), Some(Finding { rule: "known", line: 1 }));
        assert_eq!(secrets.find(b"-----BEGIN X-----"), None);
    }

    proptest! {
        #[test]
        fn a_known_secret_is_found_in_every_form(secret in "[A-Za-z0-9]{9}[A-Za-z0-9+/=_.:-]{3,50}", before in ".{0,20}", cut in 1usize..11) {
            let secrets = Secrets::new([secret.as_str()]);
            let (left, right) = secret.split_at(cut);
            let forms = [
                format!("{before}{secret}!"),
                secret.chars().rev().collect::<String>(),
                hex::encode(&secret),
                STANDARD.encode(format!("{before}{secret}{before}")),
                URL_SAFE.encode(format!("{before}{secret}")),
                String::from_utf8(url_encoded(secret.as_bytes())).unwrap(),
                format!("x = \"{left}\" +\n    \"{right}\"\n"),
            ];
            for form in &forms {
                prop_assert!(secrets.find(form.as_bytes()).is_some(), "{}", form);
            }
            prop_assert!(!secrets.redact(&forms[0]).contains(&secret));
        }

        #[test]
        fn any_bytes_can_be_searched(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            Secrets::new(["0123456789abcdef"]).find(&bytes);
        }
    }
}
