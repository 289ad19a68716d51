//! The DER form of a signature, as X.509, Fabric and most secure elements write it.
//!
//! ```text
//! 30 len  02 len r  02 len s      SEQUENCE of two INTEGERs, shortest form, positive
//! ```
//!
//! Reference: RFC 3279, section 2.2.3; X.690, sections 8.3 and 10.1.

use crate::ecdsa::{Curve, Signature, SignatureError};
use crate::sink::{Encode, Sink};
use crate::uint::significant;

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;

/// A signature on its way to its DER form, at most [`MAX_LEN`](Self::MAX_LEN) bytes.
#[derive(Clone, Copy, Debug)]
pub struct DerSignature<'a, C: Curve>(pub &'a Signature<C>);

impl<C: Curve> DerSignature<'_, C> {
    /// The longest form in bytes: two integers of 33 bytes and three headers.
    pub const MAX_LEN: usize = 72;
}

impl<C: Curve> Encode for DerSignature<'_, C> {
    fn encode(&self, out: &mut dyn Sink) {
        let (r, r_sign) = integer(self.0.r());
        let (s, s_sign) = integer(self.0.s());
        let len = [r, r_sign, s, s_sign]
            .iter()
            .map(|part| part.len())
            .sum::<usize>();
        out.write(&[SEQUENCE, short(len.saturating_add(4))]);
        for (digits, sign) in [(r, r_sign), (s, s_sign)] {
            out.write(&[INTEGER, short(digits.len().saturating_add(sign.len()))]);
            out.write(sign);
            out.write(digits);
        }
    }
}

/// The digits of a positive integer, and the zero byte it needs to stay positive.
fn integer(scalar: &[u8; 32]) -> (&[u8], &'static [u8]) {
    let digits = significant(scalar);
    let negative = digits.first().is_some_and(|byte| byte & 0x80 != 0);
    (digits, if negative { &[0] } else { &[] })
}

/// A length below 128; scalars of 32 bytes give no other.
fn short(len: usize) -> u8 {
    u8::try_from(len).unwrap_or_default()
}

impl<C: Curve> Signature<C> {
    /// Reads the DER form; the recovery id is unknown.
    ///
    /// # Errors
    ///
    /// [`SignatureError`] for anything but the shortest form of two integers in `1..n`,
    /// trailing bytes included.
    pub fn from_der(der: &[u8]) -> Result<Self, SignatureError> {
        let (body, rest) = value(SEQUENCE, der)?;
        let (r, after) = value(INTEGER, body)?;
        let (s, end) = value(INTEGER, after)?;
        if !(rest.is_empty() && end.is_empty()) {
            return Err(SignatureError);
        }
        Self::from_scalars(&scalar(r)?, &scalar(s)?, None)
    }
}

/// The content of the element with this tag and a length below 128, and the rest.
fn value(tag: u8, der: &[u8]) -> Result<(&[u8], &[u8]), SignatureError> {
    let ([found, len], body) = der.split_first_chunk().ok_or(SignatureError)?;
    if *found != tag || *len >= 0x80 {
        return Err(SignatureError);
    }
    body.split_at_checked(usize::from(*len))
        .ok_or(SignatureError)
}

fn scalar(digits: &[u8]) -> Result<[u8; 32], SignatureError> {
    let digits = match digits {
        [0, rest @ ..] if rest.first().is_some_and(|first| *first >= 0x80) => rest,
        [0x01..=0x7f, ..] => digits,
        _ => return Err(SignatureError),
    };
    let mut out = [0; 32];
    let start = out.len().checked_sub(digits.len()).ok_or(SignatureError)?;
    out.get_mut(start..)
        .ok_or(SignatureError)?
        .copy_from_slice(digits);
    Ok(out)
}
