//! Transactions: signing hash, transaction hash and raw bytes through sinks, and strict
//! decoding with sender recovery.
//!
//! | type | raw bytes |
//! | --- | --- |
//! | legacy | `rlp([nonce, gasPrice, gasLimit, to, value, data, v, r, s])` |
//! | EIP-2930 | `01 ‖ rlp([chainId, nonce, gasPrice, gasLimit, to, value, data, accessList, yParity, r, s])` |
//! | EIP-1559 | `02 ‖ rlp([chainId, nonce, maxPriorityFeePerGas, maxFeePerGas, gasLimit, to, value, data, accessList, yParity, r, s])` |
//!
//! What is hashed and signed is the same without the last three fields; a legacy
//! transaction that names its chain ends in `chainId, 0, 0` there instead.
//!
//! Reference: Ethereum yellow paper, section 4.2; EIP-155, EIP-2718, EIP-2930, EIP-1559.

mod access_list;
mod decode;
mod error;
mod fields;
mod signed;

use coracle_core::ecdsa::{Secp256k1, Signature};
use coracle_core::{
    Address, B256, ChainRef, DigestAlgorithm, Encode, Keccak256, Purpose, Signable, Sink, TxScope,
    U256, Wei, keccak256, rlp,
};

pub use self::access_list::{AccessList, AccessListItem, StorageKeys};
pub use self::error::{TxError, TxField};
pub use self::signed::SignedTx;
pub use crate::payload::Payload as CallData;

/// A legacy transaction.
#[derive(Clone, Copy, Debug)]
pub struct TxLegacy<'a> {
    /// The chain for which it is valid (EIP-155); `None` makes it valid on every chain,
    /// so that anyone can replay it there.
    pub chain_id: Option<u64>,
    /// The number of transactions that the sender made before.
    pub nonce: u64,
    /// Fee per unit of gas.
    pub gas_price: Wei,
    /// Gas that it may use; nodes take numbers below 2^64.
    pub gas_limit: U256,
    /// The account that it calls; `None` creates a contract.
    pub to: Option<Address>,
    /// What it moves.
    pub value: Wei,
    /// Call data, or the code that creates the contract.
    pub data: CallData<'a>,
}

/// A transaction with an access list.
///
/// Reference: [EIP-2930](https://eips.ethereum.org/EIPS/eip-2930).
#[derive(Clone, Copy, Debug)]
pub struct TxEip2930<'a> {
    /// The chain for which it is valid.
    pub chain_id: u64,
    /// The number of transactions that the sender made before.
    pub nonce: u64,
    /// Fee per unit of gas.
    pub gas_price: Wei,
    /// Gas that it may use; nodes take numbers below 2^64.
    pub gas_limit: U256,
    /// The account that it calls; `None` creates a contract.
    pub to: Option<Address>,
    /// What it moves.
    pub value: Wei,
    /// Call data, or the code that creates the contract.
    pub data: CallData<'a>,
    /// Accounts and storage slots that it announces.
    pub access_list: AccessList<'a>,
}

/// A transaction with a fee market.
///
/// Reference: [EIP-1559](https://eips.ethereum.org/EIPS/eip-1559).
#[derive(Clone, Copy, Debug)]
pub struct TxEip1559<'a> {
    /// The chain for which it is valid.
    pub chain_id: u64,
    /// The number of transactions that the sender made before.
    pub nonce: u64,
    /// Fee per unit of gas that goes to the block's producer, at most.
    pub max_priority_fee_per_gas: Wei,
    /// Fee per unit of gas in all, at most.
    pub max_fee_per_gas: Wei,
    /// Gas that it may use; nodes take numbers below 2^64.
    pub gas_limit: U256,
    /// The account that it calls; `None` creates a contract.
    pub to: Option<Address>,
    /// What it moves.
    pub value: Wei,
    /// Call data, or the code that creates the contract.
    pub data: CallData<'a>,
    /// Accounts and storage slots that it announces.
    pub access_list: AccessList<'a>,
}

/// A transaction that is not signed yet.
///
/// Encodes as the bytes that are hashed and signed. Further types will come.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Transaction<'a> {
    /// Legacy, with or without a chain id.
    Legacy(TxLegacy<'a>),
    /// With an access list.
    Eip2930(TxEip2930<'a>),
    /// With a fee market.
    Eip1559(TxEip1559<'a>),
}

impl<'a> Transaction<'a> {
    /// The type byte of EIP-2718; `None` for legacy transactions, which have none.
    pub const fn type_byte(&self) -> Option<u8> {
        match self {
            Self::Legacy(_) => None,
            Self::Eip2930(_) => Some(1),
            Self::Eip1559(_) => Some(2),
        }
    }

    /// The chain for which it is valid; `None` for every chain.
    pub const fn chain_id(&self) -> Option<u64> {
        match self {
            Self::Legacy(tx) => tx.chain_id,
            Self::Eip2930(tx) => Some(tx.chain_id),
            Self::Eip1559(tx) => Some(tx.chain_id),
        }
    }

    /// The number of transactions that the sender made before.
    pub const fn nonce(&self) -> u64 {
        match self {
            Self::Legacy(tx) => tx.nonce,
            Self::Eip2930(tx) => tx.nonce,
            Self::Eip1559(tx) => tx.nonce,
        }
    }

    /// The account that it calls; `None` creates a contract.
    pub const fn to(&self) -> Option<&Address> {
        match self {
            Self::Legacy(tx) => tx.to.as_ref(),
            Self::Eip2930(tx) => tx.to.as_ref(),
            Self::Eip1559(tx) => tx.to.as_ref(),
        }
    }

    /// What it moves.
    pub const fn value(&self) -> Wei {
        match self {
            Self::Legacy(tx) => tx.value,
            Self::Eip2930(tx) => tx.value,
            Self::Eip1559(tx) => tx.value,
        }
    }

    /// Gas that it may use.
    pub const fn gas_limit(&self) -> U256 {
        match self {
            Self::Legacy(tx) => tx.gas_limit,
            Self::Eip2930(tx) => tx.gas_limit,
            Self::Eip1559(tx) => tx.gas_limit,
        }
    }

    /// Call data, or the code that creates the contract.
    pub const fn data(&self) -> &CallData<'a> {
        match self {
            Self::Legacy(tx) => &tx.data,
            Self::Eip2930(tx) => &tx.data,
            Self::Eip1559(tx) => &tx.data,
        }
    }

    /// The fee that it can cost at most; saturates at 2^256 - 1 wei.
    pub fn max_fee(&self) -> Wei {
        let per_gas = match self {
            Self::Legacy(tx) => tx.gas_price,
            Self::Eip2930(tx) => tx.gas_price,
            Self::Eip1559(tx) => tx.max_fee_per_gas,
        };
        Wei(self.gas_limit().saturating_mul(per_gas.0))
    }

    /// The Keccak-256 of the bytes that are signed.
    pub fn signing_hash(&self) -> B256 {
        Keccak256::of(self)
    }

    /// Joins the transaction with the signature over it.
    ///
    /// # Errors
    ///
    /// [`TxError::BadSignature`] if the signature has no recovery id, a high `s`
    /// (EIP-2), or an `x` that does not fit the format.
    pub fn into_signed(self, signature: Signature<Secp256k1>) -> Result<SignedTx<'a>, TxError> {
        SignedTx::new(self, signature)
    }
}

impl Encode for Transaction<'_> {
    fn encode(&self, out: &mut dyn Sink) {
        if let Some(byte) = self.type_byte() {
            out.write(&[byte]);
        }
        rlp::write_list(out, |out| {
            fields::write(self, out);
            if let Self::Legacy(TxLegacy {
                chain_id: Some(id), ..
            }) = self
            {
                rlp::write_u64(out, *id);
                rlp::write_u64(out, 0);
                rlp::write_u64(out, 0);
            }
        });
    }
}

impl Signable for Transaction<'_> {
    fn purpose(&self) -> Purpose<'_> {
        Purpose::Transaction(TxScope {
            chain: self.chain_id().map_or(ChainRef::Any, ChainRef::Id),
            target: self.to().map_or(&[], |to| &to.as_bytes()[..]),
            value: self.value().0,
            max_fee: self.max_fee().0,
        })
    }

    fn digest_algorithm(&self) -> DigestAlgorithm {
        DigestAlgorithm::Keccak256
    }

    fn write_preimage(&self, out: &mut dyn Sink) {
        self.encode(out);
    }
}

/// The address of the contract that `sender` creates with the transaction of this nonce.
///
/// Reference: Ethereum yellow paper, section 7, `ADDR`.
pub fn create_address(sender: &Address, nonce: u64) -> Address {
    let mut digest = Keccak256::new();
    rlp::write_list(&mut digest, |out| {
        rlp::write_bytes(out, sender.as_bytes());
        rlp::write_u64(out, nonce);
    });
    Address::from_word(digest.finish().as_bytes())
}

/// The address of the contract that `creator` makes by `CREATE2`.
///
/// Reference: [EIP-1014](https://eips.ethereum.org/EIPS/eip-1014).
pub fn create2_address(creator: &Address, salt: &B256, init_code_hash: &B256) -> Address {
    let mut preimage = [0xff; 85];
    let parts = [&creator.0[..], &salt.0, &init_code_hash.0];
    let bytes = parts.into_iter().flatten();
    for (to, from) in preimage.iter_mut().skip(1).zip(bytes) {
        *to = *from;
    }
    Address::from_word(keccak256(&preimage).as_bytes())
}
