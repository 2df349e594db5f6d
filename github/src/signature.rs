//! Signatures of webhook deliveries: HMAC-SHA256 over the raw bytes of the body.
//!
//! The check comes before anything reads the body. It takes as long for a signature that is wrong in its first byte as for one that is
//! wrong in its last, and there is no way to have a checker without a secret.

use std::fmt;

use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, SecretSlice};
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq};

/// The header that carries the signature.
pub const SIGNATURE_HEADER: &str = "x-hub-signature-256";

const PREFIX: &[u8] = b"sha256=";
const DIGEST_BYTES: usize = 32;

/// The secret of the webhook, and the one before it while a rotation lasts.
pub struct WebhookSecrets {
    current: SecretSlice<u8>,
    previous: Option<SecretSlice<u8>>,
}

/// Which secret signed a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SignedBy {
    /// The one in use.
    Current,
    /// The one that is being replaced.
    Previous,
}

/// Why there is no checker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// Anybody could sign.
    #[error(
        "the webhook secret is empty: set the one that the App's settings page shows, deliveries cannot be trusted without it"
    )]
    Empty,
}

/// Why a delivery is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The header is not there.
    #[error("the delivery has no X-Hub-Signature-256 header")]
    Missing,
    /// The header is not `sha256=` and 64 hexadecimal digits.
    #[error("the signature is not of the form sha256=HEX")]
    Form,
    /// No secret gives this signature for this body.
    #[error("the signature does not belong to the body")]
    Mismatch,
}

impl WebhookSecrets {
    /// Takes the secret in use and, during a rotation, the one before it.
    ///
    /// # Errors
    /// When either is empty or only white space.
    pub fn new(current: &str, previous: Option<&str>) -> Result<WebhookSecrets, SecretError> {
        let secret = |text: &str| match text.trim().is_empty() {
            true => Err(SecretError::Empty),
            false => Ok(SecretSlice::from(text.as_bytes().to_vec())),
        };
        Ok(WebhookSecrets { current: secret(current)?, previous: previous.map(secret).transpose()? })
    }

    /// Checks the value of the signature header against the body as it came over the wire.
    ///
    /// # Errors
    /// When the header is missing, malformed, or signed by no secret of ours.
    pub fn verify(&self, header: Option<&[u8]>, body: &[u8]) -> Result<SignedBy, SignatureError> {
        let digits = header.ok_or(SignatureError::Missing)?.strip_prefix(PREFIX).ok_or(SignatureError::Form)?;
        let mut claimed = [0; DIGEST_BYTES];
        hex::decode_to_slice(digits, &mut claimed).map_err(|_| SignatureError::Form)?;
        let current = digest(&self.current, body).ct_eq(&claimed);
        // Both are always computed, so that the time does not tell which secret is in use.
        let previous = match &self.previous {
            Some(secret) => digest(secret, body).ct_eq(&claimed),
            None => Choice::from(0),
        };
        match (current.into(), previous.into()) {
            (true, _) => Ok(SignedBy::Current),
            (false, true) => Ok(SignedBy::Previous),
            (false, false) => Err(SignatureError::Mismatch),
        }
    }

    /// Returns the header's value that GitHub would send with the body, signed with the secret in use.
    pub fn sign(&self, body: &[u8]) -> String {
        format!("sha256={}", hex::encode(digest(&self.current, body)))
    }
}

fn digest(secret: &SecretSlice<u8>, body: &[u8]) -> [u8; DIGEST_BYTES] {
    // HMAC takes keys of every length: the error of the constructor is for other constructions.
    match Hmac::<Sha256>::new_from_slice(secret.expose_secret()) {
        Ok(mac) => mac.chain_update(body).finalize().into_bytes().into(),
        Err(_) => [0; DIGEST_BYTES],
    }
}

impl fmt::Debug for WebhookSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookSecrets").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Vectors {
        vectors: Vec<Vector>,
    }

    #[derive(Deserialize)]
    struct Vector {
        name: String,
        secret: String,
        body: String,
        header: Option<String>,
        valid: bool,
    }

    #[test]
    fn the_published_vectors_hold() {
        let file: Vectors = serde_json::from_str(include_str!("../fixtures/signature-vectors.json")).unwrap();
        assert_eq!(file.vectors.len(), 9);
        for vector in file.vectors {
            let header = vector.header.as_deref().map(str::as_bytes);
            match WebhookSecrets::new(&vector.secret, None) {
                Ok(secrets) => {
                    let verdict = secrets.verify(header, vector.body.as_bytes());
                    assert_eq!(verdict.is_ok(), vector.valid, "{}: {verdict:?}", vector.name);
                }
                Err(SecretError::Empty) => assert_eq!(vector.name, "server-has-no-secret"),
            }
        }
    }

    #[test]
    fn two_secrets_count_while_one_replaces_the_other() {
        let old = WebhookSecrets::new("old", None).unwrap();
        let new = WebhookSecrets::new("new", Some("old")).unwrap();
        let done = WebhookSecrets::new("new", None).unwrap();
        let header = old.sign(b"{}");
        assert_eq!(new.verify(Some(header.as_bytes()), b"{}"), Ok(SignedBy::Previous));
        assert_eq!(done.verify(Some(header.as_bytes()), b"{}"), Err(SignatureError::Mismatch));
        let header = done.sign(b"{}");
        assert_eq!(new.verify(Some(header.as_bytes()), b"{}"), Ok(SignedBy::Current));
        assert_eq!(WebhookSecrets::new("new", Some(" \n")).unwrap_err(), SecretError::Empty);
    }

    #[test]
    fn malformed_headers_are_refused() {
        let secrets = WebhookSecrets::new("s", None).unwrap();
        let good = secrets.sign(b"body");
        for header in
            ["", "sha256=", "sha256=\u{e9}", &good.replace("sha256=", "sha1="), &format!("{good}00"), &good[..70]]
        {
            assert_eq!(secrets.verify(Some(header.as_bytes()), b"body"), Err(SignatureError::Form), "{header}");
        }
        assert_eq!(secrets.verify(Some(b"sha256=\xff\xfe"), b"body"), Err(SignatureError::Form));
        assert_eq!(secrets.verify(None, b"body"), Err(SignatureError::Missing));
        // A proxy that writes the same JSON differently breaks the signature.
        let header = secrets.sign(br#"{"a":1}"#);
        assert_eq!(secrets.verify(Some(header.as_bytes()), br#"{ "a": 1 }"#), Err(SignatureError::Mismatch));
    }

    #[test]
    fn nothing_of_a_secret_is_printed() {
        let secrets = WebhookSecrets::new("hunter2", Some("hunter1")).unwrap();
        assert!(!format!("{secrets:?}").contains("hunter"), "{secrets:?}");
    }

    proptest! {
        #[test]
        fn one_changed_bit_anywhere_is_noticed(body in prop::collection::vec(any::<u8>(), 0..64), bit in 0usize..256) {
            let secrets = WebhookSecrets::new("secret", None).unwrap();
            let mut raw = hex::decode(secrets.sign(&body).trim_start_matches("sha256=")).unwrap();
            prop_assert!(secrets.verify(Some(secrets.sign(&body).as_bytes()), &body).is_ok());
            raw[bit / 8] ^= 1 << (bit % 8);
            let header = format!("sha256={}", hex::encode(raw));
            prop_assert_eq!(secrets.verify(Some(header.as_bytes()), &body), Err(SignatureError::Mismatch));
        }
    }
}
