//! The only place in which keys are open.
//!
//! Everything that sees a key is synchronous, so no future ever holds one. It runs below
//! [`wiped`], which overwrites the stack that it used: what curves and ciphers leave there
//! on their own is gone then.

use core::hint::black_box;

use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{KeyInit, Tag, XChaCha20Poly1305, XNonce};
use coracle_core::B256;
use coracle_core::ecdsa::{Curve, KeyError, PublicKey, SecretKey, Signature, hazmat};
use coracle_core::health::{HealthError, HealthTest, check_startup};
use rand_core::TryCryptoRng;
use zeroize::Zeroizing;

use crate::slot::item::{self, Home, ItemBuf, Slot};
use crate::slot::{DeviceSecret, Policy, SecretError};

const NONCE_LEN: usize = 24;
const SCALAR_LEN: usize = 32;
const TAG_LEN: usize = 16;

/// Nonce, scalar, tag.
pub(super) const SEALED_LEN: usize = NONCE_LEN + SCALAR_LEN + TAG_LEN;

/// What the key over all slots is derived for; the number is the item's version.
const CONTEXT: &[u8] = b"coracle key slot 1";

/// Bytes of the stack that are overwritten after a key was open: more than what a
/// signature on either curve takes.
///
/// A task that uses slots needs so much stack in any case.
pub const WIPED_STACK_LEN: usize = if size_of::<usize>() == 4 {
    12 * 1024
} else {
    64 * 1024
};

pub(super) enum Fault {
    Secret(SecretError),
    Random(HealthError),
    Key(KeyError),
    Sealed,
    Faulty,
}

impl From<SecretError> for Fault {
    fn from(cause: SecretError) -> Self {
        Self::Secret(cause)
    }
}

impl From<HealthError> for Fault {
    fn from(cause: HealthError) -> Self {
        Self::Random(cause)
    }
}

impl From<KeyError> for Fault {
    fn from(cause: KeyError) -> Self {
        Self::Key(cause)
    }
}

type Result<T> = core::result::Result<T, Fault>;

/// Makes a key and seals it into the item.
pub(super) fn create<C: Curve, R: TryCryptoRng>(
    item: &mut ItemBuf,
    policy: &Policy,
    secret: &mut dyn DeviceSecret,
    rng: &mut R,
) -> Result<PublicKey<C>> {
    wiped(|| {
        let key = SecretKey::generate(rng)?;
        seal_into(item, policy, &key, secret, rng)?;
        Ok(*key.public_key())
    })
}

/// Seals a key into the item.
pub(super) fn import<C: Curve, R: TryCryptoRng>(
    item: &mut ItemBuf,
    policy: &Policy,
    key: &SecretKey<C>,
    secret: &mut dyn DeviceSecret,
    rng: &mut R,
) -> Result<()> {
    wiped(|| {
        check_startup(rng)?;
        seal_into(item, policy, key, secret, rng)
    })
}

/// Whether the seal opens.
pub(super) fn check(
    slot: &Slot<'_>,
    sealed: &[u8; SEALED_LEN],
    secret: &mut dyn DeviceSecret,
) -> Result<()> {
    wiped(|| open(secret, slot.bound, sealed).map(drop))
}

/// Signs a digest with the slot's key, as its policy wants it, and verifies.
pub(super) fn sign<C: Curve, R: TryCryptoRng>(
    slot: &Slot<'_>,
    public: &PublicKey<C>,
    prehash: &B256,
    secret: &mut dyn DeviceSecret,
    rng: &mut R,
) -> Result<Signature<C>> {
    wiped(|| {
        let Home::Sealed(sealed) = slot.home else {
            return Err(Fault::Sealed);
        };
        let scalar = open(secret, slot.bound, sealed)?;
        let key = SecretKey::from_bytes(&scalar)?;
        if key.public_key() != public {
            return Err(Fault::Faulty);
        }
        let signature = if slot.policy.is_hedged {
            let entropy = draw(rng)?;
            hazmat::sign_prehash_hedged(&key, prehash, &entropy)
        } else {
            hazmat::sign_prehash(&key, prehash)
        };
        let is_good =
            slot.policy.dangerous_unverified || public.verify_prehash(prehash, &signature).is_ok();
        is_good.then_some(signature).ok_or(Fault::Faulty)
    })
}

/// Runs what sees a key, then overwrites the stack that it used.
fn wiped<T>(job: impl FnOnce() -> T) -> T {
    let result = run(job);
    wipe_stack();
    result
}

/// Never inlined, so that all of `job` is below this frame's start, where
/// [`wipe_stack`] begins as well.
#[inline(never)]
fn run<T>(job: impl FnOnce() -> T) -> T {
    job()
}

#[inline(never)]
fn wipe_stack() {
    black_box(&mut [0_u8; WIPED_STACK_LEN]);
}

fn seal_into<C: Curve, R: TryCryptoRng>(
    item: &mut ItemBuf,
    policy: &Policy,
    key: &SecretKey<C>,
    secret: &mut dyn DeviceSecret,
    rng: &mut R,
) -> Result<()> {
    let written = item.write(item::SEALED, key.public_key(), policy);
    written.ok_or(Fault::Sealed)?;
    let random = draw(rng)?;
    let scalar = key.dangerous_to_bytes();
    let sealed = seal(secret, item.as_bytes(), &random, &scalar)?;
    item.append(&sealed).ok_or(Fault::Sealed)
}

/// 32 bytes from a source that is not stuck.
fn draw<R: TryCryptoRng>(rng: &mut R) -> core::result::Result<Zeroizing<[u8; 32]>, HealthError> {
    let mut out = Zeroizing::new([0; 32]);
    rng.try_fill_bytes(&mut *out)
        .map_err(|_| HealthError::SourceFailed)?;
    HealthTest::new().feed(&*out)?;
    Ok(out)
}

fn cipher(secret: &mut dyn DeviceSecret) -> core::result::Result<XChaCha20Poly1305, SecretError> {
    let mut key = Zeroizing::new([0; 32]);
    secret.derive(CONTEXT, &mut key)?;
    Ok(XChaCha20Poly1305::new((&*key).into()))
}

/// The first bytes of `random` become the nonce.
fn seal(
    secret: &mut dyn DeviceSecret,
    bound: &[u8],
    random: &[u8; 32],
    scalar: &[u8; SCALAR_LEN],
) -> Result<[u8; SEALED_LEN]> {
    let mut out = [0; SEALED_LEN];
    let cipher = cipher(secret)?;
    let (Some((nonce, rest)), Some(random)) = (
        out.split_first_chunk_mut::<NONCE_LEN>(),
        random.first_chunk(),
    ) else {
        return Err(Fault::Sealed);
    };
    let Some((text, tag)) = rest.split_first_chunk_mut::<SCALAR_LEN>() else {
        return Err(Fault::Sealed);
    };
    *nonce = *random;
    *text = *scalar;
    let nonce: &XNonce = (&*nonce).into();
    let made = cipher.encrypt_inout_detached(nonce, bound, text.as_mut_slice().into());
    tag.copy_from_slice(&made.map_err(|_| Fault::Sealed)?);
    Ok(out)
}

fn open(
    secret: &mut dyn DeviceSecret,
    bound: &[u8],
    sealed: &[u8; SEALED_LEN],
) -> Result<Zeroizing<[u8; SCALAR_LEN]>> {
    let cipher = cipher(secret)?;
    let (nonce, rest) = sealed.split_first_chunk().ok_or(Fault::Sealed)?;
    let (text, tag) = rest.split_first_chunk().ok_or(Fault::Sealed)?;
    let tag: &[u8; TAG_LEN] = tag.first_chunk().ok_or(Fault::Sealed)?;
    let (nonce, tag): (&[u8; NONCE_LEN], &Tag) = (nonce, tag.into());
    let nonce: &XNonce = nonce.into();
    let mut scalar = Zeroizing::new(*text);
    let opened = cipher.decrypt_inout_detached(nonce, bound, scalar.as_mut_slice().into(), tag);
    opened.map_err(|_| Fault::Sealed)?;
    Ok(scalar)
}
