//! A secure element on I2C, with all that goes wrong with one.

use core::fmt;
use core::future::poll_fn;
use core::task::Poll;
use std::collections::BTreeMap;

use embedded_hal_async::i2c::{
    Error, ErrorKind, ErrorType, I2c, NoAcknowledgeSource, Operation, SevenBitAddress,
};
use k256::ecdsa::signature::hazmat::PrehashSigner;

use crate::SeededRng;

/// A secure element on I2C, at [`ADDRESS`](Self::ADDRESS): it has keys that never leave it
/// and signs with them.
///
/// A write of two or more bytes is a command. A shorter one does nothing but see whether
/// the part is there.
///
/// | command | answer | |
/// | --- | --- | --- |
/// | [`READ_KEY`](Self::READ_KEY), handle | 33 | public key as of SEC 1, compressed |
/// | [`SIGN`](Self::SIGN), handle, digest 32 | 64 | `r \|\| s`, big endian |
///
/// A read gives the status and, where that is [`DONE`](Self::DONE), the answer. It gives
/// the same until the next command. While the part works, it takes no command: it
/// acknowledges its address and not the first byte.
///
/// Its `s` is high half of the time, and it gives no recovery id: that is what ECDSA asks
/// of a signer, and what such parts do. The seed decides which.
#[derive(Debug)]
pub struct SimElement {
    keys: BTreeMap<u8, HeldKey>,
    rng: SeededRng,
    polls: usize,
    silence: usize,
    wrong: Option<Wrong>,
    state: State,
    signatures: usize,
    high: usize,
}

#[derive(Debug)]
enum HeldKey {
    Secp256k1(k256::ecdsa::SigningKey),
    P256(p256::ecdsa::SigningKey),
}

/// How a signature is wrong.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Wrong {
    /// It is of the digest with one bit turned.
    OtherDigest,
    /// It has one bit turned, anywhere.
    FlippedBit,
    /// All its bytes are 0.
    Zeros,
    /// All its bytes are 255.
    Ones,
}

impl Wrong {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::OtherDigest, Self::FlippedBit, Self::Zeros, Self::Ones];
}

#[derive(Debug)]
enum State {
    Idle,
    /// Reads until then that find it working.
    Working(usize, Vec<u8>),
    Done(Vec<u8>),
    Refused,
}

impl SimElement {
    /// Where it is on the bus.
    pub const ADDRESS: u8 = 0x35;

    /// The command for a public key.
    pub const READ_KEY: u8 = 0x01;
    /// The command for a signature.
    pub const SIGN: u8 = 0x02;

    /// The status with an answer behind it.
    pub const DONE: u8 = 0x00;
    /// The status of a part that has no answer yet.
    pub const WORKING: u8 = 0x01;
    /// The status after a command that it does not know, or a handle.
    pub const REFUSED: u8 = 0x02;
    /// The status before any command.
    pub const IDLE: u8 = 0x03;

    /// A part without keys that answers at the first poll.
    pub fn new(seed: u64) -> Self {
        Self {
            keys: BTreeMap::new(),
            rng: SeededRng::new(seed),
            polls: 0,
            silence: 0,
            wrong: None,
            state: State::Idle,
            signatures: 0,
            high: 0,
        }
    }

    /// Puts a key on secp256k1 under a handle.
    ///
    /// Panics where the scalar is out of range.
    pub fn put_secp256k1(&mut self, handle: u8, scalar: &[u8; 32]) {
        let key = k256::ecdsa::SigningKey::from_slice(scalar).expect("in range");
        self.keys.insert(handle, HeldKey::Secp256k1(key));
    }

    /// Puts a key on P-256 under a handle.
    ///
    /// Panics where the scalar is out of range.
    pub fn put_p256(&mut self, handle: u8, scalar: &[u8; 32]) {
        let key = p256::ecdsa::SigningKey::from_slice(scalar).expect("in range");
        self.keys.insert(handle, HeldKey::P256(key));
    }

    /// From the next command on, so many polls find it working.
    pub fn set_polls(&mut self, polls: usize) {
        self.polls = polls;
    }

    /// One transfer in so many finds nobody at the address, at times that the seed decides:
    /// 1 for every one, 0 for none. The part does not notice such a transfer.
    pub fn set_silence(&mut self, one_in: usize) {
        self.silence = one_in;
    }

    /// Signatures are wrong from now on, or right again.
    pub fn set_wrong(&mut self, wrong: Option<Wrong>) {
        self.wrong = wrong;
    }

    /// Signatures that were made, the wrong ones counted.
    pub fn signatures(&self) -> usize {
        self.signatures
    }

    /// Those of them with a high `s`.
    pub fn high_signatures(&self) -> usize {
        self.high
    }

    fn command(&mut self, command: &[u8]) -> Result<(), ElementNack> {
        // Time goes on with every transfer.
        if self.poll() {
            return Err(ElementNack::Busy);
        }
        let answer = match *command {
            [Self::READ_KEY, handle] => self.keys.get(&handle).map(HeldKey::public_key),
            [Self::SIGN, handle, ref digest @ ..] => {
                let digest = <[u8; 32]>::try_from(digest).ok();
                digest.and_then(|digest| self.sign(handle, digest))
            }
            [] | [_] => return Ok(()),
            _ => None,
        };
        self.state = answer.map_or(State::Refused, |answer| State::Working(self.polls, answer));
        Ok(())
    }

    /// Whether it works still.
    fn poll(&mut self) -> bool {
        match core::mem::replace(&mut self.state, State::Idle) {
            State::Working(0, answer) => self.state = State::Done(answer),
            State::Working(left, answer) => self.state = State::Working(left - 1, answer),
            other => self.state = other,
        }
        matches!(self.state, State::Working(..))
    }

    fn answer(&mut self) -> Vec<u8> {
        self.poll();
        match &self.state {
            State::Idle => vec![Self::IDLE],
            State::Working(..) => vec![Self::WORKING],
            State::Done(answer) => [&[Self::DONE], answer.as_slice()].concat(),
            State::Refused => vec![Self::REFUSED],
        }
    }

    fn sign(&mut self, handle: u8, mut digest: [u8; 32]) -> Option<Vec<u8>> {
        let key = self.keys.get(&handle)?;
        let bit = self.rng.below(256);
        if self.wrong == Some(Wrong::OtherDigest) {
            digest[bit / 8] ^= 1 << (bit % 8);
        }
        let is_high = self.rng.below(2) == 1;
        self.signatures += 1;
        self.high += usize::from(is_high);
        let mut signature = key.sign(&digest, is_high);
        match self.wrong {
            Some(Wrong::FlippedBit) => {
                let bit = self.rng.below(signature.len() * 8);
                signature[bit / 8] ^= 1 << (bit % 8);
            }
            Some(Wrong::Zeros) => signature.fill(0),
            Some(Wrong::Ones) => signature.fill(u8::MAX),
            Some(Wrong::OtherDigest) | None => {}
        }
        Some(signature)
    }

    fn is_silent(&mut self) -> bool {
        self.silence > 0 && self.rng.below(self.silence) == 0
    }
}

impl HeldKey {
    fn public_key(&self) -> Vec<u8> {
        match self {
            Self::Secp256k1(key) => key.verifying_key().to_sec1_point(true).as_bytes().to_vec(),
            Self::P256(key) => key.verifying_key().to_sec1_point(true).as_bytes().to_vec(),
        }
    }

    fn sign(&self, digest: &[u8; 32], is_high: bool) -> Vec<u8> {
        macro_rules! sign {
            ($krate:ident, $key:ident) => {{
                let signature: $krate::ecdsa::Signature = $key
                    .sign_prehash(digest)
                    .expect("a digest as long as the order");
                let (r, s) = signature.normalize_s().split_scalars();
                let s = if is_high { -s } else { s };
                let signature = $krate::ecdsa::Signature::from_scalars(r, s);
                signature.expect("neither is zero").to_bytes().to_vec()
            }};
        }
        match self {
            Self::Secp256k1(key) => sign!(k256, key),
            Self::P256(key) => sign!(p256, key),
        }
    }
}

/// What was not acknowledged.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ElementNack {
    /// The address: nobody is there.
    Absent,
    /// A command: the part works on another.
    Busy,
}

impl fmt::Display for ElementNack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Absent => "nobody at the address",
            Self::Busy => "command not acknowledged",
        })
    }
}

impl core::error::Error for ElementNack {}

impl Error for ElementNack {
    fn kind(&self) -> ErrorKind {
        ErrorKind::NoAcknowledge(match self {
            Self::Absent => NoAcknowledgeSource::Address,
            Self::Busy => NoAcknowledgeSource::Data,
        })
    }
}

impl ErrorType for SimElement {
    type Error = ElementNack;
}

impl I2c for SimElement {
    /// Waits once before anything happens, so that a test can drop it there.
    async fn transaction(
        &mut self,
        address: SevenBitAddress,
        operations: &mut [Operation<'_>],
    ) -> Result<(), ElementNack> {
        wait_once().await;
        if address != Self::ADDRESS || self.is_silent() {
            return Err(ElementNack::Absent);
        }
        // Operations of one direction in a row are one transfer.
        let mut command = Vec::new();
        let mut answer: Option<std::vec::IntoIter<u8>> = None;
        for operation in operations {
            match operation {
                Operation::Write(bytes) => {
                    answer = None;
                    command.extend_from_slice(bytes);
                }
                Operation::Read(out) => {
                    if !command.is_empty() {
                        self.command(&core::mem::take(&mut command))?;
                    }
                    let answer = answer.get_or_insert_with(|| self.answer().into_iter());
                    // Nobody pulls the line down behind the answer.
                    out.fill_with(|| answer.next().unwrap_or(u8::MAX));
                }
            }
        }
        if command.is_empty() {
            return Ok(());
        }
        self.command(&command)
    }
}

async fn wait_once() {
    let mut has_waited = false;
    poll_fn(|context| {
        if core::mem::replace(&mut has_waited, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[cfg(test)]
mod tests {
    use embassy_futures::block_on;

    use super::*;

    const SCALAR: [u8; 32] = [0x51; 32];
    const DIGEST: [u8; 32] = [0xd1; 32];

    fn element() -> SimElement {
        let mut element = SimElement::new(1);
        element.put_secp256k1(1, &SCALAR);
        element.put_p256(2, &SCALAR);
        element
    }

    fn sign(handle: u8) -> Vec<u8> {
        [&[SimElement::SIGN, handle], DIGEST.as_slice()].concat()
    }

    fn write(element: &mut SimElement, bytes: &[u8]) -> Result<(), ElementNack> {
        block_on(element.write(SimElement::ADDRESS, bytes))
    }

    fn read<const N: usize>(element: &mut SimElement) -> [u8; N] {
        let mut out = [0; N];
        block_on(element.read(SimElement::ADDRESS, &mut out)).expect("it is there");
        out
    }

    #[test]
    fn answers_the_same_until_the_next_command() {
        let mut element = element();
        assert_eq!(read(&mut element), [SimElement::IDLE]);
        write(&mut element, &sign(1)).expect("not busy");
        let first: [u8; 65] = read(&mut element);
        assert_eq!(first[0], SimElement::DONE);
        assert_eq!(read(&mut element), first);
        write(&mut element, &[SimElement::READ_KEY, 1]).expect("not busy");
        let key: [u8; 34] = read(&mut element);
        assert!(matches!(key[1], 2 | 3));
        assert_ne!(key[1..], first[1..34]);
    }

    #[test]
    fn command_and_answer_in_one_transaction() {
        let mut element = element();
        let mut whole = [0; 34];
        let command = [SimElement::READ_KEY, 2];
        block_on(element.write_read(SimElement::ADDRESS, &command, &mut whole)).expect("there");
        let mut parts = [[0; 17]; 2];
        let [first, second] = &mut parts;
        let mut operations = [
            Operation::Write(&command[..1]),
            Operation::Write(&command[1..]),
            Operation::Read(first),
            Operation::Read(second),
        ];
        block_on(element.transaction(SimElement::ADDRESS, &mut operations)).expect("there");
        assert_eq!(parts.concat(), whole);
    }

    #[test]
    fn as_many_polls_find_it_working_and_no_command_is_taken() {
        let mut element = element();
        element.set_polls(4);
        write(&mut element, &sign(2)).expect("not busy");
        for _ in 0..2 {
            assert_eq!(read(&mut element), [SimElement::WORKING]);
            let refused = write(&mut element, &[SimElement::READ_KEY, 1]);
            assert_eq!(refused, Err(ElementNack::Busy));
        }
        assert_eq!(read(&mut element), [SimElement::DONE]);
        assert_eq!(element.signatures(), 1);
    }

    #[test]
    fn refuses_handles_and_commands_that_it_does_not_know() {
        let short = &sign(1)[..33];
        let long = [sign(1), vec![0]].concat();
        for command in [
            &sign(3),
            &[SimElement::READ_KEY, 0][..],
            &[9, 1],
            short,
            &long,
        ] {
            let mut element = element();
            write(&mut element, command).expect("not busy");
            assert_eq!(read(&mut element), [SimElement::REFUSED, u8::MAX]);
            assert_eq!(element.signatures(), 0);
        }
    }

    #[test]
    fn nobody_is_at_another_address() {
        let mut element = element();
        let answer = block_on(element.read(SimElement::ADDRESS ^ 1, &mut [0; 1]));
        assert_eq!(answer, Err(ElementNack::Absent));
    }

    #[test]
    fn silent_transfer_is_not_noticed() {
        let mut element = element();
        element.set_silence(1);
        assert_eq!(write(&mut element, &sign(1)), Err(ElementNack::Absent));
        element.set_silence(0);
        assert_eq!(read(&mut element), [SimElement::IDLE]);
        element.set_silence(3);
        let found = (0..300).filter(|_| write(&mut element, &[]).is_ok());
        assert!((150..250).contains(&found.count()));
    }

    #[test]
    fn half_of_the_signatures_are_high() {
        for handle in [1, 2] {
            let mut element = element();
            let mut seen: Vec<[u8; 65]> = Vec::new();
            for _ in 0..100 {
                write(&mut element, &sign(handle)).expect("not busy");
                seen.push(read(&mut element));
            }
            assert!((30..70).contains(&element.high_signatures()));
            seen.sort_unstable();
            seen.dedup();
            assert_eq!(seen.len(), 2);
            assert_eq!(seen[0][..33], seen[1][..33]);
        }
    }
}
