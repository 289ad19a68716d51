//! Errors of transactions.

use core::fmt;

use coracle_core::ecdsa::SignatureError;
use coracle_core::rlp::RlpError;
use coracle_core::{Error, ErrorKind};

/// Why bytes are no transaction, or a transaction cannot be signed or sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum TxError {
    /// A field is malformed.
    Field {
        /// The field.
        field: TxField,
        /// What is wrong, and where in the raw bytes.
        cause: RlpError,
    },
    /// The bytes are no RLP list, or hold more than the transaction.
    Rlp(RlpError),
    /// The type byte is none that this crate knows.
    UnsupportedType {
        /// The byte.
        byte: u8,
    },
    /// `v` names neither a parity nor a parity and a chain.
    BadRecoveryByte,
    /// `gasLimit` times the fee per gas does not fit 256 bits.
    FeeOverflow,
    /// The priority fee is higher than the whole fee.
    PriorityAboveMax,
    /// The signature is malformed, has a high `s`, or gives no sender.
    BadSignature,
}

/// A field of a transaction, by its name in JSON.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
#[expect(missing_docs, reason = "named as in the specification")]
pub enum TxField {
    ChainId,
    Nonce,
    GasPrice,
    MaxPriorityFeePerGas,
    MaxFeePerGas,
    GasLimit,
    To,
    Value,
    Data,
    AccessList,
    V,
    R,
    S,
}

impl TxField {
    /// The name of the field in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ChainId => "chainId",
            Self::Nonce => "nonce",
            Self::GasPrice => "gasPrice",
            Self::MaxPriorityFeePerGas => "maxPriorityFeePerGas",
            Self::MaxFeePerGas => "maxFeePerGas",
            Self::GasLimit => "gasLimit",
            Self::To => "to",
            Self::Value => "value",
            Self::Data => "data",
            Self::AccessList => "accessList",
            Self::V => "v",
            Self::R => "r",
            Self::S => "s",
        }
    }
}

impl fmt::Display for TxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field { field, cause } => write!(f, "bad {}: {cause}", field.name()),
            Self::Rlp(cause) => write!(f, "bad transaction: {cause}"),
            Self::UnsupportedType { byte } => {
                write!(f, "transaction type {byte:#04x} not supported")
            }
            Self::BadRecoveryByte => f.write_str("bad v"),
            Self::FeeOverflow => f.write_str("gasLimit times fee per gas does not fit 256 bits"),
            Self::PriorityAboveMax => f.write_str("maxPriorityFeePerGas is above maxFeePerGas"),
            Self::BadSignature => f.write_str("bad signature"),
        }
    }
}

impl core::error::Error for TxError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Field { cause, .. } | Self::Rlp(cause) => Some(cause),
            _ => None,
        }
    }
}

impl Error for TxError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Caller
    }
}

impl From<RlpError> for TxError {
    fn from(cause: RlpError) -> Self {
        Self::Rlp(cause)
    }
}

impl From<SignatureError> for TxError {
    fn from(_: SignatureError) -> Self {
        Self::BadSignature
    }
}
