//! Bech32, as some chains write addresses.
//!
//! ```text
//! hrp  1  data of 5 bits a character  checksum of 6 characters
//! ```
//!
//! Reference: [BIP-173](https://github.com/bitcoin/bips/blob/master/bip-0173.mediawiki).

use core::fmt;

use coracle_core::{Error, ErrorKind, Sink};

/// The longest text in characters.
pub const MAX_LEN: usize = 90;

const CHECKSUM_LEN: usize = 6;
const ALPHABET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/// Why a text is no bech32.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Bech32Error {
    /// Shorter than the shortest or longer than [`MAX_LEN`].
    BadLength,
    /// No `1` between a human-readable part and the data.
    NoSeparator,
    /// A character that cannot stand at `at`.
    BadCharacter {
        /// Offset in bytes.
        at: usize,
    },
    /// Upper and lower case letters together.
    MixedCase,
    /// The checksum is wrong: a typing error.
    BadChecksum,
    /// The data is no whole number of bytes, or its padding is not zero.
    BadPadding,
    /// The data does not fit the caller's buffer.
    BufferTooSmall {
        /// Bytes that it takes.
        needed: usize,
    },
}

impl fmt::Display for Bech32Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadLength => f.write_str("bad length of bech32 text"),
            Self::NoSeparator => f.write_str("no separator in bech32 text"),
            Self::BadCharacter { at } => write!(f, "bad bech32 character at {at}"),
            Self::MixedCase => f.write_str("bech32 text in mixed case"),
            Self::BadChecksum => f.write_str("bad bech32 checksum"),
            Self::BadPadding => f.write_str("bad padding of bech32 data"),
            Self::BufferTooSmall { needed } => write!(f, "buffer too small, {needed} bytes needed"),
        }
    }
}

impl core::error::Error for Bech32Error {}

impl Error for Bech32Error {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Caller
    }
}

/// A bech32 text whose checksum is right.
#[derive(Clone, Copy, Debug)]
pub struct Bech32<'a> {
    hrp: &'a str,
    /// Characters of the data, without the checksum.
    data: &'a [u8],
}

impl<'a> Bech32<'a> {
    /// Reads a text, all in lower or all in upper case.
    ///
    /// # Errors
    ///
    /// Each variant of [`Bech32Error`] but `BadPadding` and `BufferTooSmall`.
    pub fn decode(text: &'a str) -> Result<Self, Bech32Error> {
        if text.len() > MAX_LEN {
            return Err(Bech32Error::BadLength);
        }
        check_case(text)?;
        let separator = text.bytes().rposition(|c| c == b'1');
        let separator = separator.ok_or(Bech32Error::NoSeparator)?;
        let (hrp, data) = text.split_at_checked(separator).unwrap_or_default();
        let data = data.get(1..).unwrap_or_default();
        if hrp.is_empty() {
            return Err(Bech32Error::NoSeparator);
        }
        let payload_len = data.len().checked_sub(CHECKSUM_LEN);
        let payload_len = payload_len.ok_or(Bech32Error::BadLength)?;
        let mut checksum = Checksum::new(hrp);
        for (i, c) in data.bytes().enumerate() {
            let at = hrp.len().saturating_add(1).saturating_add(i);
            checksum.feed(value(c).ok_or(Bech32Error::BadCharacter { at })?);
        }
        if checksum.0 != 1 {
            return Err(Bech32Error::BadChecksum);
        }
        let data = data.as_bytes().get(..payload_len).unwrap_or_default();
        Ok(Self { hrp, data })
    }

    /// The human-readable part, as written.
    pub const fn hrp(&self) -> &'a str {
        self.hrp
    }

    /// Writes the data as bytes to the start of `out` and returns how many.
    ///
    /// # Errors
    ///
    /// [`Bech32Error::BadPadding`] or [`Bech32Error::BufferTooSmall`].
    pub fn to_bytes(&self, out: &mut [u8]) -> Result<usize, Bech32Error> {
        let needed = self.data.len().saturating_mul(5) / 8;
        if needed > out.len() {
            return Err(Bech32Error::BufferTooSmall { needed });
        }
        let mut slots = out.iter_mut();
        let (mut bits, mut count) = (0_u16, 0_u32);
        for c in self.data {
            // Both stay small: fewer than 8 bits are kept from one character to the next.
            bits = (bits << 5) | u16::from(value(*c).unwrap_or_default());
            count = count.saturating_add(5);
            if let Some(rest) = count.checked_sub(8) {
                let [_, byte] = (bits >> rest).to_be_bytes();
                if let Some(slot) = slots.next() {
                    *slot = byte;
                }
                bits &= (1_u16 << rest).wrapping_sub(1);
                count = rest;
            }
        }
        if count >= 5 || bits != 0 {
            return Err(Bech32Error::BadPadding);
        }
        Ok(needed)
    }
}

fn check_case(text: &str) -> Result<(), Bech32Error> {
    let bad = |c: u8| !(33..=126).contains(&c);
    if let Some(at) = text.bytes().position(bad) {
        return Err(Bech32Error::BadCharacter { at });
    }
    let has_lower = text.bytes().any(|c| c.is_ascii_lowercase());
    let has_upper = text.bytes().any(|c| c.is_ascii_uppercase());
    if has_lower && has_upper {
        return Err(Bech32Error::MixedCase);
    }
    Ok(())
}

/// Writes bytes as bech32 in lower case; `hrp` must be lower case and not empty.
///
/// # Errors
///
/// Those of `out` alone.
pub fn encode(hrp: &str, bytes: &[u8], out: &mut dyn fmt::Write) -> fmt::Result {
    let mut text = Text {
        out,
        outcome: Ok(()),
    };
    write(hrp, bytes, &mut text);
    text.outcome
}

/// Takes text to a formatter; says in the end what came of it.
struct Text<'a> {
    out: &'a mut dyn fmt::Write,
    outcome: fmt::Result,
}

impl Sink for Text<'_> {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.utf8_chunks() {
            self.outcome = self
                .outcome
                .and_then(|()| self.out.write_str(chunk.valid()));
        }
    }
}

/// [`encode`] into a sink.
pub fn write(hrp: &str, bytes: &[u8], out: &mut dyn Sink) {
    out.write(hrp.as_bytes());
    out.write(b"1");
    let mut checksum = Checksum::new(hrp);
    let mut put = |checksum: &mut Checksum, value: u8| {
        checksum.feed(value);
        out.write(&[character(value)]);
    };
    let (mut bits, mut count) = (0_u16, 0_u32);
    for byte in bytes {
        bits = (bits << 8) | u16::from(*byte);
        count = count.saturating_add(8);
        while let Some(rest) = count.checked_sub(5) {
            let [_, value] = (bits >> rest).to_be_bytes();
            put(&mut checksum, value & 31);
            bits &= (1_u16 << rest).wrapping_sub(1);
            count = rest;
        }
    }
    if let Some(missing) = 5_u32.checked_sub(count).filter(|missing| *missing < 5) {
        let [_, value] = (bits << missing).to_be_bytes();
        put(&mut checksum, value & 31);
    }
    for value in checksum.digits() {
        out.write(&[character(value)]);
    }
}

fn value(c: u8) -> Option<u8> {
    let at = ALPHABET.iter().position(|a| *a == c.to_ascii_lowercase());
    at.and_then(|at| u8::try_from(at).ok())
}

fn character(value: u8) -> u8 {
    ALPHABET.get(usize::from(value)).copied().unwrap_or(b'?')
}

/// The BCH code of BIP-173.
struct Checksum(u32);

impl Checksum {
    fn new(hrp: &str) -> Self {
        let mut sum = Self(1);
        let lower = |c: u8| c.to_ascii_lowercase();
        hrp.bytes().for_each(|c| sum.feed(lower(c) >> 5));
        sum.feed(0);
        hrp.bytes().for_each(|c| sum.feed(lower(c) & 31));
        sum
    }

    fn feed(&mut self, value: u8) {
        const GENERATOR: [u32; 5] = [
            0x3b6a_57b2,
            0x2650_8e6d,
            0x1ea1_19fa,
            0x3d42_33dd,
            0x2a14_62b3,
        ];
        let top = self.0 >> 25;
        self.0 = ((self.0 & 0x01ff_ffff) << 5) ^ u32::from(value);
        for (i, generator) in GENERATOR.iter().enumerate() {
            if (top >> i) & 1 == 1 {
                self.0 ^= generator;
            }
        }
    }

    /// The six values that make the checksum of the whole text 1.
    fn digits(mut self) -> [u8; CHECKSUM_LEN] {
        (0..CHECKSUM_LEN).for_each(|_| self.feed(0));
        let sum = self.0 ^ 1;
        [25, 20, 15, 10, 5, 0].map(|shift| (sum >> shift).to_le_bytes()[0] & 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::{String, ToString};

    // BIP-173, test vectors: valid.
    const VALID: [&str; 6] = [
        "A12UEL5L",
        "a12uel5l",
        "an83characterlonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio1tt5tgs",
        "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw",
        "11qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqc8247j",
        "split1checkupstagehandshakeupstreamerranterredcaperred2y9e3w",
    ];

    #[test]
    fn takes_the_published_texts() {
        for text in VALID {
            assert!(Bech32::decode(text).is_ok(), "{text}");
        }
        assert!(Bech32::decode("?1ezyfcl").is_ok());
    }

    #[test]
    fn refuses_the_published_bad_texts() {
        let bad = [
            ("\u{20}1nwldj5", Bech32Error::BadCharacter { at: 0 }),
            ("\u{7f}1axkwrx", Bech32Error::BadCharacter { at: 0 }),
            ("\u{80}1eym55h", Bech32Error::BadCharacter { at: 0 }),
            (
                "an84characterslonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio1569pvx",
                Bech32Error::BadLength,
            ),
            ("pzry9x0s0muk", Bech32Error::NoSeparator),
            ("1pzry9x0s0muk", Bech32Error::NoSeparator),
            ("x1b4n0q5v", Bech32Error::BadCharacter { at: 2 }),
            ("li1dgmt3", Bech32Error::BadLength),
            ("de1lg7wt\u{ff}", Bech32Error::BadCharacter { at: 8 }),
            ("A1G7SGD8", Bech32Error::BadChecksum),
            ("10a06t8", Bech32Error::NoSeparator),
            ("1qzzfhee", Bech32Error::NoSeparator),
            ("a12UEL5L", Bech32Error::MixedCase),
        ];
        for (text, error) in bad {
            assert_eq!(Bech32::decode(text).unwrap_err(), error, "{text}");
        }
    }

    #[test]
    fn every_changed_character_is_noticed() {
        let mut text = String::new();
        encode("lat", &[7; 20], &mut text).unwrap();
        for at in 4..text.len() {
            let old = text.as_bytes()[at];
            let new = if old == b'q' { "p" } else { "q" };
            let mut changed = text.clone();
            changed.replace_range(at..=at, new);
            assert_eq!(
                Bech32::decode(&changed).unwrap_err(),
                Bech32Error::BadChecksum,
                "{at}"
            );
        }
    }

    #[test]
    fn bytes_of_every_length_survive() {
        for len in 0..40_u8 {
            let bytes: std::vec::Vec<u8> = (0..len).map(|i| i.wrapping_mul(37)).collect();
            let mut text = String::new();
            encode("t", &bytes, &mut text).unwrap();
            let mut out = [0; 64];
            let read = Bech32::decode(&text).unwrap().to_bytes(&mut out).unwrap();
            assert_eq!(&out[..read], bytes);
        }
    }

    /// A text with these values of 5 bits as data.
    fn from_values(values: &[u8]) -> String {
        let mut checksum = Checksum::new("t");
        values.iter().for_each(|value| checksum.feed(*value));
        let digits = checksum.digits();
        let data: String = values
            .iter()
            .chain(&digits)
            .map(|value| char::from(character(*value)))
            .collect();
        std::format!("t1{data}")
    }

    #[test]
    fn padding_must_be_short_and_zero() {
        let decode = |values: &[u8]| {
            Bech32::decode(&from_values(values))
                .unwrap()
                .to_bytes(&mut [0; 64])
        };
        assert_eq!(decode(&[31, 28]), Ok(1));
        assert_eq!(decode(&[31, 29]), Err(Bech32Error::BadPadding));
        assert_eq!(decode(&[0]), Err(Bech32Error::BadPadding));
        assert_eq!(decode(&[0; 3]), Err(Bech32Error::BadPadding));
        assert_eq!(decode(&[]), Ok(0));
    }

    #[test]
    fn short_buffer_says_the_need() {
        let mut text = String::new();
        encode("t", &[1; 20], &mut text).unwrap();
        let error = Bech32::decode(&text)
            .unwrap()
            .to_bytes(&mut [0; 19])
            .unwrap_err();
        assert_eq!(error, Bech32Error::BufferTooSmall { needed: 20 });
        assert_eq!(error.to_string(), "buffer too small, 20 bytes needed");
    }
}
