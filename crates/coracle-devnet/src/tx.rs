//! Raw transactions: strict decoding and sender recovery.
//!
//! | first byte | transaction | specification |
//! |---|---|---|
//! | `0xc0..=0xff` | legacy, with or without a chain id | EIP-155 |
//! | `0x01` | with an access list | EIP-2930 |
//! | `0x02` | with a fee market | EIP-1559 |
//!
//! Nothing here comes from the device path, so that one checks the other.

use core::fmt;

use alloy_rlp::{Decodable, Encodable, Header};
use k256::ecdsa::{RecoveryId, Signature, VerifyingKey};
use revm::primitives::{Address, B256, Bytes, U256, keccak256};

use crate::rlp::list;

/// Kind of a transaction.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TxType {
    /// The first form, no type byte.
    Legacy,
    /// EIP-2930.
    AccessList,
    /// EIP-1559.
    DynamicFee,
}

impl TxType {
    /// The type byte; 0 for a legacy transaction, which does not carry it.
    pub fn id(self) -> u8 {
        match self {
            Self::Legacy => 0,
            Self::AccessList => 1,
            Self::DynamicFee => 2,
        }
    }
}

/// Why bytes are not a transaction.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum DecodeError {
    /// There are no bytes.
    Empty,
    /// The type byte is not 0x01 or 0x02.
    Type(u8),
    /// The RLP is wrong, or an integer is out of range or not canonical.
    Rlp(alloy_rlp::Error),
    /// Bytes follow the transaction or one of its lists.
    TrailingBytes,
    /// A legacy `v` or a parity that no signature has.
    Parity,
    /// `r` or `s` is zero or too large, `s` is in the upper half (EIP-2), or
    /// no key gives this signature.
    Signature,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("typed transaction too short"),
            Self::Type(_) => f.write_str("transaction type not supported"),
            Self::Rlp(error) => write!(f, "rlp: {error}"),
            Self::TrailingBytes => f.write_str("rlp: trailing bytes"),
            Self::Parity | Self::Signature => f.write_str("invalid transaction v, r, s values"),
        }
    }
}

impl core::error::Error for DecodeError {}

impl From<alloy_rlp::Error> for DecodeError {
    fn from(error: alloy_rlp::Error) -> Self {
        Self::Rlp(error)
    }
}

/// A signed transaction with its sender.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Transaction {
    /// Kind.
    pub tx_type: TxType,
    /// Chain it is signed for; `None` for legacy ones without EIP-155.
    pub chain_id: Option<u64>,
    /// Number of the transaction in its account.
    pub nonce: u64,
    /// Most gas it may use.
    pub gas_limit: u64,
    /// Gas price, or the fee cap of EIP-1559; wei per gas.
    pub max_fee: u128,
    /// Gas price again, or the tip cap of EIP-1559; wei per gas.
    pub max_priority_fee: u128,
    /// Recipient; `None` creates a contract.
    pub to: Option<Address>,
    /// Wei that goes with it.
    pub value: U256,
    /// Call data or init code.
    pub data: Bytes,
    /// Addresses and storage keys announced by EIP-2930.
    pub access_list: Vec<(Address, Vec<B256>)>,
    /// `v` of a legacy transaction, or the parity of a typed one.
    pub v: u64,
    /// Signature.
    pub r: U256,
    /// Signature.
    pub s: U256,
    /// Account that signed it.
    pub sender: Address,
    /// Keccak-256 of [`raw`](Self::raw).
    pub hash: B256,
    /// The bytes it was decoded from.
    pub raw: Bytes,
}

impl Transaction {
    /// Decodes the whole of `raw` and recovers the sender.
    ///
    /// Does not check the chain id, fees, nonce or balance.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] says which rule `raw` breaks.
    pub fn decode(raw: &[u8]) -> Result<Self, DecodeError> {
        let fields = match raw.first().copied() {
            None => return Err(DecodeError::Empty),
            Some(0xc0..) => Fields::legacy(raw)?,
            Some(0x01) => Fields::typed(TxType::AccessList, &raw[1..])?,
            Some(0x02) => Fields::typed(TxType::DynamicFee, &raw[1..])?,
            Some(other) => return Err(DecodeError::Type(other)),
        };
        fields.recover(raw)
    }

    /// What the sender pays the block maker per gas above `base_fee`.
    pub fn effective_tip(&self, base_fee: u64) -> Option<u128> {
        let room = self.max_fee.checked_sub(u128::from(base_fee))?;
        Some(room.min(self.max_priority_fee))
    }

    /// Price per gas in a block with `base_fee`.
    pub fn effective_price(&self, base_fee: u64) -> u128 {
        let capped = u128::from(base_fee).saturating_add(self.max_priority_fee);
        self.max_fee.min(capped)
    }

    /// Most wei it can take from its sender.
    pub fn max_cost(&self) -> U256 {
        U256::from(self.max_fee)
            .saturating_mul(U256::from(self.gas_limit))
            .saturating_add(self.value)
    }
}

/// The fields as they stand in the list, before the sender is known.
struct Fields {
    tx_type: TxType,
    chain_id: Option<u64>,
    nonce: u64,
    max_priority_fee: u128,
    max_fee: u128,
    gas_limit: u64,
    to: Option<Address>,
    value: U256,
    data: Bytes,
    access_list: Vec<(Address, Vec<B256>)>,
    v: u64,
    r: U256,
    s: U256,
}

impl Fields {
    fn legacy(raw: &[u8]) -> Result<Self, DecodeError> {
        let mut rest = only_list(raw)?;
        let items = &mut rest;
        let nonce = u64::decode(items)?;
        let price = u128::decode(items)?;
        let fields = Self {
            tx_type: TxType::Legacy,
            nonce,
            max_priority_fee: price,
            max_fee: price,
            gas_limit: u64::decode(items)?,
            to: recipient(items)?,
            value: U256::decode(items)?,
            data: Bytes::decode(items)?,
            access_list: Vec::new(),
            v: u64::decode(items)?,
            r: U256::decode(items)?,
            s: U256::decode(items)?,
            chain_id: None,
        };
        at_end(items)?;
        let chain_id = match fields.v {
            27 | 28 => None,
            // EIP-155: v = chain id * 2 + 35 or + 36.
            35.. => Some((fields.v - 35) / 2),
            _ => return Err(DecodeError::Parity),
        };
        Ok(Self { chain_id, ..fields })
    }

    fn typed(tx_type: TxType, body: &[u8]) -> Result<Self, DecodeError> {
        let mut rest = only_list(body)?;
        let items = &mut rest;
        let chain_id = Some(u64::decode(items)?);
        let nonce = u64::decode(items)?;
        let max_priority_fee = u128::decode(items)?;
        let max_fee = match tx_type {
            TxType::DynamicFee => u128::decode(items)?,
            _ => max_priority_fee,
        };
        let fields = Self {
            tx_type,
            chain_id,
            nonce,
            max_priority_fee,
            max_fee,
            gas_limit: u64::decode(items)?,
            to: recipient(items)?,
            value: U256::decode(items)?,
            data: Bytes::decode(items)?,
            access_list: access_list(items)?,
            v: u64::decode(items)?,
            r: U256::decode(items)?,
            s: U256::decode(items)?,
        };
        at_end(items)?;
        if fields.v > 1 {
            return Err(DecodeError::Parity);
        }
        Ok(fields)
    }

    /// The bytes whose Keccak-256 is signed.
    fn unsigned(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let typed = self.tx_type != TxType::Legacy;
        if typed {
            self.chain_id.unwrap_or_default().encode(&mut out);
        }
        self.nonce.encode(&mut out);
        self.max_priority_fee.encode(&mut out);
        if self.tx_type == TxType::DynamicFee {
            self.max_fee.encode(&mut out);
        }
        self.gas_limit.encode(&mut out);
        encode_recipient(self.to, &mut out);
        self.value.encode(&mut out);
        self.data.encode(&mut out);
        if typed {
            encode_access_list(&self.access_list, &mut out);
            let mut message = vec![self.tx_type.id()];
            message.extend(list(&out));
            return message;
        }
        if let Some(chain_id) = self.chain_id {
            chain_id.encode(&mut out);
            0_u8.encode(&mut out);
            0_u8.encode(&mut out);
        }
        list(&out)
    }

    fn recover(self, raw: &[u8]) -> Result<Transaction, DecodeError> {
        let odd = match (self.tx_type, self.chain_id) {
            (TxType::Legacy, None) => self.v == 28,
            (TxType::Legacy, Some(_)) => self.v.is_multiple_of(2),
            _ => self.v == 1,
        };
        let sender = recover(keccak256(self.unsigned()), odd, self.r, self.s)?;
        Ok(Transaction {
            tx_type: self.tx_type,
            chain_id: self.chain_id,
            nonce: self.nonce,
            gas_limit: self.gas_limit,
            max_fee: self.max_fee,
            max_priority_fee: self.max_priority_fee,
            to: self.to,
            value: self.value,
            data: self.data,
            access_list: self.access_list,
            v: self.v,
            r: self.r,
            s: self.s,
            sender,
            hash: keccak256(raw),
            raw: Bytes::copy_from_slice(raw),
        })
    }
}

/// The payload of the one list that `raw` must be.
fn only_list(raw: &[u8]) -> Result<&[u8], DecodeError> {
    let mut rest = raw;
    let payload = Header::decode_bytes(&mut rest, true)?;
    at_end(&rest)?;
    Ok(payload)
}

fn at_end(rest: &&[u8]) -> Result<(), DecodeError> {
    if rest.is_empty() {
        return Ok(());
    }
    Err(DecodeError::TrailingBytes)
}

fn recipient(items: &mut &[u8]) -> Result<Option<Address>, DecodeError> {
    let bytes = Header::decode_bytes(items, false)?;
    if bytes.is_empty() {
        return Ok(None);
    }
    match Address::try_from(bytes) {
        Ok(address) => Ok(Some(address)),
        Err(_) => Err(alloy_rlp::Error::UnexpectedLength.into()),
    }
}

fn encode_recipient(to: Option<Address>, out: &mut Vec<u8>) {
    match to {
        Some(address) => address.encode(out),
        None => out.push(alloy_rlp::EMPTY_STRING_CODE),
    }
}

fn access_list(items: &mut &[u8]) -> Result<Vec<(Address, Vec<B256>)>, DecodeError> {
    let mut entries = Header::decode_bytes(items, true)?;
    let mut list = Vec::new();
    while !entries.is_empty() {
        let mut entry = Header::decode_bytes(&mut entries, true)?;
        let address = Address::decode(&mut entry)?;
        let mut keys = Header::decode_bytes(&mut entry, true)?;
        at_end(&entry)?;
        let mut slots = Vec::new();
        while !keys.is_empty() {
            slots.push(B256::decode(&mut keys)?);
        }
        list.push((address, slots));
    }
    Ok(list)
}

fn encode_access_list(entries: &[(Address, Vec<B256>)], out: &mut Vec<u8>) {
    let mut payload = Vec::new();
    for (address, slots) in entries {
        let mut entry = Vec::new();
        address.encode(&mut entry);
        slots.encode(&mut entry);
        payload.extend(list(&entry));
    }
    out.extend(list(&payload));
}

fn recover(prehash: B256, odd: bool, r: U256, s: U256) -> Result<Address, DecodeError> {
    let invalid = |_| DecodeError::Signature;
    let signature =
        Signature::from_scalars(r.to_be_bytes::<32>(), s.to_be_bytes::<32>()).map_err(invalid)?;
    if signature.normalize_s() != signature {
        return Err(DecodeError::Signature);
    }
    let id = RecoveryId::new(odd, false);
    let key =
        VerifyingKey::recover_from_prehash(prehash.as_slice(), &signature, id).map_err(invalid)?;
    let point = key.to_sec1_point(false);
    Ok(Address::from_raw_public_key(&point.as_bytes()[1..]))
}
