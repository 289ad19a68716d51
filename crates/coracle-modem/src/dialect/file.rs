//! Names of files that the driver writes into the modem.

/// A name made of a file's contents, so that what is there already is known by its name.
///
/// `coracle-` and 16 hexadecimal digits: FNV-1a of the contents, which tells files of one
/// firmware apart and proves nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FileName([u8; Self::LEN]);

impl FileName {
    /// Length of the name.
    pub const LEN: usize = 28;

    /// The name for some contents.
    pub fn of(contents: &[u8]) -> Self {
        let hash = contents.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let mut name = *b"coracle-0000000000000000.pem";
        for (place, digit) in name.iter_mut().skip(8).take(16).enumerate() {
            let shift = u32::try_from(place).unwrap_or(0).wrapping_mul(4);
            let nibble = hash.wrapping_shr(60u32.wrapping_sub(shift)) & 0xf;
            *digit = match nibble {
                0..=9 => b'0',
                _ => b'a'.wrapping_sub(10),
            }
            .wrapping_add(nibble.to_le_bytes()[0]);
        }
        Self(name)
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// How a line that lists a file begins: `start`, its name, a quote. `line` has room for it.
#[cfg(feature = "tls")]
pub(super) fn listed<'l>(start: &[u8], name: &str, line: &'l mut [u8]) -> &'l str {
    let text = start.iter().chain(name.as_bytes()).chain(b"\"");
    for (to, from) in line.iter_mut().zip(text) {
        *to = *from;
    }
    core::str::from_utf8(line).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_is_the_hash_of_the_contents() {
        // Known answers of FNV-1a, 64 bits.
        assert_eq!(FileName::of(b"").as_str(), "coracle-cbf29ce484222325.pem");
        assert_eq!(
            FileName::of(b"foobar").as_str(),
            "coracle-85944171f73967e8.pem"
        );
    }
}
