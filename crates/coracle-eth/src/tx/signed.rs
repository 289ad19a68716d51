//! Signed transactions.

use coracle_core::ecdsa::{PublicKey, RecoveryId, Secp256k1, Signature};
use coracle_core::{Address, B256, Encode, Keccak256, Sink, U256, rlp};

use super::{Transaction, TxError, fields};

/// A transaction and the signature over it.
///
/// Encodes as the raw bytes that a node takes. The signature is well-formed, has a low
/// `s` and a recovery id.
#[derive(Clone, Copy, Debug)]
pub struct SignedTx<'a> {
    tx: Transaction<'a>,
    signature: Signature<Secp256k1>,
    recovery_id: RecoveryId,
}

impl<'a> SignedTx<'a> {
    pub(super) fn new(
        tx: Transaction<'a>,
        signature: Signature<Secp256k1>,
    ) -> Result<Self, TxError> {
        let recovery_id = signature.recovery_id().ok_or(TxError::BadSignature)?;
        if !signature.is_low_s() || recovery_id.is_x_reduced() {
            return Err(TxError::BadSignature);
        }
        Ok(Self {
            tx,
            signature,
            recovery_id,
        })
    }

    /// The transaction without its signature.
    pub const fn transaction(&self) -> &Transaction<'a> {
        &self.tx
    }

    /// The signature.
    pub const fn signature(&self) -> &Signature<Secp256k1> {
        &self.signature
    }

    /// The hash by which nodes know the transaction: the Keccak-256 of its raw bytes.
    pub fn hash(&self) -> B256 {
        Keccak256::of(self)
    }

    /// The account whose key made the signature.
    ///
    /// # Errors
    ///
    /// [`TxError::BadSignature`] if no key could have made it.
    pub fn sender(&self) -> Result<Address, TxError> {
        let key = PublicKey::recover_prehash(&self.tx.signing_hash(), &self.signature)?;
        Ok(Address::from_public_key(&key))
    }

    /// `v` of a legacy transaction, `yParity` of the others.
    pub fn v(&self) -> U256 {
        let parity = u64::from(self.recovery_id.is_y_odd());
        match &self.tx {
            Transaction::Legacy(tx) => match tx.chain_id {
                None => U256::from(parity.saturating_add(27)),
                Some(id) => U256::from(id)
                    .saturating_mul(U256::from(2_u64))
                    .saturating_add(U256::from(parity.saturating_add(35))),
            },
            _ => U256::from(parity),
        }
    }
}

impl Encode for SignedTx<'_> {
    fn encode(&self, out: &mut dyn Sink) {
        if let Some(byte) = self.tx.type_byte() {
            out.write(&[byte]);
        }
        rlp::write_list(out, |out| {
            fields::write(&self.tx, out);
            rlp::write_uint(out, self.v());
            // Integers, not strings: leading zero bytes are dropped.
            rlp::write_uint(out, U256::from_be_bytes(self.signature.r()));
            rlp::write_uint(out, U256::from_be_bytes(self.signature.s()));
        });
    }
}
