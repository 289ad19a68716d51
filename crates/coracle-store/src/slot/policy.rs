//! What a slot signs.
//!
//! A policy is part of its slot's item: durable, and sealed with the key.
//!
//! | length | field | meaning |
//! | --- | --- | --- |
//! | 1 | flags | [`TRANSACTIONS`] and its neighbours |
//! | | | what follows is there with `TRANSACTIONS` alone |
//! | 1 | flags | [`CREATES`] and its neighbours |
//! | 1, 8 each | chains | how many, or 255 for every one; ids, little endian |
//! | 1, 1 + up to 20 each | targets | how many, or 255 for every one; each with its length |
//! | 1 + up to 32, twice | value, fee | length, then the number from its first byte that is not zero |
//! | 1 + up to 32, twice | value, fee of a day | with `DAILY` alone |

use core::fmt;

use coracle_core::{
    Address, ChainRef, Encode, Error, ErrorKind, Purpose, Sink, TxScope, U256, keccak256,
};

use crate::wire::Fields;

const TRANSACTIONS: u8 = 1 << 0;
const RECORDS: u8 = 1 << 1;
const SESSIONS: u8 = 1 << 2;
const RAW_DIGESTS: u8 = 1 << 3;
const UNVERIFIED: u8 = 1 << 4;
const HEDGED: u8 = 1 << 5;

const CREATES: u8 = 1 << 0;
const CANCELS: u8 = 1 << 1;
const DAILY: u8 = 1 << 2;

/// In the place of how many: all of them.
const EVERY: u8 = u8::MAX;

/// Why a slot did not sign: its policy does not allow it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Refusal {
    /// The slot is not for messages of this purpose.
    Purpose,
    /// The slot is not for raw digests.
    RawDigest,
    /// The transaction is for another chain, or valid on any.
    Chain,
    /// The transaction goes to an account or contract that is not listed.
    Target,
    /// The transaction creates a contract.
    Creation,
    /// The transaction moves more than one may.
    Value,
    /// The transaction may cost more than one may.
    Fee,
    /// With it, the transactions of the day would move more than they may. It can be signed
    /// on another day.
    DailyValue,
    /// With it, the transactions of the day could cost more than they may. It can be signed
    /// on another day.
    DailyFee,
    /// The slot has a limit for a day, and no time was accepted yet: tell the store one.
    NoTime,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Purpose => "slot is not for this purpose",
            Self::RawDigest => "slot is not for raw digests",
            Self::Chain => "slot is not for this chain",
            Self::Target => "slot is not for this target",
            Self::Creation => "slot creates no contracts",
            Self::Value => "value over the slot's limit",
            Self::Fee => "fee over the slot's limit",
            Self::DailyValue => "value over the slot's limit of the day",
            Self::DailyFee => "fee over the slot's limit of the day",
            Self::NoTime => "limit of the day, and no accepted time",
        })
    }
}

impl core::error::Error for Refusal {}

impl Error for Refusal {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::DailyValue | Self::DailyFee | Self::NoTime => ErrorKind::Retry,
            _ => ErrorKind::Caller,
        }
    }
}

/// What is allowed of a kind: some, or every one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Allowed<T> {
    is_every: bool,
    // From the front, so that equal lists are equal.
    items: [Option<T>; MAX_LISTED],
}

/// The longest list of an [`Allowed`].
const MAX_LISTED: usize = 4;

impl<T: Copy + PartialEq> Allowed<T> {
    /// The longest list.
    pub const MAX: usize = MAX_LISTED;

    /// These alone, [`MAX`](Self::MAX) at most, which is checked when the program is
    /// compiled.
    pub fn only<const N: usize>(items: [T; N]) -> Self {
        const { assert!(N <= MAX_LISTED) };
        let mut list = [None; MAX_LISTED];
        for (to, from) in list.iter_mut().zip(items) {
            *to = Some(from);
        }
        Self {
            is_every: false,
            items: list,
        }
    }

    /// Every one, listed or not.
    pub const fn every() -> Self {
        Self {
            is_every: true,
            items: [None; MAX_LISTED],
        }
    }

    fn has(&self, item: T) -> bool {
        self.is_every || self.items.contains(&Some(item))
    }

    fn encode(&self, out: &mut dyn Sink, write: fn(&T, &mut dyn Sink)) {
        let items = self.items.iter().flatten();
        let count = match self.is_every {
            true => EVERY,
            false => u8::try_from(items.clone().count()).unwrap_or(0),
        };
        out.write(&[count]);
        for item in items {
            write(item, out);
        }
    }

    fn decode(fields: &mut Fields<'_>, read: fn(&mut Fields<'_>) -> Option<T>) -> Option<Self> {
        let mut list = Self::every();
        let count = fields.u8()?;
        if count == EVERY {
            return Some(list);
        }
        list.is_every = false;
        for item in list.items.get_mut(..usize::from(count))? {
            *item = Some(read(fields)?);
        }
        Some(list)
    }
}

/// An account or a contract, in its chain's own bytes: [`MAX_LEN`](Self::MAX_LEN) at most.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Target {
    len: u8,
    bytes: [u8; Self::MAX_LEN],
}

impl Target {
    /// The longest in bytes.
    pub const MAX_LEN: usize = 20;

    /// `None` for no bytes, which stand for the creation of a contract, and for too many.
    pub fn from_slice(target: &[u8]) -> Option<Self> {
        let mut bytes = [0; Self::MAX_LEN];
        bytes.get_mut(..target.len())?.copy_from_slice(target);
        let len = u8::try_from(target.len()).ok().filter(|len| *len > 0)?;
        Some(Self { len, bytes })
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }

    fn write(&self, out: &mut dyn Sink) {
        out.write(&[self.len]);
        out.write(self.as_bytes());
    }

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let len = fields.u8()?;
        Self::from_slice(fields.bytes(len.into())?)
    }
}

impl From<Address> for Target {
    fn from(address: Address) -> Self {
        Self {
            len: 20,
            bytes: address.0,
        }
    }
}

const _: () = assert!(Target::MAX_LEN == 20 && Address::LEN == 20);

/// The most that transactions may move and cost, each in the chain's smallest unit.
///
/// A transaction counts with the most that it can cost, whatever it costs in the end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Limits {
    /// Value.
    pub value: U256,
    /// Fees.
    pub fee: U256,
}

impl Limits {
    fn encode(&self, out: &mut dyn Sink) {
        for number in [self.value, self.fee] {
            let bytes = number.to_be_bytes();
            let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
            let digits = bytes.get(zeros..).unwrap_or_default();
            out.write(&[u8::try_from(digits.len()).unwrap_or(0)]);
            out.write(digits);
        }
    }

    fn decode(fields: &mut Fields<'_>) -> Option<Self> {
        let mut number = || {
            let len = fields.u8()?;
            U256::from_be_slice(fields.bytes(len.into())?)
        };
        Some(Self {
            value: number()?,
            fee: number()?,
        })
    }
}

/// Which transactions a slot signs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TxPolicy {
    /// The chains, by their numbers. A transaction that is valid on any chain, or on one
    /// that has a name instead, is refused unless every chain is allowed.
    pub chains: Allowed<u64>,
    /// What transactions may go to.
    pub targets: Allowed<Target>,
    /// Whether transactions may create contracts.
    pub creates_contracts: bool,
    /// Whether a transaction may go to the key's own account without moving anything, though
    /// that is not listed: this is how a nonce is used up that is set aside for nothing.
    /// The account is the one of Ethereum-like chains.
    pub cancels: bool,
    /// Of one transaction.
    pub each: Limits,
    /// Of all transactions of a day, in UTC as the store's accepted time has it.
    ///
    /// The sum is written down before a signature is made: after a power cut it may be too
    /// high and is never too low.
    pub daily: Option<Limits>,
}

impl TxPolicy {
    fn check(&self, scope: &TxScope<'_>, coordinates: &[u8; 64]) -> Result<(), Refusal> {
        let is_here = match scope.chain {
            ChainRef::Id(id) => self.chains.has(id),
            _ => self.chains.is_every,
        };
        if !is_here {
            return Err(Refusal::Chain);
        }
        if scope.target.is_empty() {
            if !self.creates_contracts {
                return Err(Refusal::Creation);
            }
        } else if !self.reaches(scope.target) && !self.is_cancellation(scope, coordinates) {
            return Err(Refusal::Target);
        }
        // What is over the limit of a day by itself can be signed on no day.
        let limits = [Some(self.each), self.daily];
        for limit in limits.iter().flatten() {
            if scope.value > limit.value {
                return Err(Refusal::Value);
            }
            if scope.max_fee > limit.fee {
                return Err(Refusal::Fee);
            }
        }
        Ok(())
    }

    fn reaches(&self, target: &[u8]) -> bool {
        self.targets.is_every
            || Target::from_slice(target).is_some_and(|target| self.targets.has(target))
    }

    fn is_cancellation(&self, scope: &TxScope<'_>, coordinates: &[u8; 64]) -> bool {
        self.cancels && scope.value.is_zero() && {
            let own = Address::from_word(keccak256(coordinates).as_bytes());
            scope.target == own.as_bytes()
        }
    }

    fn encode(&self, out: &mut dyn Sink) {
        let flags = flag(CREATES, self.creates_contracts)
            | flag(CANCELS, self.cancels)
            | flag(DAILY, self.daily.is_some());
        out.write(&[flags]);
        self.chains
            .encode(out, |id, out| out.write(&id.to_le_bytes()));
        self.targets.encode(out, Target::write);
        self.each.encode(out);
        if let Some(daily) = &self.daily {
            daily.encode(out);
        }
    }

    fn decode(fields: &mut Fields<'_>) -> Option<Self> {
        let flags = fields.u8()?;
        Some(Self {
            chains: Allowed::decode(fields, |fields| fields.u64())?,
            targets: Allowed::decode(fields, Target::read)?,
            creates_contracts: flags & CREATES != 0,
            cancels: flags & CANCELS != 0,
            each: Limits::decode(fields)?,
            daily: match flags & DAILY {
                0 => None,
                _ => Some(Limits::decode(fields)?),
            },
        })
    }
}

/// What a slot signs, and how. It is given when the slot is made and stays.
///
/// Begin with the constructor of the slot's main purpose, and add to it by name:
/// `Policy { is_hedged: true, ..Policy::records() }`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Policy {
    /// Which transactions, if any.
    pub transactions: Option<TxPolicy>,
    /// Whether it signs records.
    pub records: bool,
    /// Whether it signs for sessions.
    pub sessions: bool,
    /// Whether it signs digests without knowing what they stand for. Then nothing above
    /// limits anything: whoever brings the digest owns the key.
    pub dangerous_raw_digests: bool,
    /// Whether signatures leave the slot without having been verified. One that was made
    /// while a fault was forced on the chip can give the key away.
    pub dangerous_unverified: bool,
    /// Whether fresh randomness goes into each signature, beside what RFC 6979 makes of key
    /// and message: a repeated fault finds other numbers each time.
    pub is_hedged: bool,
}

impl Policy {
    /// The longest encoding in bytes.
    pub(crate) const MAX_ENCODED_LEN: usize =
        2 + (1 + 8 * MAX_LISTED) + (1 + (1 + Target::MAX_LEN) * MAX_LISTED) + 4 * (1 + U256::LEN);

    const NOTHING: Self = Self {
        transactions: None,
        records: false,
        sessions: false,
        dangerous_raw_digests: false,
        dangerous_unverified: false,
        is_hedged: false,
    };

    /// Records and nothing else; verified, deterministic.
    pub const fn records() -> Self {
        Self {
            records: true,
            ..Self::NOTHING
        }
    }

    /// Sessions and nothing else; verified, deterministic.
    pub const fn sessions() -> Self {
        Self {
            sessions: true,
            ..Self::NOTHING
        }
    }

    /// Such transactions and nothing else; verified, deterministic.
    pub const fn transactions(transactions: TxPolicy) -> Self {
        Self {
            transactions: Some(transactions),
            ..Self::NOTHING
        }
    }

    /// Raw digests and nothing else; verified, deterministic.
    pub const fn dangerous_raw_digests() -> Self {
        Self {
            dangerous_raw_digests: true,
            ..Self::NOTHING
        }
    }

    /// Whether the slot may sign; what it spends then, where a day has a limit.
    pub(crate) fn check(
        &self,
        request: &Request<'_>,
        coordinates: &[u8; 64],
    ) -> Result<Option<Spending>, Refusal> {
        match (request, &self.transactions) {
            (Request::RawDigest, _) => match self.dangerous_raw_digests {
                true => Ok(None),
                false => Err(Refusal::RawDigest),
            },
            (Request::Message(Purpose::Transaction(scope)), Some(policy)) => {
                policy.check(scope, coordinates)?;
                Ok(policy.daily.map(|limits| Spending {
                    limits,
                    sum: Limits {
                        value: scope.value,
                        fee: scope.max_fee,
                    },
                }))
            }
            (Request::Message(Purpose::Record), _) if self.records => Ok(None),
            (Request::Message(Purpose::Session), _) if self.sessions => Ok(None),
            _ => Err(Refusal::Purpose),
        }
    }

    pub(crate) fn has_daily_limit(&self) -> bool {
        self.transactions
            .is_some_and(|policy| policy.daily.is_some())
    }

    /// The bytes must be all of the policy.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields::new(bytes);
        let flags = fields.u8()?;
        let policy = Self {
            transactions: match flags & TRANSACTIONS {
                0 => None,
                _ => Some(TxPolicy::decode(&mut fields)?),
            },
            records: flags & RECORDS != 0,
            sessions: flags & SESSIONS != 0,
            dangerous_raw_digests: flags & RAW_DIGESTS != 0,
            dangerous_unverified: flags & UNVERIFIED != 0,
            is_hedged: flags & HEDGED != 0,
        };
        fields.rest().is_empty().then_some(policy)
    }
}

impl Encode for Policy {
    fn encode(&self, out: &mut dyn Sink) {
        let flags = flag(TRANSACTIONS, self.transactions.is_some())
            | flag(RECORDS, self.records)
            | flag(SESSIONS, self.sessions)
            | flag(RAW_DIGESTS, self.dangerous_raw_digests)
            | flag(UNVERIFIED, self.dangerous_unverified)
            | flag(HEDGED, self.is_hedged);
        out.write(&[flags]);
        if let Some(transactions) = &self.transactions {
            transactions.encode(out);
        }
    }
}

fn flag(bit: u8, is_set: bool) -> u8 {
    if is_set { bit } else { 0 }
}

/// What a slot is asked to sign.
pub(crate) enum Request<'a> {
    Message(Purpose<'a>),
    RawDigest,
}

/// What is to be written down before a signature is made.
#[derive(Clone, Copy)]
pub(crate) struct Spending {
    pub(crate) limits: Limits,
    pub(crate) sum: Limits,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn widest() -> Policy {
        let target = |byte| Target::from(Address([byte; 20]));
        let most = Limits {
            value: U256::MAX,
            fee: U256::MAX,
        };
        Policy {
            transactions: Some(TxPolicy {
                chains: Allowed::only([1, 2, u64::MAX, 0]),
                targets: Allowed::only([target(1), target(2), target(3), target(4)]),
                creates_contracts: true,
                cancels: true,
                each: most,
                daily: Some(most),
            }),
            records: true,
            sessions: true,
            dangerous_raw_digests: true,
            dangerous_unverified: true,
            is_hedged: true,
        }
    }

    fn encoded(policy: &Policy) -> ([u8; Policy::MAX_ENCODED_LEN], usize) {
        let mut bytes = [0; Policy::MAX_ENCODED_LEN];
        let len = policy.encode_into(&mut bytes).unwrap();
        (bytes, len)
    }

    #[test]
    fn every_policy_reads_back() {
        let every = TxPolicy {
            chains: Allowed::every(),
            targets: Allowed::only([Target::from_slice(b"x").unwrap()]),
            creates_contracts: false,
            cancels: false,
            each: Limits {
                value: U256::ZERO,
                fee: U256::from(256_u64),
            },
            daily: None,
        };
        let policies = [
            widest(),
            Policy::records(),
            Policy::sessions(),
            Policy::dangerous_raw_digests(),
            Policy::transactions(every),
        ];
        for policy in policies {
            let (bytes, len) = encoded(&policy);
            assert_eq!(Policy::decode(&bytes[..len]), Some(policy));
        }
    }

    #[test]
    fn widest_policy_fills_the_longest_encoding() {
        assert_eq!(encoded(&widest()).1, Policy::MAX_ENCODED_LEN);
    }

    #[test]
    fn rejects_every_shorter_and_longer_encoding() {
        let (bytes, len) = encoded(&widest());
        for short in 0..len {
            assert_eq!(Policy::decode(&bytes[..short]), None, "{short} bytes");
        }
        let mut long = [0; Policy::MAX_ENCODED_LEN + 1];
        long[..len].copy_from_slice(&bytes);
        assert_eq!(Policy::decode(&long), None);
    }

    #[test]
    fn rejects_lists_and_numbers_that_are_too_long() {
        assert_eq!(Policy::decode(&[TRANSACTIONS, 0, 5]), None);
        let wide = [[TRANSACTIONS, 0, 0, 0, 33].as_slice(), &[1; 34]].concat();
        assert_eq!(Policy::decode(&wide), None);
        let target = [[TRANSACTIONS, 0, 0, 1, 21].as_slice(), &[1; 30]].concat();
        assert_eq!(Policy::decode(&target), None);
    }

    #[test]
    fn target_has_at_least_one_byte_and_at_most_twenty() {
        assert_eq!(Target::from_slice(&[]), None);
        assert_eq!(Target::from_slice(&[1; 21]), None);
        assert_eq!(Target::from_slice(&[1; 20]).unwrap().as_bytes(), [1; 20]);
    }

    #[test]
    fn equal_start_is_not_the_same_target() {
        let list = Allowed::only([Target::from_slice(&[1, 0]).unwrap()]);
        assert!(list.has(Target::from_slice(&[1, 0]).unwrap()));
        assert!(!list.has(Target::from_slice(&[1]).unwrap()));
        assert!(!list.has(Target::from_slice(&[1, 0, 0]).unwrap()));
    }
}
