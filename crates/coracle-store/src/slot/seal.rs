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
///
/// The public key is not derived again: it was sealed with the scalar, and a signature of
/// another key does not verify.
pub(super) fn sign<C: Curve, R: TryCryptoRng>(
    slot: &Slot<'_>,
    public: &PublicKey<C>,
    prehash: &B256,
    secret: &mut dyn DeviceSecret,
    rng: &mut R,
) -> Result<Signature<C>> {
    let Home::Sealed(sealed) = slot.home else {
        return Err(Fault::Sealed);
    };
    let signature = wiped(|| -> Result<Signature<C>> {
        let scalar = open(secret, slot.bound, sealed)?;
        let key = hazmat::secret_key_with_public(&scalar, public)?;
        if slot.policy.is_hedged {
            let entropy = draw(rng)?;
            Ok(hazmat::sign_prehash_hedged(&key, prehash, &entropy))
        } else {
            Ok(hazmat::sign_prehash(&key, prehash))
        }
    })?;
    let is_good = slot.policy.dangerous_unverified || verifies(public, prehash, &signature);
    is_good.then_some(signature).ok_or(Fault::Faulty)
}

/// Never inlined: it takes more stack than a signature, and would push what is to be wiped
/// down by that.
#[inline(never)]
fn verifies<C: Curve>(public: &PublicKey<C>, prehash: &B256, signature: &Signature<C>) -> bool {
    public.verify_prehash(prehash, signature).is_ok()
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

#[cfg(test)]
mod tests {
    use coracle_core::ecdsa::{P256, Secp256k1};
    use coracle_testkit::SeededRng;

    use super::*;
    use crate::slot::InsecureReadableSecret;

    const SCALAR: [u8; SCALAR_LEN] = [0x5a; SCALAR_LEN];
    const RANDOM: [u8; 32] = *b"the first 24 bytes are the nonce";
    const BOUND: &[u8] = b"\x07 id, curve, home, public key, policy";
    const DEVICE: [u8; 32] = [0xd1; 32];

    /// Derives for another purpose than slots.
    struct OtherContext<'a>(InsecureReadableSecret<'a>);

    impl DeviceSecret for OtherContext<'_> {
        fn derive(
            &mut self,
            _context: &[u8],
            key: &mut [u8; 32],
        ) -> core::result::Result<(), SecretError> {
            self.0.derive(b"coracle key slot 2", key)
        }
    }

    struct Absent;

    impl DeviceSecret for Absent {
        fn derive(
            &mut self,
            _context: &[u8],
            _key: &mut [u8; 32],
        ) -> core::result::Result<(), SecretError> {
            Err(SecretError)
        }
    }

    fn device() -> InsecureReadableSecret<'static> {
        InsecureReadableSecret::new(&DEVICE)
    }

    fn sealed() -> [u8; SEALED_LEN] {
        let sealed = seal(&mut device(), BOUND, &RANDOM, &SCALAR);
        sealed.ok().expect("the secret is there")
    }

    fn opens(secret: &mut dyn DeviceSecret, bound: &[u8], sealed: &[u8; SEALED_LEN]) -> bool {
        match open(secret, bound, sealed) {
            Ok(scalar) => *scalar == SCALAR,
            Err(Fault::Sealed) => false,
            Err(_) => panic!("fails for another reason"),
        }
    }

    /// The item of a key that was made from this seed, in slot `id`.
    fn item<C: Curve>(id: u8, policy: &Policy, seed: u64) -> ItemBuf {
        let mut item = ItemBuf::new(id);
        let made = create::<C, _>(&mut item, policy, &mut device(), &mut SeededRng::new(seed));
        made.ok().expect("a source that works");
        item
    }

    /// What becomes of an item with these bytes, id first: no slot, or one that may open.
    fn opens_as_item(bytes: &[u8]) -> bool {
        let mut item = ItemBuf::new(bytes[0]);
        item.append(&bytes[1..]).expect("as long as it was");
        item.slot().is_some_and(|slot| match slot.home {
            Home::Sealed(sealed) => check(&slot, sealed, &mut device()).is_ok(),
            Home::Element(_) => false,
        })
    }

    #[test]
    fn opens_for_the_same_device_and_the_same_bound_bytes() {
        assert!(opens(&mut device(), BOUND, &sealed()));
    }

    #[test]
    fn stands_as_nonce_text_and_tag() {
        let sealed = sealed();
        assert_eq!(sealed[..NONCE_LEN], RANDOM[..NONCE_LEN]);
        assert_ne!(sealed[NONCE_LEN..][..SCALAR_LEN], SCALAR);
    }

    #[test]
    fn any_bit_of_nonce_text_or_tag_turned_does_not_open() {
        for bit in 0..SEALED_LEN * 8 {
            let mut sealed = sealed();
            sealed[bit / 8] ^= 1 << (bit % 8);
            assert!(!opens(&mut device(), BOUND, &sealed), "bit {bit}");
        }
    }

    #[test]
    fn any_bit_of_the_bound_bytes_turned_does_not_open() {
        let sealed = sealed();
        for bit in 0..BOUND.len() * 8 {
            let mut bound = BOUND.to_vec();
            bound[bit / 8] ^= 1 << (bit % 8);
            assert!(!opens(&mut device(), &bound, &sealed), "bit {bit}");
        }
    }

    #[test]
    fn bound_bytes_of_another_length_do_not_open() {
        let sealed = sealed();
        for len in 0..BOUND.len() {
            assert!(!opens(&mut device(), &BOUND[..len], &sealed), "{len} bytes");
        }
        let longer = [BOUND, &[0]].concat();
        assert!(!opens(&mut device(), &longer, &sealed));
    }

    #[test]
    fn secret_that_differs_in_any_bit_does_not_open() {
        let sealed = sealed();
        for bit in 0..DEVICE.len() * 8 {
            let mut other = DEVICE;
            other[bit / 8] ^= 1 << (bit % 8);
            let mut other = InsecureReadableSecret::new(&other);
            assert!(!opens(&mut other, BOUND, &sealed), "bit {bit}");
        }
    }

    #[test]
    fn key_of_another_context_does_not_open() {
        let mut other = OtherContext(device());
        assert!(!opens(&mut other, BOUND, &sealed()));
    }

    #[test]
    fn absent_secret_neither_seals_nor_opens() {
        let made = seal(&mut Absent, BOUND, &RANDOM, &SCALAR);
        assert!(matches!(made, Err(Fault::Secret(SecretError))));
        let opened = open(&mut Absent, BOUND, &sealed());
        assert!(matches!(opened, Err(Fault::Secret(SecretError))));
    }

    #[test]
    fn same_key_sealed_twice_shares_no_byte_run() {
        let key = SecretKey::<P256>::from_bytes(&SCALAR).expect("in range");
        let mut rng = SeededRng::new(4);
        let [one, two] = [(); 2].map(|()| {
            let mut item = ItemBuf::new(0);
            let sealed = import(&mut item, &Policy::records(), &key, &mut device(), &mut rng);
            sealed.ok().expect("a source that works");
            let (_, sealed) = item.body().split_last_chunk::<SEALED_LEN>().expect("it");
            *sealed
        });
        assert!(
            !one.windows(4)
                .any(|run| two.windows(4).any(|other| run == other))
        );
    }

    #[test]
    fn any_bit_of_an_item_turned_does_not_open() {
        let policies = [
            Policy::records(),
            Policy {
                is_hedged: true,
                ..Policy::sessions()
            },
            Policy::dangerous_raw_digests(),
        ];
        for policy in policies {
            let whole = item::<Secp256k1>(3, &policy, 8).as_bytes().to_vec();
            assert!(opens_as_item(&whole));
            for bit in 0..whole.len() * 8 {
                let mut bytes = whole.clone();
                bytes[bit / 8] ^= 1 << (bit % 8);
                assert!(!opens_as_item(&bytes), "bit {bit} with {policy:?}");
            }
        }
    }

    #[test]
    fn sealed_key_of_another_slot_does_not_open_in_this_one() {
        let policy = Policy::records();
        let [mut a, b] = [8, 9].map(|seed| item::<P256>(3, &policy, seed).as_bytes().to_vec());
        let start = a.len() - SEALED_LEN;
        a[start..].copy_from_slice(&b[start..]);
        assert!(opens_as_item(&b));
        assert!(!opens_as_item(&a));
    }

    #[test]
    fn key_that_is_not_the_slots_signs_nothing() {
        let mut item = ItemBuf::new(1);
        let [mine, other] = [1, 2].map(|byte| {
            let key = SecretKey::<Secp256k1>::from_bytes(&[byte; 32]);
            key.expect("in range")
        });
        let written = item.write(item::SEALED, mine.public_key(), &Policy::records());
        written.expect("a curve with a number");
        // The seal holds: only a fault puts another key behind it.
        let scalar = other.dangerous_to_bytes();
        let made = seal(&mut device(), item.as_bytes(), &RANDOM, &scalar);
        item.append(&made.ok().expect("the secret is there"))
            .expect("it has room");
        let slot = item.slot().expect("whole");
        let digest = B256([7; 32]);
        // The other's public key shows that the seal does open.
        for public in [mine.public_key(), other.public_key()] {
            let mut rng = SeededRng::new(1);
            let signed = sign(&slot, public, &digest, &mut device(), &mut rng);
            let is_faulty = matches!(signed, Err(Fault::Faulty));
            assert_eq!(is_faulty, public == mine.public_key());
        }
    }
}
