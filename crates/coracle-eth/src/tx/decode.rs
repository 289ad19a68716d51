//! Strict decoding of raw transactions.

use coracle_core::ecdsa::{RecoveryId, Signature};
use coracle_core::rlp::{Reader, RlpError, RlpErrorKind};
use coracle_core::{Address, U256, Wei};

use super::{
    AccessList, CallData, SignedTx, Transaction, TxEip1559, TxEip2930, TxError, TxField, TxLegacy,
};

impl<'a> SignedTx<'a> {
    /// Reads the raw bytes of one signed transaction, as a node takes them.
    ///
    /// Checks form and signature: canonical RLP, numbers in range, the product of gas
    /// limit and fee within 256 bits, a low `s` (EIP-2), a nonce below 2^64 - 1
    /// (EIP-2681). Does not check what needs the chain: chain id, balance, gas rules of
    /// a fork. Call data and access list stay views of `raw`.
    ///
    /// # Errors
    ///
    /// Each variant of [`TxError`]; trailing bytes are one of them. That a sender can be
    /// recovered shows only in [`sender`](Self::sender).
    ///
    /// # Examples
    ///
    /// ```
    /// use coracle_eth::tx::{SignedTx, TxError};
    ///
    /// assert_eq!(
    ///     SignedTx::decode(&[0x03]).unwrap_err(),
    ///     TxError::UnsupportedType { byte: 0x03 },
    /// );
    /// ```
    pub fn decode(raw: &'a [u8]) -> Result<Self, TxError> {
        let (tx, v, mut signature) = match raw.split_first() {
            Some((0xc0.., _)) => {
                let mut fields = Fields::new(Reader::new(raw))?;
                let (tx, v) = fields.legacy()?;
                (Transaction::Legacy(tx), v, fields)
            }
            Some((byte @ (1 | 2), _)) => {
                let mut fields = Fields::typed(raw)?;
                let tx = if *byte == 1 {
                    fields.eip2930()?
                } else {
                    fields.eip1559()?
                };
                let v = fields.parity()?;
                (tx, v, fields)
            }
            Some((byte, _)) => return Err(TxError::UnsupportedType { byte: *byte }),
            None => return Err(Reader::new(raw).error(RlpErrorKind::Truncated).into()),
        };
        let r = signature.uint(TxField::R)?;
        let s = signature.uint(TxField::S)?;
        signature.items.finish()?;
        check_fees(&tx)?;
        let signature = Signature::from_scalars(&r.to_be_bytes(), &s.to_be_bytes(), Some(v))?;
        tx.into_signed(signature)
    }
}

fn check_fees(tx: &Transaction<'_>) -> Result<(), TxError> {
    let (per_gas, priority) = match tx {
        Transaction::Legacy(tx) => (tx.gas_price, Wei::ZERO),
        Transaction::Eip2930(tx) => (tx.gas_price, Wei::ZERO),
        Transaction::Eip1559(tx) => (tx.max_fee_per_gas, tx.max_priority_fee_per_gas),
    };
    if priority > per_gas {
        return Err(TxError::PriorityAboveMax);
    }
    let fee = tx.gas_limit().checked_mul(per_gas.0);
    fee.map(|_| ()).ok_or(TxError::FeeOverflow)
}

/// Reads fields in order and names the one that fails.
struct Fields<'a> {
    items: Reader<'a>,
}

impl<'a> Fields<'a> {
    /// The fields of the only list in `outer`.
    fn new(mut outer: Reader<'a>) -> Result<Self, TxError> {
        let items = outer.list()?;
        outer.finish()?;
        Ok(Self { items })
    }

    /// The fields after a type byte, which reads as an item of its own.
    fn typed(raw: &'a [u8]) -> Result<Self, TxError> {
        let mut outer = Reader::new(raw);
        outer.item()?;
        Self::new(outer)
    }

    fn legacy(&mut self) -> Result<(TxLegacy<'a>, RecoveryId), TxError> {
        let mut tx = TxLegacy {
            chain_id: None,
            nonce: self.nonce()?,
            gas_price: Wei(self.uint(TxField::GasPrice)?),
            gas_limit: self.gas_limit()?,
            to: self.to()?,
            value: Wei(self.uint(TxField::Value)?),
            data: self.data()?,
        };
        let (chain_id, parity) = split_v(self.uint(TxField::V)?)?;
        tx.chain_id = chain_id;
        Ok((tx, RecoveryId::from_parity(parity)))
    }

    fn eip2930(&mut self) -> Result<Transaction<'a>, TxError> {
        Ok(Transaction::Eip2930(TxEip2930 {
            chain_id: self.u64(TxField::ChainId)?,
            nonce: self.nonce()?,
            gas_price: Wei(self.uint(TxField::GasPrice)?),
            gas_limit: self.gas_limit()?,
            to: self.to()?,
            value: Wei(self.uint(TxField::Value)?),
            data: self.data()?,
            access_list: self.access_list()?,
        }))
    }

    fn eip1559(&mut self) -> Result<Transaction<'a>, TxError> {
        Ok(Transaction::Eip1559(TxEip1559 {
            chain_id: self.u64(TxField::ChainId)?,
            nonce: self.nonce()?,
            max_priority_fee_per_gas: Wei(self.uint(TxField::MaxPriorityFeePerGas)?),
            max_fee_per_gas: Wei(self.uint(TxField::MaxFeePerGas)?),
            gas_limit: self.gas_limit()?,
            to: self.to()?,
            value: Wei(self.uint(TxField::Value)?),
            data: self.data()?,
            access_list: self.access_list()?,
        }))
    }

    fn parity(&mut self) -> Result<RecoveryId, TxError> {
        match self.u64(TxField::V)? {
            parity @ (0 | 1) => Ok(RecoveryId::from_parity(parity == 1)),
            _ => Err(TxError::BadRecoveryByte),
        }
    }

    fn nonce(&mut self) -> Result<u64, TxError> {
        let cause = self.items.error(RlpErrorKind::Overflow);
        match self.u64(TxField::Nonce)? {
            u64::MAX => Err(TxError::Field {
                field: TxField::Nonce,
                cause,
            }),
            nonce => Ok(nonce),
        }
    }

    fn gas_limit(&mut self) -> Result<U256, TxError> {
        self.u64(TxField::GasLimit).map(U256::from)
    }

    fn to(&mut self) -> Result<Option<Address>, TxError> {
        let cause = self.items.error(RlpErrorKind::BadLength);
        let bytes = named(TxField::To, self.items.bytes())?;
        if bytes.is_empty() {
            return Ok(None);
        }
        match bytes.try_into() {
            Ok(bytes) => Ok(Some(Address(bytes))),
            Err(_) => Err(TxError::Field {
                field: TxField::To,
                cause,
            }),
        }
    }

    fn data(&mut self) -> Result<CallData<'a>, TxError> {
        named(TxField::Data, self.items.bytes()).map(CallData::Bytes)
    }

    fn access_list(&mut self) -> Result<AccessList<'a>, TxError> {
        named(TxField::AccessList, AccessList::decode(&mut self.items))
    }

    fn u64(&mut self, field: TxField) -> Result<u64, TxError> {
        named(field, self.items.u64())
    }

    fn uint(&mut self, field: TxField) -> Result<U256, TxError> {
        named(field, self.items.uint())
    }
}

fn named<T>(field: TxField, result: Result<T, RlpError>) -> Result<T, TxError> {
    result.map_err(|cause| TxError::Field { field, cause })
}

/// The chain id and the parity that `v` of a legacy transaction stands for (EIP-155).
fn split_v(v: U256) -> Result<(Option<u64>, bool), TxError> {
    let (half, odd) = v
        .checked_sub(U256::from(27_u64))
        .and_then(|rest| rest.div_rem_u64(2))
        .ok_or(TxError::BadRecoveryByte)?;
    // v = 27 or 28, or chainId * 2 + 35 or 36; 29..=34 stand for nothing.
    let is_odd = odd == 1;
    if half.is_zero() {
        return Ok((None, is_odd));
    }
    let id = half
        .checked_sub(U256::from(4_u64))
        .and_then(|id| u64::try_from(id).ok())
        .ok_or(TxError::BadRecoveryByte)?;
    Ok((Some(id), is_odd))
}
