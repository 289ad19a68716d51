//! Where signatures come from.

use crate::ecdsa::{Curve, PublicKey, Signature};
use crate::error::Error;
use crate::hash::{B256, DigestAlgorithm};
use crate::sink::{Encode, Sink};
use crate::uint::U256;

/// A message that says what it is, so that whoever signs it can refuse.
///
/// A signer never takes a caller's word for a digest: it runs
/// [`write_preimage`](Self::write_preimage) into the digest itself. What
/// [`purpose`](Self::purpose) says is derived from the same fields as the bytes.
pub trait Signable {
    /// What a signature over this message would be good for.
    fn purpose(&self) -> Purpose<'_>;

    /// The digest that the chain or format prescribes.
    fn digest_algorithm(&self) -> DigestAlgorithm;

    /// Writes the bytes that are hashed and signed.
    fn write_preimage(&self, out: &mut dyn Sink);

    /// The digest that an ECDSA signer signs.
    fn prehash(&self) -> B256 {
        self.digest_algorithm().digest(&Preimage(self))
    }
}

struct Preimage<'a, M: ?Sized>(&'a M);

impl<M: Signable + ?Sized> Encode for Preimage<'_, M> {
    fn encode(&self, out: &mut dyn Sink) {
        self.0.write_preimage(out);
    }
}

/// What a signature is good for, as far as a signer's policy can care.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Purpose<'a> {
    /// A transaction: may move value.
    Transaction(TxScope<'a>),
    /// A signed record: a reading and its place in the device's chain of records.
    Record,
    /// A transport or login session.
    Session,
}

/// What a transaction can do at most.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TxScope<'a> {
    /// Where it is valid.
    pub chain: ChainRef<'a>,
    /// Contract or account that it calls, in the chain's own bytes; empty if it creates
    /// a contract.
    pub target: &'a [u8],
    /// Value that it moves, in the chain's smallest unit.
    pub value: U256,
    /// Fee that it can cost at most, in the chain's smallest unit.
    pub max_fee: U256,
}

/// The chain for which a transaction is valid.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ChainRef<'a> {
    /// A numeric chain id (EIP-155).
    Id(u64),
    /// A name: a Fabric channel, a FISCO BCOS chain and group.
    Name(&'a str),
    /// Valid on every chain: it names none (Ethereum before EIP-155).
    Any,
}

/// A place that holds a key and signs with it: software, a key slot, a secure element,
/// a SIM, a TEE.
///
/// May be slow, remote, and may refuse. A raw digest cannot be signed through this
/// trait; see [`hazmat`](crate::ecdsa::hazmat).
pub trait Signer {
    /// The curve of the key.
    type Curve: Curve;

    /// Why this place did not sign.
    type Error: Error;

    /// The public half of the key, known since the place was opened.
    fn public_key(&self) -> &PublicKey<Self::Curve>;

    /// Signs `message` after hashing it here.
    ///
    /// The signature has a low `s`, and a recovery id where the scheme has one.
    ///
    /// # Errors
    ///
    /// The place's own; its `kind()` tells a busy part from a refusal by policy.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, a signature may have been made and is lost; nothing
    /// else changes.
    #[expect(async_fn_in_trait, reason = "executors of devices are single-threaded")]
    async fn sign(&mut self, message: &dyn Signable)
    -> Result<Signature<Self::Curve>, Self::Error>;
}

impl<S: Signer + ?Sized> Signer for &mut S {
    type Curve = S::Curve;
    type Error = S::Error;

    fn public_key(&self) -> &PublicKey<Self::Curve> {
        (**self).public_key()
    }

    fn sign(
        &mut self,
        message: &dyn Signable,
    ) -> impl Future<Output = Result<Signature<Self::Curve>, Self::Error>> {
        (**self).sign(message)
    }
}
