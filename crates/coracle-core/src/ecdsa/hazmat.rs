//! Signing of raw digests, keys that are not checked: easy to misuse.
//!
//! Whoever can have any 32 bytes signed owns the key's account. Use it where a protocol
//! brings its own hash, with a digest computed here from a message that was checked
//! here; everywhere else sign a [`Signable`](crate::Signable).

use crate::ecdsa::{Curve, KeyError, PublicKey, SecretKey, Signature};
use crate::hash::B256;

/// Puts a scalar of 32 bytes together with its public key, which is not derived: that costs
/// as much as a signature.
///
/// # Errors
///
/// [`KeyError::OutOfRange`] if the scalar is zero or not below the order of the curve.
///
/// # Security
///
/// Nothing checks that the two belong together. Where both come from the same
/// authenticated place, verify what is signed: another key's signature does not verify.
pub fn secret_key_with_public<C: Curve>(
    scalar: &[u8; 32],
    public: &PublicKey<C>,
) -> Result<SecretKey<C>, KeyError> {
    let secret = C::secret_with_public(scalar, public);
    secret.map(SecretKey).ok_or(KeyError::OutOfRange)
}

/// Signs a digest. Does not hash, prefix or separate.
///
/// Deterministic (RFC 6979 with HMAC-SHA-256), low `s`, with recovery id.
///
/// # Security
///
/// See the module's warning.
pub fn sign_prehash<C: Curve>(key: &SecretKey<C>, prehash: &B256) -> Signature<C> {
    let (bytes, id) = C::sign(&key.0, prehash, &[]);
    Signature::new_unchecked(bytes, Some(id)).normalize_s()
}

/// As [`sign_prehash`], with 32 bytes of fresh entropy mixed into the nonce.
///
/// Hedges against fault attacks on deterministic signing; with a broken source it is
/// still as good as deterministic.
///
/// # Security
///
/// See the module's warning.
///
/// Reference: RFC 6979, section 3.6.
pub fn sign_prehash_hedged<C: Curve>(
    key: &SecretKey<C>,
    prehash: &B256,
    entropy: &[u8; 32],
) -> Signature<C> {
    let (bytes, id) = C::sign(&key.0, prehash, entropy);
    Signature::new_unchecked(bytes, Some(id)).normalize_s()
}
