//! Keys and signatures of both curves.

use core::convert::Infallible;
use core::hint::black_box;

use coracle_core::B256;
use coracle_core::ecdsa::{Curve, P256, PublicKey, Secp256k1, SecretKey, hazmat};
use rand_core::{TryCryptoRng, TryRng};

use crate::{Meter, WrongResult, check, digest};

/// The names of a curve's operations.
struct Names {
    keygen: &'static str,
    public_key: &'static str,
    sign: &'static str,
    verify: &'static str,
    recover: &'static str,
}

pub(crate) fn secp256k1(meter: &mut dyn Meter) -> Result<(), WrongResult> {
    let names = Names {
        keygen: "secp256k1-keygen",
        public_key: "secp256k1-public-key",
        sign: "secp256k1-sign",
        verify: "secp256k1-verify",
        recover: "secp256k1-recover",
    };
    curve::<Secp256k1>(meter, &names)
}

pub(crate) fn p256(meter: &mut dyn Meter) -> Result<(), WrongResult> {
    let names = Names {
        keygen: "p256-keygen",
        public_key: "p256-public-key",
        sign: "p256-sign",
        verify: "p256-verify",
        recover: "p256-recover",
    };
    curve::<P256>(meter, &names)
}

fn curve<C: Curve>(meter: &mut dyn Meter, names: &Names) -> Result<(), WrongResult> {
    meter.count(names.keygen, &mut |number| {
        let key = SecretKey::<C>::generate(&mut Predictable(number));
        check(black_box(key).is_ok())
    })?;
    meter.count(names.public_key, &mut |number| {
        let key = SecretKey::<C>::from_bytes(&digest(number));
        check(black_box(key).is_ok())
    })?;
    let key = SecretKey::<C>::from_bytes(&[0x46; 32]).map_err(|_| WrongResult)?;
    meter.count(names.sign, &mut |number| {
        let signature = hazmat::sign_prehash(&key, &B256(digest(number)));
        check(signature.is_low_s() && signature.recovery_id().is_some())
    })?;
    let signature = hazmat::sign_prehash(&key, &B256(digest(0)));
    meter.count(names.verify, &mut |number| {
        let verified = key
            .public_key()
            .verify_prehash(&B256(digest(number)), black_box(&signature));
        check(verified.is_ok() == (number == 0))
    })?;
    meter.count(names.recover, &mut |number| {
        let found = PublicKey::recover_prehash(&B256(digest(number)), black_box(&signature));
        check((found.as_ref() == Ok(key.public_key())) == (number == 0))
    })
}

/// The same bytes each time, and cheap: what is counted is what is done with them.
pub(crate) struct Predictable(pub(crate) u64);

impl TryRng for Predictable {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        // Steps of Knuth's MMIX.
        let next = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = next.wrapping_add(1_442_695_040_888_963_407);
        Ok(self.0)
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        for chunk in out.chunks_mut(4) {
            let bytes = (self.try_next_u64()? >> 32).to_le_bytes();
            for (byte, value) in chunk.iter_mut().zip(bytes) {
                *byte = value;
            }
        }
        Ok(())
    }
}

// For counting only: no key made of it leaves this program.
impl TryCryptoRng for Predictable {}
