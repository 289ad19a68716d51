//! Signatures of functions, events and errors.

use core::fmt;

use coracle_core::{B256, DigestAlgorithm, Encode, Sink};

use super::{DecodeError, DecodeErrorKind, Type, TypeError, TypeErrorKind, Values, decode};

/// The signature of a function, an event or an error: `transfer(address,uint256)`.
///
/// Encodes as its canonical text.
///
/// # Examples
///
/// ```
/// use coracle_eth::abi::Signature;
///
/// let transfer = Signature::parse("transfer(address,uint)")?;
/// assert_eq!(transfer.to_string(), "transfer(address,uint256)");
/// assert_eq!(transfer.selector(), [0xa9, 0x05, 0x9c, 0xbb]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Signature<'a> {
    name: &'a str,
    params: Type<'a>,
    hash: DigestAlgorithm,
}

impl<'a> Signature<'a> {
    /// Checks signature text: an identifier, then the parameter types in brackets,
    /// without spaces, parameter names or return types.
    ///
    /// # Errors
    ///
    /// [`TypeErrorKind::BadName`], [`TypeErrorKind::BadCharacter`] where no bracket
    /// follows the name, and all those of [`Type::parse`].
    pub fn parse(text: &'a str) -> Result<Self, TypeError> {
        let at = text.find('(').unwrap_or(text.len());
        let (name, params) = text.split_at_checked(at).unwrap_or((text, ""));
        if let Some(at) = bad_name(name) {
            return Err(error(TypeErrorKind::BadName, at));
        }
        if params.is_empty() {
            return Err(error(TypeErrorKind::BadCharacter, at));
        }
        let shift = |e: TypeError| error(e.what, e.at.saturating_add(at));
        let params = Type::parse(params).map_err(shift)?;
        if let Some(end) = params.array_suffix() {
            return Err(error(TypeErrorKind::BadCharacter, at.saturating_add(end)));
        }
        Ok(Self {
            name,
            params,
            hash: DigestAlgorithm::Keccak256,
        })
    }

    /// Takes another hash for selector and topic, for chains that have their own.
    pub const fn with_hash(mut self, hash: DigestAlgorithm) -> Self {
        self.hash = hash;
        self
    }

    /// The name before the bracket.
    pub const fn name(&self) -> &'a str {
        self.name
    }

    /// The parameters, as a tuple.
    pub const fn params(&self) -> Type<'a> {
        self.params
    }

    /// The first four bytes of a call of the function, or of the error's payload.
    pub fn selector(&self) -> [u8; 4] {
        let [a, b, c, d, ..] = self.topic0().0;
        [a, b, c, d]
    }

    /// The digest of the canonical text: the first topic of the event.
    pub fn topic0(&self) -> B256 {
        self.hash.digest(self)
    }

    /// Decodes the payload of this error, or a call of this function.
    ///
    /// # Errors
    ///
    /// [`DecodeErrorKind::WrongSelector`] if `data` starts with other four bytes, and
    /// those of [`decode`]; offsets count from after the selector.
    pub fn decode(&self, data: &'a [u8]) -> Result<Values<'a>, DecodeError> {
        match data.split_first_chunk() {
            Some((selector, params)) if *selector == self.selector() => decode(self.params, params),
            _ => Err(DecodeError {
                what: DecodeErrorKind::WrongSelector,
                at: 0,
            }),
        }
    }
}

impl Encode for Signature<'_> {
    fn encode(&self, out: &mut dyn Sink) {
        out.write(self.name.as_bytes());
        self.params.write_canonical(out);
    }
}

impl fmt::Display for Signature<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.name, self.params)
    }
}

fn error(what: TypeErrorKind, at: usize) -> TypeError {
    TypeError { what, at }
}

/// Where `name` stops being an identifier.
fn bad_name(name: &str) -> Option<usize> {
    if name.is_empty() {
        return Some(0);
    }
    name.bytes().enumerate().position(|(at, c)| {
        let is_letter = c.is_ascii_alphabetic() || c == b'_' || c == b'$';
        !(is_letter || (at > 0 && c.is_ascii_digit()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_is_no_signature() {
        for (text, what, at) in [
            ("", TypeErrorKind::BadName, 0),
            ("(bool)", TypeErrorKind::BadName, 0),
            ("1f()", TypeErrorKind::BadName, 0),
            ("f g()", TypeErrorKind::BadName, 1),
            ("f-()", TypeErrorKind::BadName, 1),
            ("f", TypeErrorKind::BadCharacter, 1),
            ("f(bool", TypeErrorKind::BadCharacter, 6),
            ("f(bool)[]", TypeErrorKind::BadCharacter, 7),
            ("f()[]", TypeErrorKind::EmptyTuple, 3),
            ("f(bool)returns(bool)", TypeErrorKind::BadCharacter, 7),
            ("f(bool x)", TypeErrorKind::UnknownType, 2),
            ("f(bool,int7)", TypeErrorKind::BadWidth, 7),
        ] {
            let found = Signature::parse(text).expect_err(text);
            assert_eq!(found, TypeError { what, at }, "{text}");
        }
    }

    #[test]
    fn the_hash_is_a_choice() {
        let text = "transfer(address,uint256)";
        let keccak = Signature::parse(text).unwrap();
        let sha = keccak.with_hash(DigestAlgorithm::Sha256);
        assert_eq!(sha.topic0(), coracle_core::sha256(text.as_bytes()));
        assert_eq!(keccak.topic0(), coracle_core::keccak256(text.as_bytes()));
    }

    #[test]
    fn identifiers_may_hold_digits_dollars_and_underscores() {
        for text in ["_f1()", "$()", "balanceOf(address)"] {
            assert!(Signature::parse(text).is_ok(), "{text}");
        }
    }
}
