//! Keys with which machines use the paths under `/v1`.

use sha2::{Digest, Sha256};

use super::account::words;

words! {
    /// What a key permits.
    Scope {
        /// Answering requests for one-time codes.
        OtpWrite = "otp:write",
        /// Reading whether a code is asked for.
        StatusRead = "status:read",
    }
}

/// How every key begins, so that one that leaked is recognised for what it is.
const MARK: &str = "rbk_";
const PREFIX_CHARS: usize = 8;
const SECRET_CHARS: usize = 64;

/// A key's text, cut: `rbk_<prefix>_<secret>`.
///
/// The prefix names the key and is shown in lists. The secret is 256 random bits: of those a plain digest cannot be
/// guessed back, so that is what is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyText<'t> {
    pub prefix: &'t str,
    pub secret: &'t str,
}

impl<'t> KeyText<'t> {
    /// `None` for what cannot be a key.
    #[must_use]
    pub fn parse(text: &'t str) -> Option<Self> {
        let (prefix, secret) = text.strip_prefix(MARK)?.split_once('_')?;
        let is_part = |part: &str, chars: usize| part.len() == chars && part.bytes().all(|b| b.is_ascii_alphanumeric());
        (is_part(prefix, PREFIX_CHARS) && is_part(secret, SECRET_CHARS)).then_some(Self { prefix, secret })
    }

    /// The whole key.
    #[must_use]
    pub fn join(self) -> String {
        format!("{MARK}{}_{}", self.prefix, self.secret)
    }

    /// What is kept of the secret.
    #[must_use]
    pub fn digest(self) -> [u8; 32] {
        Sha256::digest(self.secret.as_bytes()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_key_is_read() {
        let secret = "0123456789abcdef".repeat(4);
        let check = |text: String, expected: Option<&str>| {
            assert_eq!(KeyText::parse(&text).map(|key| key.prefix), expected, "{text}");
        };
        check(format!("rbk_a1b2c3d4_{secret}"), Some("a1b2c3d4"));
        check(format!("rbk_a1b2c3d_{secret}"), None);
        check(format!("rbk_a1b2c3d4_{}", &secret[1..]), None);
        check(format!("rbk_a1b2c3d4_{secret}0"), None);
        check(format!("rbk_a1b2c3d4_{}_", &secret[1..]), None);
        check(format!("rbk_a1b2c3d4{secret}"), None);
        check(format!("RBK_a1b2c3d4_{secret}"), None);
        check(format!(" rbk_a1b2c3d4_{secret}"), None);
        check("eyJhbGciOiJIUzI1NiJ9.e30.x".to_owned(), None);
        check(String::new(), None);
    }

    #[test]
    fn a_key_is_joined_as_it_is_read_and_its_digest_is_of_the_secret_alone() {
        let (secret, other) = ("a".repeat(64), "b".repeat(64));
        let key = KeyText { prefix: "a1b2c3d4", secret: &secret };
        assert_eq!(KeyText::parse(&key.join()), Some(key));
        assert_eq!(key.digest(), KeyText { prefix: "ffffffff", ..key }.digest());
        assert_ne!(key.digest(), KeyText { secret: &other, ..key }.digest());
    }
}
