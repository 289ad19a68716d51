//! The baseline: libsecp256k1, through the crate of that name, at its small setting.

#[cfg(not(any(
    target_arch = "riscv32",
    all(target_os = "none", not(target_has_atomic = "ptr"))
)))]
pub(crate) use self::present::all;

/// There is no C compiler for the target, or the library does not go without atomics.
#[cfg(any(
    target_arch = "riscv32",
    all(target_os = "none", not(target_has_atomic = "ptr"))
))]
pub(crate) fn all(_: &mut dyn crate::Meter) -> Result<(), crate::WrongResult> {
    Ok(())
}

#[cfg(not(any(
    target_arch = "riscv32",
    all(target_os = "none", not(target_has_atomic = "ptr"))
)))]
mod present {
    use core::hint::black_box;

    use secp256k1::ecdsa::RecoverableSignature;
    use secp256k1::{Message, PublicKey, SecretKey, ecdsa};

    use crate::{Meter, WrongResult, check, digest};

    pub(crate) fn all(meter: &mut dyn Meter) -> Result<(), WrongResult> {
        let secret = |bytes| SecretKey::from_secret_bytes(bytes).map_err(|_| WrongResult);
        let key = secret([0x46; 32])?;
        meter.count("secp256k1-public-key/libsecp256k1", &mut |number| {
            let key = secret(digest(number))?;
            check(black_box(PublicKey::from_secret_key(&key)).serialize()[0] != 0)
        })?;
        meter.count("secp256k1-sign/libsecp256k1", &mut |number| {
            let message = Message::from_digest(digest(number));
            let signature = RecoverableSignature::sign_ecdsa_recoverable(message, &key);
            check(signature.serialize_compact().1 != [0; 64])
        })?;
        let public = PublicKey::from_secret_key(&key);
        let message = Message::from_digest(digest(0));
        let recoverable = RecoverableSignature::sign_ecdsa_recoverable(message, &key);
        let signature = recoverable.to_standard();
        meter.count("secp256k1-verify/libsecp256k1", &mut |number| {
            let message = Message::from_digest(digest(number));
            let verified = ecdsa::verify(black_box(&signature), message, &public);
            check(verified.is_ok() == (number == 0))
        })?;
        meter.count("secp256k1-recover/libsecp256k1", &mut |number| {
            let message = Message::from_digest(digest(number));
            let found = black_box(&recoverable).recover_ecdsa(message);
            check((found == Ok(public)) == (number == 0))
        })
    }
}
