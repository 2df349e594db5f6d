//! The App's identity: its private key and the short-lived JSON web tokens that it signs.
//!
//! The tokens are made here with `ring` (RS256), so that neither a second cryptographic library nor one with an open advisory is needed.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};

use crate::id::AppId;
use crate::token::Token;

/// How far back a token is dated, against clocks that are ahead of GitHub's.
const BACKDATED: i64 = 60;
/// How long a token counts from now, in seconds: GitHub refuses more than 600 from its own clock.
const LIFETIME: i64 = 540;
/// Key files are a few kilobytes; whatever is larger is another file.
const MAX_KEY_BYTES: usize = 64 * 1024;

/// A GitHub App: its id and the key that proves it.
pub struct App {
    id: AppId,
    key: AppKey,
    /// Seconds to add to our clock to get GitHub's.
    skew: AtomicI64,
}

/// The RSA key that GitHub's settings page gave out for the App.
pub struct AppKey(RsaKeyPair);

/// Why a text is no key of an App.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Nothing is there.
    #[error("the App's private key is empty")]
    Empty,
    /// It is too large to be a key.
    #[error("the App's private key has more than 64 kB: this is another file")]
    TooLarge,
    /// It is neither PEM nor DER.
    #[error("the App's private key is neither PEM nor DER: take the .pem file that GitHub's settings page gave out")]
    Form,
    /// It has an end that does not fit, or its middle is not base64.
    #[error("the PEM text of the App's private key is damaged: {0}")]
    Damaged(&'static str),
    /// It is another thing in PEM.
    #[error(
        "the App's private key is a `{0}`, but GitHub signs Apps in with an RSA private key: take the .pem file that its settings page gave out"
    )]
    OtherKind(String),
    /// It is a key that cannot sign.
    #[error("the App's private key cannot be used: {0}")]
    Refused(String),
}

/// Why no token could be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the App's private key could not sign")]
pub struct SigningError;

impl App {
    /// Joins an App's id and its key.
    pub fn new(id: AppId, key: AppKey) -> App {
        App { id, key, skew: AtomicI64::new(0) }
    }

    /// Returns the App's id.
    pub fn id(&self) -> AppId {
        self.id
    }

    /// Returns a JSON web token that counts for nine minutes from `now`, our own clock's time.
    ///
    /// # Errors
    /// When the key cannot sign.
    pub fn jwt(&self, now: Timestamp) -> Result<Token, SigningError> {
        let now = now.as_second().saturating_add(self.skew.load(Ordering::Relaxed));
        let claims = format!(r#"{{"iat":{},"exp":{},"iss":"{}"}}"#, now - BACKDATED, now + LIFETIME, self.id);
        let head = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256","typ":"JWT"}"#);
        let signed = format!("{head}.{}", URL_SAFE_NO_PAD.encode(claims));
        let mut signature = vec![0; self.key.0.public().modulus_len()];
        let random = SystemRandom::new();
        self.key.0.sign(&RSA_PKCS1_SHA256, &random, signed.as_bytes(), &mut signature).map_err(|_| SigningError)?;
        Ok(Token::new(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))))
    }

    /// Learns from the `Date` of an answer how far our clock is off; returns whether the tokens to come differ from those before.
    pub(crate) fn correct_clock(&self, ours: Timestamp, theirs: Timestamp) -> bool {
        let skew = theirs.duration_since(ours).as_secs();
        self.skew.swap(skew, Ordering::Relaxed) != skew
    }

    /// Returns how far GitHub's clock is ahead of ours, as far as it had to be learned.
    pub fn clock_skew(&self) -> SignedDuration {
        SignedDuration::from_secs(self.skew.load(Ordering::Relaxed))
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").field("id", &self.id).finish_non_exhaustive()
    }
}

impl fmt::Debug for AppKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppKey").finish_non_exhaustive()
    }
}

impl AppKey {
    /// Reads a key: PEM (PKCS#1 or PKCS#8, any line ends, `\n` written out, in quotes, or the whole in base64 once more) or DER.
    ///
    /// # Errors
    /// When the text is no RSA private key of 2,048 bits or more; the error never holds a part of it.
    pub fn parse(bytes: &[u8]) -> Result<AppKey, KeyError> {
        if bytes.len() > MAX_KEY_BYTES {
            return Err(KeyError::TooLarge);
        }
        if bytes.trim_ascii().is_empty() {
            return Err(KeyError::Empty);
        }
        // Every DER form begins with a sequence longer than 127 bytes.
        if bytes.starts_with(&[0x30, 0x82]) {
            return AppKey::from_der(bytes);
        }
        let text = plain(std::str::from_utf8(bytes).map_err(|_| KeyError::Form)?);
        if text.contains("-----BEGIN ") {
            return AppKey::from_pem(&text);
        }
        let inner = decode(&text).map_err(|_| KeyError::Form)?;
        match std::str::from_utf8(&inner) {
            Ok(inner) if inner.contains("-----BEGIN ") => AppKey::from_pem(&plain(inner)),
            _ if inner.starts_with(&[0x30, 0x82]) => AppKey::from_der(&inner),
            _ => Err(KeyError::Form),
        }
    }

    fn from_pem(text: &str) -> Result<AppKey, KeyError> {
        let (_, rest) = text.split_once("-----BEGIN ").ok_or(KeyError::Form)?;
        let (label, rest) = rest.split_once("-----").ok_or(KeyError::Damaged("its first line has no end"))?;
        if !matches!(label, "RSA PRIVATE KEY" | "PRIVATE KEY") {
            return Err(KeyError::OtherKind(label.chars().take(40).filter(|it| !it.is_control()).collect()));
        }
        let end = format!("-----END {label}-----");
        let (middle, _) = rest.split_once(&end).ok_or(KeyError::Damaged("its last line is missing"))?;
        if middle.contains("Proc-Type") {
            return Err(KeyError::OtherKind("key behind a password".to_owned()));
        }
        let der = decode(middle).map_err(|_| KeyError::Damaged("its middle is not base64"))?;
        match label {
            "PRIVATE KEY" => RsaKeyPair::from_pkcs8(&der),
            _ => RsaKeyPair::from_der(&der),
        }
        .map(AppKey)
        .map_err(refused)
    }

    fn from_der(der: &[u8]) -> Result<AppKey, KeyError> {
        RsaKeyPair::from_pkcs8(der).or_else(|_| RsaKeyPair::from_der(der)).map(AppKey).map_err(refused)
    }
}

/// Undoes what environment variables and settings files do to a PEM text.
fn plain(text: &str) -> String {
    let text = text.trim_start_matches('\u{feff}').trim().trim_matches(['"', '\'']);
    text.replace("\\r", "").replace("\\n", "\n").replace('\r', "")
}

fn decode(text: &str) -> Result<Vec<u8>, base64::DecodeError> {
    STANDARD.decode(text.chars().filter(|it| !it.is_ascii_whitespace()).collect::<String>())
}

fn refused(error: ring::error::KeyRejected) -> KeyError {
    // ring names the fault in one word, and never shows the key.
    KeyError::Refused(match error.to_string().as_str() {
        "WrongAlgorithm" => "it is not an RSA key".to_owned(),
        "TooSmall" => "it has fewer than 2,048 bits".to_owned(),
        "InvalidEncoding" => "it is not an RSA private key".to_owned(),
        other => other.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

    use super::*;

    const PKCS1: &str = include_str!("../fixtures/keys/pkcs1.pem");
    const PKCS8: &str = include_str!("../fixtures/keys/pkcs8.pem");

    fn der(pem: &str) -> Vec<u8> {
        decode(&pem.lines().filter(|line| !line.starts_with('-')).collect::<String>()).unwrap()
    }

    #[test]
    fn every_form_of_a_key_is_the_same_key() {
        let expected = AppKey::parse(PKCS1.as_bytes()).unwrap().0.public().as_ref().to_vec();
        let check = |bytes: &[u8]| assert_eq!(AppKey::parse(bytes).unwrap().0.public().as_ref(), expected);
        check(PKCS8.as_bytes());
        check(PKCS1.replace('\n', "\r\n").as_bytes());
        check(PKCS1.replace('\n', "\\n").as_bytes());
        check(format!("\"{}\"", PKCS8.replace('\n', "\\n")).as_bytes());
        check(format!("\u{feff}  {PKCS8}\n\n").as_bytes());
        check(format!("some words before\n{PKCS1}").as_bytes());
        check(PKCS1.trim_end().as_bytes());
        check(&der(PKCS1));
        check(&der(PKCS8));
        check(STANDARD.encode(PKCS1).as_bytes());
        check(STANDARD.encode(der(PKCS8)).as_bytes());
    }

    #[test]
    fn what_is_no_key_is_named() {
        let check = |bytes: &[u8], expected: &str| {
            let error = AppKey::parse(bytes).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        check(b"", "is empty");
        check(b" \r\n", "is empty");
        check(&vec![b'x'; 70_000], "more than 64 kB");
        check(b"123456", "neither PEM nor DER");
        check(b"\xff\xfe\0", "neither PEM nor DER");
        check(include_bytes!("../fixtures/keys/public.pem"), "is a `PUBLIC KEY`");
        check(include_bytes!("../fixtures/keys/ec.pem"), "it is not an RSA key");
        check(include_bytes!("../fixtures/keys/small.pem"), "2,048 bits");
        check(
            b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----",
            "is a `OPENSSH PRIVATE KEY`",
        );
        check(PKCS1.split("-----END").next().unwrap().as_bytes(), "its last line is missing");
        check(PKCS1.replace('M', "*").as_bytes(), "its middle is not base64");
        check(b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", "it is not an RSA private key");
        check(&der(PKCS1)[..200], "it is not an RSA private key");
    }

    fn parts(token: &Token) -> (String, serde_json::Value, Vec<u8>) {
        let (signed, signature) = token.expose().rsplit_once('.').unwrap();
        let claims = URL_SAFE_NO_PAD.decode(signed.split_once('.').unwrap().1).unwrap();
        (signed.to_owned(), serde_json::from_slice(&claims).unwrap(), URL_SAFE_NO_PAD.decode(signature).unwrap())
    }

    #[test]
    fn a_token_is_signed_backdated_and_short() {
        let app = App::new(AppId(42), AppKey::parse(PKCS8.as_bytes()).unwrap());
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let (signed, claims, signature) = parts(&app.jwt(now).unwrap());
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, app.key.0.public().as_ref());
        public.verify(signed.as_bytes(), &signature).unwrap();
        assert_eq!(claims, serde_json::json!({ "iat": 1_799_999_940, "exp": 1_800_000_540, "iss": "42" }));
    }

    #[test]
    fn a_wrong_clock_is_corrected() {
        let app = App::new(AppId(42), AppKey::parse(PKCS8.as_bytes()).unwrap());
        let ours = Timestamp::from_second(1_800_000_000).unwrap();
        let theirs = Timestamp::from_second(1_799_999_700).unwrap();
        assert!(app.correct_clock(ours, theirs));
        assert!(!app.correct_clock(ours, theirs), "the second time nothing is left to correct");
        let (_, claims, _) = parts(&app.jwt(ours).unwrap());
        assert_eq!(claims["iat"], 1_799_999_640);
    }

    #[test]
    fn nothing_of_the_key_is_printed() {
        let app = App::new(AppId(42), AppKey::parse(PKCS8.as_bytes()).unwrap());
        assert_eq!(format!("{app:?}"), "App { id: AppId(42), .. }");
        assert_eq!(format!("{:?}", app.key), "AppKey { .. }");
        assert!(!format!("{:?}", app.jwt(Timestamp::UNIX_EPOCH).unwrap()).contains("eyJ"));
    }
}
