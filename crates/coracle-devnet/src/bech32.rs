//! Addresses in bech32.
//!
//! Reference: [BIP-173](https://github.com/bitcoin/bips/blob/master/bip-0173.mediawiki).

use revm::primitives::Address;

const ALPHABET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const CHECKSUM_LEN: usize = 6;

/// `address` with the human-readable part `hrp`, in lower case.
pub(crate) fn encode(hrp: &str, address: Address) -> String {
    let values = regroup(address.as_slice(), 8, 5);
    let checksum = checksum(hrp, &values);
    let letters = values.iter().chain(&checksum);
    let data: String = letters
        .map(|value| char::from(ALPHABET[usize::from(*value)]))
        .collect();
    format!("{hrp}1{data}")
}

/// The address in `text`; `None` if anything about it is wrong.
pub(crate) fn decode(hrp: &str, text: &str) -> Option<Address> {
    let lower = text.to_ascii_lowercase();
    if text != lower && text != text.to_ascii_uppercase() {
        return None;
    }
    let data = lower.strip_prefix(hrp)?.strip_prefix('1')?;
    let values: Vec<u8> = data.bytes().map(value_of).collect::<Option<_>>()?;
    let (values, found) = values.split_at_checked(values.len().checked_sub(CHECKSUM_LEN)?)?;
    if found != checksum(hrp, values) {
        return None;
    }
    let bytes = regroup(values, 5, 8);
    let (address, padding) = bytes.split_first_chunk::<20>()?;
    // 20 bytes are 32 groups of five bits exactly: there is no padding.
    padding.is_empty().then(|| Address::from(*address))
}

fn value_of(letter: u8) -> Option<u8> {
    let index = ALPHABET.iter().position(|known| *known == letter)?;
    u8::try_from(index).ok()
}

/// Bits of `from`-bit groups as `to`-bit groups; zero bits fill the last one.
fn regroup(groups: &[u8], from: u32, to: u32) -> Vec<u8> {
    let mut out = Vec::new();
    let (mut held, mut bits) = (0_u32, 0);
    for group in groups {
        held = ((held << from) | u32::from(*group)) & 0xffff;
        bits += from;
        while bits >= to {
            bits -= to;
            out.push(low_bits(held >> bits, to));
        }
    }
    if bits > 0 {
        out.push(low_bits(held << (to - bits), to));
    }
    out
}

/// The lowest `bits` of `value`, 8 at most.
fn low_bits(value: u32, bits: u32) -> u8 {
    value.to_le_bytes()[0] & (0xff >> (8 - bits))
}

fn checksum(hrp: &str, values: &[u8]) -> [u8; CHECKSUM_LEN] {
    let high = hrp.bytes().map(|letter| letter >> 5);
    let low = hrp.bytes().map(|letter| letter & 31);
    let zeros = [0; CHECKSUM_LEN];
    let all = high
        .chain([0])
        .chain(low)
        .chain(values.iter().copied())
        .chain(zeros);
    let rest = polymod(all) ^ 1;
    core::array::from_fn(|index| low_bits(rest >> (5 * (CHECKSUM_LEN - 1 - index)), 5))
}

fn polymod(values: impl Iterator<Item = u8>) -> u32 {
    const GENERATOR: [u32; 5] = [
        0x3b6a_57b2,
        0x2650_8e6d,
        0x1ea1_19fa,
        0x3d42_33dd,
        0x2a14_62b3,
    ];
    values.fold(1, |sum, value| {
        let top = sum >> 25;
        let next = ((sum & 0x01ff_ffff) << 5) ^ u32::from(value);
        let taps = GENERATOR.iter().enumerate();
        taps.filter(|(bit, _)| (top >> bit) & 1 == 1)
            .fold(next, |sum, (_, tap)| sum ^ tap)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// BIP-173, "Test vectors": 20 bytes of a witness program carry a version
    /// before them and so are no address here; the checksum cases are taken.
    #[test]
    fn checksums_are_those_of_bip_173() {
        let valid = [
            "a12uel5l",
            "an83characterlonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio1tt5tgs",
            "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw",
            "split1checkupstagehandshakeupstreamerranterredcaperred2y9e3w",
        ];
        for text in valid {
            let (hrp, data) = text.rsplit_once('1').unwrap();
            let values: Vec<u8> = data
                .bytes()
                .map(|letter| value_of(letter).unwrap())
                .collect();
            let (values, found) = values.split_at(values.len() - CHECKSUM_LEN);
            assert_eq!(found, checksum(hrp, values), "{text}");
        }
    }

    #[test]
    fn an_address_survives_the_round_trip_and_no_flipped_letter_does() {
        let address = Address::from(*b"twenty bytes exactly");
        let text = encode("lat", address);
        assert_eq!(decode("lat", &text), Some(address));
        assert_eq!(decode("lat", &text.to_uppercase()), Some(address));
        assert_eq!(decode("lax", &text), None);
        for at in 0..text.len() {
            for letter in [b'q', b'p', b'1', b'b', 0x7f] {
                let mut flipped = text.clone().into_bytes();
                if flipped[at] == letter {
                    continue;
                }
                flipped[at] = letter;
                assert_eq!(decode("lat", &String::from_utf8(flipped).unwrap()), None);
            }
        }
    }
}
