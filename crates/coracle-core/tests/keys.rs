//! Keys and signatures.

use core::convert::Infallible;

use coracle_core::ecdsa::{
    Curve, DerSignature, KeyError, P256, PublicKey, RecoveryId, Secp256k1, SecretKey, Signature,
    SignatureError, hazmat,
};
use coracle_core::health::HealthError;
use coracle_core::{Encode, U256, sha256};
use coracle_testkit::SeededRng;
use rand_core::{TryCryptoRng, TryRng};

const SECP256K1_ORDER: &str = "0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
const P256_ORDER: &str = "0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";

fn order(text: &str) -> U256 {
    U256::from_quantity(text).unwrap()
}

fn key<C: Curve>(rng: &mut SeededRng) -> SecretKey<C> {
    SecretKey::generate(rng).unwrap()
}

fn check_range<C: Curve>(order: U256) {
    let import = |scalar: U256| SecretKey::<C>::from_bytes(&scalar.to_be_bytes());
    let below = order.checked_sub(U256::ONE).unwrap();
    assert!(import(U256::ONE).is_ok());
    assert!(import(below).is_ok());
    for bad in [
        U256::ZERO,
        order,
        order.checked_add(U256::ONE).unwrap(),
        U256::MAX,
    ] {
        assert_eq!(import(bad).unwrap_err(), KeyError::OutOfRange);
    }
}

#[test]
fn import_takes_1_to_order_minus_1() {
    check_range::<Secp256k1>(order(SECP256K1_ORDER));
    check_range::<P256>(order(P256_ORDER));
}

fn check_sign<C: Curve>(order: U256) {
    let mut rng = SeededRng::from_env(1);
    let (half, _) = order.div_rem_u64(2).unwrap();
    for _ in 0..20 {
        let key = key::<C>(&mut rng);
        let prehash = sha256(&rng.bytes(40));
        let signature = hazmat::sign_prehash(&key, &prehash);
        assert!(U256::from_be_bytes(signature.s()) <= half);
        assert_eq!(
            key.public_key().verify_prehash(&prehash, &signature),
            Ok(())
        );
        assert_eq!(
            PublicKey::recover_prehash(&prehash, &signature).as_ref(),
            Ok(key.public_key())
        );
        assert_eq!(hazmat::sign_prehash(&key, &prehash), signature);
        let hedged = hazmat::sign_prehash_hedged(&key, &prehash, &[7; 32]);
        assert_ne!(hedged, signature);
        assert_eq!(key.public_key().verify_prehash(&prehash, &hedged), Ok(()));
        let high = high_s(&signature, order);
        assert!(!high.is_low_s());
        assert_eq!(high.normalize_s(), signature);
        assert_eq!(key.public_key().verify_prehash(&prehash, &high), Ok(()));
    }
}

/// The other signature over the same message, with the recovery id that belongs to it.
fn high_s<C: Curve>(signature: &Signature<C>, order: U256) -> Signature<C> {
    let s = order
        .checked_sub(U256::from_be_bytes(signature.s()))
        .unwrap();
    let id = signature.recovery_id().unwrap().to_byte() ^ 1;
    Signature::from_scalars(signature.r(), &s.to_be_bytes(), RecoveryId::from_byte(id)).unwrap()
}

#[test]
fn signatures_are_low_deterministic_and_recoverable() {
    check_sign::<Secp256k1>(order(SECP256K1_ORDER));
    check_sign::<P256>(order(P256_ORDER));
}

#[test]
fn flipped_bits_do_not_verify() {
    let mut rng = SeededRng::from_env(2);
    let key = key::<Secp256k1>(&mut rng);
    let prehash = sha256(b"reading");
    let signature = hazmat::sign_prehash(&key, &prehash);
    for bit in 0..512 {
        let mut bytes = signature.to_bytes();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let verified = Signature::<Secp256k1>::from_bytes(&bytes, None)
            .and_then(|flipped| key.public_key().verify_prehash(&prehash, &flipped));
        assert_eq!(verified, Err(SignatureError), "bit {bit}");
    }
}

#[test]
fn signatures_out_of_range_are_refused() {
    let n = order(SECP256K1_ORDER).to_be_bytes();
    let one = U256::ONE.to_be_bytes();
    for (r, s) in [
        ([0; 32], one),
        (one, [0; 32]),
        (n, one),
        (one, n),
        ([0xff; 32], one),
    ] {
        assert!(Signature::<Secp256k1>::from_scalars(&r, &s, None).is_err());
    }
    assert!(RecoveryId::from_byte(4).is_none());
}

#[test]
fn signatures_without_recovery_id_recover_nothing() {
    let one = U256::ONE.to_be_bytes();
    let signature = Signature::<Secp256k1>::from_scalars(&one, &one, None).unwrap();
    assert!(PublicKey::recover_prehash(&sha256(b""), &signature).is_err());
}

#[test]
fn public_keys_survive_both_forms_and_no_other() {
    let key = key::<Secp256k1>(&mut SeededRng::from_env(3));
    let public = key.public_key();
    assert_eq!(
        PublicKey::from_sec1(&public.to_compressed()).as_ref(),
        Ok(public)
    );
    assert_eq!(
        PublicKey::from_sec1(&public.to_uncompressed()).as_ref(),
        Ok(public)
    );
    let full = public.to_uncompressed();
    let mut hybrid = full;
    hybrid[0] = 6;
    let mut off_curve = full;
    off_curve[64] ^= 1;
    let bad = [
        &[][..],
        &[0],
        &full[..64],
        &full[1..],
        &hybrid,
        &off_curve,
        &[0; 65],
        &[2; 32],
    ];
    for bytes in bad {
        assert_eq!(
            PublicKey::<Secp256k1>::from_sec1(bytes),
            Err(KeyError::BadPoint),
            "{bytes:02x?}"
        );
    }
}

#[test]
fn der_forms_of_every_length_survive() {
    let mut rng = SeededRng::from_env(4);
    for _ in 0..200 {
        let (r, s) = (short_scalar(&mut rng), short_scalar(&mut rng));
        let Ok(signature) = Signature::<P256>::from_scalars(&r, &s, None) else {
            continue;
        };
        let mut der = [0; 72];
        let len = DerSignature(&signature).encode_into(&mut der).unwrap();
        assert_eq!(Signature::from_der(&der[..len]), Ok(signature));
        assert!(Signature::<P256>::from_der(&der[..len - 1]).is_err());
        let mut longer = der[..len].to_vec();
        longer.push(0);
        assert!(Signature::<P256>::from_der(&longer).is_err());
    }
}

/// A scalar with a random number of leading zero bytes.
fn short_scalar(rng: &mut SeededRng) -> [u8; 32] {
    let mut scalar = [0; 32];
    let zeros = rng.below(32);
    scalar[zeros..].copy_from_slice(&rng.bytes(32 - zeros));
    scalar
}

#[test]
fn secrets_do_not_print() {
    let key = SecretKey::<Secp256k1>::from_bytes(&[0x42; 32]).unwrap();
    assert_eq!(format!("{key:?}"), "SecretKey<Secp256k1>");
}

#[test]
fn keys_of_the_system_source_differ() {
    let mut rng = getrandom::SysRng;
    let (a, b) = (
        SecretKey::<P256>::generate(&mut rng),
        SecretKey::<P256>::generate(&mut rng),
    );
    assert_ne!(a.unwrap().public_key(), b.unwrap().public_key());
}

/// A source that always gives the same byte, or fails.
struct Broken(Option<u8>);

impl TryRng for Broken {
    type Error = rand_core::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(0)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(0)
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        out.fill(self.0.unwrap_or_default());
        Ok(())
    }
}

impl TryCryptoRng for Broken {}

#[test]
fn stuck_source_makes_no_key() {
    for byte in [0x00, 0x55, 0xff] {
        let made = SecretKey::<Secp256k1>::generate(&mut Broken(Some(byte)));
        assert_eq!(
            made.unwrap_err(),
            KeyError::Unhealthy(HealthError::Repetition)
        );
    }
}

#[derive(Debug)]
struct Unplugged;

impl core::fmt::Display for Unplugged {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("unplugged")
    }
}

impl core::error::Error for Unplugged {}

struct Failing;

impl TryRng for Failing {
    type Error = Unplugged;

    fn try_next_u32(&mut self) -> Result<u32, Unplugged> {
        Err(Unplugged)
    }

    fn try_next_u64(&mut self) -> Result<u64, Unplugged> {
        Err(Unplugged)
    }

    fn try_fill_bytes(&mut self, _: &mut [u8]) -> Result<(), Unplugged> {
        Err(Unplugged)
    }
}

impl TryCryptoRng for Failing {}

#[test]
fn failing_source_makes_no_key() {
    let made = SecretKey::<Secp256k1>::generate(&mut Failing);
    assert_eq!(
        made.unwrap_err(),
        KeyError::Unhealthy(HealthError::SourceFailed)
    );
}
