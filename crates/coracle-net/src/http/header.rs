//! Fields that the user adds to every request.

use core::fmt;

use coracle_core::{Error, ErrorKind, Sink};

/// One field of the request head, such as the key of an RPC provider. Borrows its text.
///
/// # Security
///
/// The value never appears in `Debug`, and the client never logs it. A value cannot end
/// its line: control characters are refused here, so no other field can be smuggled in.
///
/// # Examples
///
/// ```
/// use coracle_net::http::Header;
///
/// let headers = [Header::bearer("token")?, Header::new("X-Api-Key", "secret")?];
/// assert_eq!(format!("{headers:?}"), "[Authorization: ***, X-Api-Key: ***]");
/// # Ok::<(), coracle_net::http::HeaderError>(())
/// ```
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct Header<'a> {
    name: &'a str,
    scheme: &'static str,
    value: &'a str,
}

impl<'a> Header<'a> {
    /// Fields that the client writes itself or that change how a message ends.
    const RESERVED: [&'static str; 10] = [
        "accept-encoding",
        "connection",
        "content-length",
        "content-type",
        "expect",
        "host",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ];

    /// A field of any name that the client does not write itself.
    ///
    /// # Errors
    ///
    /// Each variant of [`HeaderError`].
    pub fn new(name: &'a str, value: &'a str) -> Result<Self, HeaderError> {
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err(HeaderError::BadName);
        }
        if Self::RESERVED
            .iter()
            .any(|own| own.eq_ignore_ascii_case(name))
        {
            return Err(HeaderError::Reserved);
        }
        check_value(value)?;
        Ok(Self {
            name,
            scheme: "",
            value,
        })
    }

    /// `Authorization: Bearer <token>`, RFC 6750 section 2.1.
    ///
    /// # Errors
    ///
    /// [`HeaderError::BadValue`] for a token that holds more than visible ASCII.
    pub fn bearer(token: &'a str) -> Result<Self, HeaderError> {
        if token.is_empty() {
            return Err(HeaderError::BadValue { at: 0 });
        }
        if let Some(at) = token.bytes().position(|c| !c.is_ascii_graphic()) {
            return Err(HeaderError::BadValue { at });
        }
        Ok(Self {
            name: "Authorization",
            scheme: "Bearer ",
            value: token,
        })
    }

    /// The name as given.
    pub const fn name(&self) -> &'a str {
        self.name
    }

    pub(crate) fn write(&self, out: &mut dyn Sink) {
        for part in [self.name, ": ", self.scheme, self.value, "\r\n"] {
            out.write(part.as_bytes());
        }
    }
}

impl fmt::Debug for Header<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ***", self.name)
    }
}

/// Why a field was refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum HeaderError {
    /// The name is empty or holds a character that no name has (RFC 9110 section 5.1).
    BadName,
    /// The client writes this field itself, or does not speak what it asks for.
    Reserved,
    /// The value holds a control character, a character beyond ASCII, or white space at
    /// its ends.
    BadValue {
        /// Offset in bytes from the start of the value.
        at: usize,
    },
}

impl fmt::Display for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadName => f.write_str("bad header name"),
            Self::Reserved => f.write_str("header is written by the client itself"),
            Self::BadValue { at } => write!(f, "bad header value at byte {at}"),
        }
    }
}

impl core::error::Error for HeaderError {}

impl Error for HeaderError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Caller
    }
}

/// A character of a token, RFC 9110 section 5.6.2.
pub(crate) const fn is_token(c: u8) -> bool {
    c.is_ascii_alphanumeric()
        || matches!(
            c,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

fn check_value(value: &str) -> Result<(), HeaderError> {
    let is_bad = |c: u8| !c.is_ascii_graphic() && !matches!(c, b' ' | b'\t');
    if let Some(at) = value.bytes().position(is_bad) {
        return Err(HeaderError::BadValue { at });
    }
    let trimmed = value.trim_matches([' ', '\t']).len();
    if trimmed == value.len() {
        return Ok(());
    }
    let at = if value.starts_with([' ', '\t']) {
        0
    } else {
        trimmed
    };
    Err(HeaderError::BadValue { at })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_could_end_the_line() {
        for (value, at) in [
            ("a\r\nHost: b", 1),
            ("a\nb", 1),
            ("a\r", 1),
            ("\0", 0),
            ("a\u{7f}", 1),
            ("é", 0),
            (" a", 0),
            ("a ", 1),
            ("a\t", 1),
        ] {
            let got = Header::new("X-Key", value);
            assert_eq!(got, Err(HeaderError::BadValue { at }), "{value:?}");
        }
        for (token, at) in [("", 0), ("a b", 1), ("a\r\n", 1), ("ü", 0)] {
            let got = Header::bearer(token);
            assert_eq!(got, Err(HeaderError::BadValue { at }), "{token:?}");
        }
    }

    #[test]
    fn refuses_names_that_are_no_token() {
        for name in ["", "X Key", "X:Key", "X\r\n", "Ü", "(a)"] {
            assert_eq!(
                Header::new(name, "v"),
                Err(HeaderError::BadName),
                "{name:?}"
            );
        }
    }

    #[test]
    fn refuses_the_fields_that_frame_the_message() {
        for name in Header::RESERVED
            .into_iter()
            .chain(["HOST", "Content-Length"])
        {
            assert_eq!(Header::new(name, "v"), Err(HeaderError::Reserved), "{name}");
        }
    }
}
