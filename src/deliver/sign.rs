//! Signatures after Standard Webhooks 1.0.0: HMAC-SHA256 over `id.timestamp.body`.
//!
//! Pure, except that [`SigningSecret::generate`] asks the operating system for randomness.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use rand::TryRng;
use rand::rngs::SysRng;
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use sha2::Sha256;
use zeroize::Zeroizing;

/// What stands in front of a secret in text.
const PREFIX: &str = "whsec_";
/// Bytes of a new secret. The standard allows 24 to 64.
const SECRET_BYTES: usize = 32;

/// The secret that an account shares with its receiver.
#[derive(Debug, Clone)]
pub struct SigningSecret(SecretSlice<u8>);

/// Why a text is not a signing secret. The text itself is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a signing secret; it is \"whsec_\" and 24 to 64 bytes in base64")]
pub struct BadSecret;

impl SigningSecret {
    /// A new secret from the operating system's randomness.
    #[must_use]
    pub fn generate() -> Self {
        let mut bytes = vec![0_u8; SECRET_BYTES];
        SysRng.try_fill_bytes(&mut bytes).expect("a system without randomness cannot sign anything");
        Self(bytes.into())
    }

    /// Reads the text form.
    pub fn parse(text: &str) -> Result<Self, BadSecret> {
        let encoded = text.trim().strip_prefix(PREFIX).ok_or(BadSecret)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| BadSecret)?;
        if (24..=64).contains(&bytes.len()) { Ok(Self(bytes.into())) } else { Err(BadSecret) }
    }

    /// The text form, which the receiver's library takes as it is.
    #[must_use]
    pub fn to_text(&self) -> SecretString {
        let encoded = Zeroizing::new(STANDARD.encode(self.0.expose_secret()));
        format!("{PREFIX}{}", *encoded).into()
    }

    /// The value of `webhook-signature` for one attempt at `timestamp_s`, seconds since 1970.
    ///
    /// `id` must contain no dot, or another id and timestamp could be read out of the signed text; a UUID has none.
    #[must_use]
    pub fn sign(&self, id: &str, timestamp_s: i64, body: &[u8]) -> String {
        let mac = Hmac::<Sha256>::new_from_slice(self.0.expose_secret()).expect("HMAC takes keys of any length");
        let signature = mac.chain_update(format!("{id}.{timestamp_s}.")).chain_update(body).finalize();
        format!("v1,{}", STANDARD.encode(signature.into_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use standardwebhooks::Webhook;

    use super::*;

    const ID: &str = "018f7b3c-4f3a-7c21-9a55-3f2a5c7e9d10";

    #[test]
    fn a_secret_survives_its_text_form_and_is_not_printed() {
        let secret = SigningSecret::generate();
        let text = secret.to_text();
        let again = SigningSecret::parse(text.expose_secret()).expect("own text");
        assert_eq!(secret.sign(ID, 1, b"{}"), again.sign(ID, 1, b"{}"));
        assert_ne!(secret.sign(ID, 1, b"{}"), SigningSecret::generate().sign(ID, 1, b"{}"));
        assert!(!format!("{secret:?}").contains("whsec_") && format!("{secret:?}").contains("REDACTED"));
        assert_eq!(text.expose_secret().len(), PREFIX.len() + 44);
    }

    #[test]
    fn only_secrets_of_24_to_64_bytes_are_taken() {
        let check = |bytes: usize, expected: bool| {
            let text = format!("whsec_{}", STANDARD.encode(vec![7_u8; bytes]));
            assert_eq!(SigningSecret::parse(&text).is_ok(), expected, "{bytes} bytes");
        };
        check(23, false);
        check(24, true);
        check(64, true);
        check(65, false);
        for text in ["", "whsec_", "whsec_###", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
            assert_eq!(SigningSecret::parse(text).err(), Some(BadSecret), "{text}");
        }
    }

    proptest! {
        #[test]
        fn another_implementation_computes_the_same_and_notices_one_changed_byte(
            key in prop::collection::vec(any::<u8>(), 24..=64),
            timestamp_s in 0..=4_102_444_800_i64,
            body in ".{1,200}",
            position in any::<prop::sample::Index>(),
        ) {
            let text = format!("whsec_{}", STANDARD.encode(&key));
            let secret = SigningSecret::parse(&text).expect("secret");
            let ours = secret.sign(ID, timestamp_s, body.as_bytes());
            let theirs = Webhook::new(&text).expect("secret");
            prop_assert_eq!(&ours, &theirs.sign(ID, timestamp_s, body.as_bytes()).expect("signature"));

            let mut changed = body.clone().into_bytes();
            let position = position.index(changed.len());
            changed[position] = if changed[position] == b'x' { b'y' } else { b'x' };
            prop_assert_ne!(&ours, &secret.sign(ID, timestamp_s, &changed));
            prop_assert_ne!(&ours, &secret.sign(ID, timestamp_s + 1, body.as_bytes()));
        }
    }
}
