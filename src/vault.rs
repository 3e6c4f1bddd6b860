//! Sealed secrets: what banks' passwords and customers' tokens look like at rest.
//!
//! AES-256-GCM under a key from the [`KeyRing`]. The place where a secret is stored is sealed with
//! it, so a value copied to another row, column or organisation does not open there. Nonces are
//! random: a key seals up to 2³² values before that is a risk, and nobody types that many passwords.

mod keys;

use std::collections::BTreeMap;
use std::fmt;

use aes_gcm::Aes256Gcm;
use aes_gcm::aead::{Aead, Nonce, Payload};
use hmac::{Hmac, KeyInit, Mac};
use rand::TryRng;
use rand::rngs::SysRng;
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::domain::ids::OrgId;

pub use self::keys::{Created, KeyError, KeyId, KeyRing};

/// First byte of a sealed value. Raised when the form below changes.
const VERSION: u8 = 1;
const KEY_ID_BYTES: usize = 4;
const NONCE_BYTES: usize = 12;
/// Version, key id and nonce; then the ciphertext with its tag of 16 bytes.
const HEADER_BYTES: usize = 1 + KEY_ID_BYTES + NONCE_BYTES;

/// Where a secret is stored; it opens nowhere else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub table: &'static str,
    pub column: &'static str,
    pub row: Uuid,
    pub org: OrgId,
}

/// Seals with the newest key, opens with any key of the ring.
pub struct Vault {
    newest: KeyId,
    ciphers: BTreeMap<KeyId, Aes256Gcm>,
    lookup: Hmac<Sha256>,
}

/// Why a sealed value does not open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    #[error("{table}.{column} was sealed with key {key}, not a key of this server; put {} back", .key.file_name())]
    UnknownKey { table: &'static str, column: &'static str, key: KeyId },
    #[error("{table}.{column} was sealed in form {version} by a newer release; run that release")]
    UnknownVersion { table: &'static str, column: &'static str, version: u8 },
    #[error("{table}.{column} does not open: it was altered, or moved from another row; save the secret again")]
    Altered { table: &'static str, column: &'static str },
}

impl Vault {
    /// Derives what it needs; the ring may be dropped, and so wiped, afterwards.
    #[must_use]
    pub fn new(ring: &KeyRing) -> Self {
        let cipher = |key: &[u8; 32]| Aes256Gcm::new((&*derive(key, "seal")).into());
        Self {
            newest: ring.newest().0,
            ciphers: ring.iter().map(|(id, key)| (id, cipher(key))).collect(),
            // The oldest key, so that a new one does not change what was looked up before.
            lookup: mac(&derive(ring.oldest().1, "lookup")),
        }
    }

    /// Seals a secret for one place. Two seals of one secret differ.
    #[must_use]
    pub fn seal(&self, place: &Place, plain: &SecretString) -> Vec<u8> {
        let nonce: [u8; NONCE_BYTES] = random_bytes();
        let mut sealed = vec![VERSION];
        sealed.extend(self.newest.to_bytes());
        sealed.extend(nonce);
        let payload =
            Payload { msg: plain.expose_secret().as_bytes(), aad: &associated_data(VERSION, self.newest, place) };
        let ciphertext = self.ciphers[&self.newest]
            .encrypt(&Nonce::<Aes256Gcm>::from(nonce), payload)
            .expect("only messages of 64 GiB and more are refused");
        sealed.extend(ciphertext);
        sealed
    }

    /// Opens what was sealed for this place.
    pub fn open(&self, place: &Place, sealed: &[u8]) -> Result<SecretString, VaultError> {
        let Place { table, column, .. } = *place;
        let altered = || VaultError::Altered { table, column };
        let (header, ciphertext) = sealed.split_first_chunk::<HEADER_BYTES>().ok_or_else(altered)?;
        let [version, k0, k1, k2, k3, nonce @ ..] = *header;
        if version != VERSION {
            return Err(VaultError::UnknownVersion { table, column, version });
        }
        let key = KeyId::from_bytes([k0, k1, k2, k3]);
        let cipher = self.ciphers.get(&key).ok_or(VaultError::UnknownKey { table, column, key })?;
        let payload = Payload { msg: ciphertext, aad: &associated_data(version, key, place) };
        let plain = cipher.decrypt(&Nonce::<Aes256Gcm>::from(nonce), payload).map_err(|_| altered())?;
        String::from_utf8(plain).map(SecretString::from).map_err(|_| altered())
    }

    /// A digest by which a secret text can be found again but not guessed without the key.
    ///
    /// `context` says what is digested, so that equal texts in two contexts do not look equal.
    #[must_use]
    pub fn keyed_hash(&self, context: &str, text: &str) -> [u8; 32] {
        let mut mac = self.lookup.clone();
        update_with_length(&mut mac, context.as_bytes());
        update_with_length(&mut mac, text.as_bytes());
        mac.finalize().into_bytes().into()
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault").field("keys", &self.ciphers.keys()).finish_non_exhaustive()
    }
}

/// Bytes from the operating system's randomness.
#[must_use]
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SysRng.try_fill_bytes(&mut bytes).expect("a system without randomness cannot keep a secret");
    bytes
}

/// One key per purpose, so that no key serves two algorithms.
fn derive(key: &[u8; 32], purpose: &str) -> Zeroizing<[u8; 32]> {
    let mut mac = mac(key);
    update_with_length(&mut mac, b"reconbanker vault");
    update_with_length(&mut mac, purpose.as_bytes());
    Zeroizing::new(mac.finalize().into_bytes().into())
}

fn mac(key: &[u8; 32]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

/// Lengths go in front, so that ("ab", "c") and ("a", "bc") differ.
fn update_with_length(mac: &mut Hmac<Sha256>, bytes: &[u8]) {
    mac.update(&(bytes.len() as u64).to_be_bytes());
    mac.update(bytes);
}

/// What is authenticated beside the secret: the form, the key and the place, each part with its length.
fn associated_data(version: u8, key: KeyId, place: &Place) -> Vec<u8> {
    let parts: [&[u8]; 6] = [
        &[version],
        &key.to_bytes(),
        place.table.as_bytes(),
        place.column.as_bytes(),
        place.row.as_bytes(),
        place.org.0.as_bytes(),
    ];
    let mut data = Vec::new();
    for part in parts {
        data.extend((part.len() as u64).to_be_bytes());
        data.extend(part);
    }
    data
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place =
        Place { table: "bank_logins", column: "secrets", row: Uuid::from_u128(7), org: OrgId(Uuid::from_u128(1)) };

    #[test]
    fn a_secret_opens_in_its_own_place_only() {
        let vault = Vault::new(&KeyRing::generate());
        let sealed = vault.seal(&PLACE, &"Contraseña 1".into());
        assert_eq!(sealed.len(), HEADER_BYTES + "Contraseña 1".len() + 16);
        assert_eq!(vault.open(&PLACE, &sealed).expect("own place").expose_secret(), "Contraseña 1");
        assert_ne!(sealed, vault.seal(&PLACE, &"Contraseña 1".into()), "nonces are fresh");

        for elsewhere in [
            Place { row: Uuid::from_u128(8), ..PLACE },
            Place { org: OrgId(Uuid::from_u128(2)), ..PLACE },
            Place { column: "token", ..PLACE },
            Place { table: "accounts", ..PLACE },
            // The same letters, cut elsewhere.
            Place { table: "bank_loginss", column: "ecrets", ..PLACE },
        ] {
            let Place { table, column, .. } = elsewhere;
            let error = vault.open(&elsewhere, &sealed).err();
            assert_eq!(error, Some(VaultError::Altered { table, column }), "{elsewhere:?}");
        }
    }

    #[test]
    fn no_bit_of_a_sealed_value_can_change() {
        let vault = Vault::new(&KeyRing::generate());
        let sealed = vault.seal(&PLACE, &"s".into());
        for position in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[position] ^= 1;
            assert!(vault.open(&PLACE, &changed).is_err(), "byte {position}");
        }
        for length in 0..sealed.len() {
            assert!(vault.open(&PLACE, &sealed[..length]).is_err(), "cut to {length} bytes");
        }
    }

    #[test]
    fn an_older_key_still_opens_and_a_missing_one_is_named() {
        let old_ring = KeyRing::generate();
        let old = Vault::new(&old_ring);
        let sealed = old.seal(&PLACE, &"s".into());
        let both = Vault::new(&old_ring.with_new_key());
        assert_eq!(both.open(&PLACE, &sealed).expect("the old key is in the ring").expose_secret(), "s");
        assert_eq!(both.keyed_hash("user", "ana"), old.keyed_hash("user", "ana"), "look-ups survive a new key");

        let newer = both.seal(&PLACE, &"s".into());
        let error = old.open(&PLACE, &newer).expect_err("the new key is not there");
        assert_eq!(error, VaultError::UnknownKey { table: "bank_logins", column: "secrets", key: both.newest });
        assert!(error.to_string().ends_with(&format!("put {} back", both.newest.file_name())), "{error}");
    }

    #[test]
    fn a_keyed_hash_depends_on_key_context_and_text() {
        let vault = Vault::new(&KeyRing::generate());
        let hash = vault.keyed_hash("bank user", "12345672");
        assert_eq!(hash, vault.keyed_hash("bank user", "12345672"));
        assert_ne!(hash, vault.keyed_hash("bank user", "12345673"));
        assert_ne!(hash, vault.keyed_hash("bank user1", "2345672"));
        assert_ne!(hash, Vault::new(&KeyRing::generate()).keyed_hash("bank user", "12345672"));
    }

    #[test]
    fn nothing_secret_is_printed() {
        let ring = KeyRing::generate();
        let (id, key) = ring.newest();
        let printed = format!("{ring:?} {:?}", Vault::new(&ring));
        assert_eq!(printed, format!("KeyRing([{id}]) Vault {{ keys: [{id}], .. }}"));
        assert!(!printed.contains(&format!("{key:?}")));
    }
}
