//! The two curves, each a thin layer over its crate.

#[cfg(any(feature = "p256", feature = "secp256k1"))]
use ::ecdsa::{
    elliptic_curve::{PrimeField, scalar::IsHigh},
    signature::hazmat::PrehashVerifier,
};
use zeroize::Zeroizing;

use crate::ecdsa::{PublicKey, RecoveryId};
use crate::hash::B256;

pub(crate) mod sealed {
    pub trait Sealed {}
}

/// A curve of this module. Sealed: a curve is more than this trait's methods, it is
/// their constant-time implementation.
///
/// The methods are for this crate; use the key types.
pub trait Curve: sealed::Sealed + Clone + Copy + Eq + Sized + 'static {
    /// The name in the standard.
    const NAME: &'static str;

    #[doc(hidden)]
    type Secret: zeroize::ZeroizeOnDrop;
    #[doc(hidden)]
    type Public: Clone + Copy + Eq;

    #[doc(hidden)]
    fn secret_from_bytes(scalar: &[u8; 32]) -> Option<Self::Secret>;
    #[doc(hidden)]
    fn secret_with_public(scalar: &[u8; 32], public: &PublicKey<Self>) -> Option<Self::Secret>;
    #[doc(hidden)]
    fn secret_to_bytes(secret: &Self::Secret) -> Zeroizing<[u8; 32]>;
    #[doc(hidden)]
    fn public_of(secret: &Self::Secret) -> &PublicKey<Self>;
    #[doc(hidden)]
    fn public_from_sec1(bytes: &[u8]) -> Option<Self::Public>;
    #[doc(hidden)]
    fn public_to_uncompressed(public: &Self::Public) -> [u8; 65];
    #[doc(hidden)]
    fn sign(secret: &Self::Secret, prehash: &B256, entropy: &[u8]) -> ([u8; 64], RecoveryId);
    #[doc(hidden)]
    fn verify(public: &Self::Public, prehash: &B256, signature: &[u8; 64]) -> bool;
    #[doc(hidden)]
    fn recover(prehash: &B256, signature: &[u8; 64], id: RecoveryId) -> Option<Self::Public>;
    #[doc(hidden)]
    fn is_in_range(signature: &[u8; 64]) -> bool;
    #[doc(hidden)]
    fn is_low_s(s: &[u8; 32]) -> bool;
    #[doc(hidden)]
    fn negate_s(s: &[u8; 32]) -> [u8; 32];
}

/// Both crates have the same shape, so the layer over them is written once.
#[cfg(any(feature = "p256", feature = "secp256k1"))]
macro_rules! curve {
    ($(#[$doc:meta])* $name:ident, $secret:ident, $krate:ident, $spec:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        #[cfg_attr(feature = "defmt", derive(defmt::Format))]
        pub enum $name {}

        impl sealed::Sealed for $name {}

        #[doc(hidden)]
        pub struct $secret {
            scalar: $krate::SecretKey,
            public: PublicKey<$name>,
        }

        impl zeroize::ZeroizeOnDrop for $secret {}

        impl Curve for $name {
            const NAME: &'static str = stringify!($name);

            type Secret = $secret;
            type Public = $krate::ecdsa::VerifyingKey;

            fn secret_from_bytes(scalar: &[u8; 32]) -> Option<$secret> {
                let scalar = $krate::SecretKey::from_slice(scalar).ok()?;
                let public = PublicKey(scalar.public_key().into());
                Some($secret { scalar, public })
            }

            fn secret_with_public(scalar: &[u8; 32], public: &PublicKey<Self>) -> Option<$secret> {
                let scalar = $krate::SecretKey::from_slice(scalar).ok()?;
                Some($secret { scalar, public: *public })
            }

            fn secret_to_bytes(secret: &$secret) -> Zeroizing<[u8; 32]> {
                let bytes = Zeroizing::new(secret.scalar.to_bytes());
                Zeroizing::new((*bytes).into())
            }

            fn public_of(secret: &$secret) -> &PublicKey<Self> {
                &secret.public
            }

            fn public_from_sec1(bytes: &[u8]) -> Option<Self::Public> {
                Self::Public::from_sec1_bytes(bytes).ok()
            }

            fn public_to_uncompressed(public: &Self::Public) -> [u8; 65] {
                let mut out = [0; 65];
                let point = public.to_sec1_point(false);
                for (to, from) in out.iter_mut().zip(point.as_bytes()) {
                    *to = *from;
                }
                out
            }

            fn sign(secret: &$secret, prehash: &B256, entropy: &[u8]) -> ([u8; 64], RecoveryId) {
                let scalar = Zeroizing::new(secret.scalar.to_nonzero_scalar());
                let (signature, id) = ::ecdsa::hazmat::sign_prehashed_rfc6979::<
                    $krate::$spec,
                    sha2::Sha256,
                >(&scalar, &prehash.0, entropy);
                (signature.to_bytes().into(), RecoveryId(id.to_byte()))
            }

            fn verify(public: &Self::Public, prehash: &B256, signature: &[u8; 64]) -> bool {
                // `k256` refuses a high `s`; which of the two is asked for is decided above.
                $krate::ecdsa::Signature::from_slice(signature)
                    .is_ok_and(|signature| public.verify_prehash(&prehash.0, &signature.normalize_s()).is_ok())
            }

            fn recover(prehash: &B256, signature: &[u8; 64], id: RecoveryId) -> Option<Self::Public> {
                let signature = $krate::ecdsa::Signature::from_slice(signature).ok()?;
                let id = $krate::ecdsa::RecoveryId::from_byte(id.to_byte())?;
                Self::Public::recover_from_prehash(&prehash.0, &signature, id).ok()
            }

            fn is_in_range(signature: &[u8; 64]) -> bool {
                $krate::ecdsa::Signature::from_slice(signature).is_ok()
            }

            fn is_low_s(s: &[u8; 32]) -> bool {
                let scalar = Option::<$krate::Scalar>::from($krate::Scalar::from_repr((*s).into()));
                scalar.is_some_and(|scalar| !bool::from(scalar.is_high()))
            }

            fn negate_s(s: &[u8; 32]) -> [u8; 32] {
                let scalar = Option::<$krate::Scalar>::from($krate::Scalar::from_repr((*s).into()));
                core::ops::Neg::neg(scalar.unwrap_or_default()).to_repr().into()
            }
        }
    };
}

#[cfg(feature = "secp256k1")]
curve! {
    /// secp256k1 of SEC 2, section 2.4.1: Ethereum-like chains, COSE ES256K.
    Secp256k1, Secp256k1Secret, k256, Secp256k1
}

#[cfg(feature = "p256")]
curve! {
    /// NIST P-256 of FIPS 186-5: Fabric-like chains, COSE ES256, secure elements.
    P256, P256Secret, p256, NistP256
}
