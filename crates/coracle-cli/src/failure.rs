//! What went wrong, as one line for people and a word for programs.

use std::error::Error;
use std::fmt::{self, Display};

/// Why a command gave no result.
///
/// Not an [`Error`] itself, so that every error converts into it.
#[derive(Debug)]
pub(crate) struct Failure {
    kind: String,
    message: String,
}

impl Failure {
    /// A failure of the command's own, `kind` in kebab-case.
    pub(crate) fn new(kind: &str, message: impl Into<String>) -> Self {
        Self {
            kind: kind.to_owned(),
            message: message.into(),
        }
    }

    /// Puts `place` before the message.
    pub(crate) fn in_place(self, place: impl Display) -> Self {
        let message = format!("{place}: {}", self.message);
        Self { message, ..self }
    }

    /// Puts `reason` behind the message.
    pub(crate) fn because(self, reason: impl Display) -> Self {
        let message = format!("{}: {reason}", self.message);
        Self { message, ..self }
    }

    /// The error variant in kebab-case, see [`kind_of`].
    pub(crate) fn kind(&self) -> &str {
        &self.kind
    }
}

/// The message, without the kind; foreign text in it is made harmless.
impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Plain(&self.message).fmt(f)
    }
}

impl<E: Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self {
            kind: kind_of(&format!("{error:?}")),
            message: error.to_string(),
        }
    }
}

/// Says where a failure happened.
pub(crate) trait Within<T> {
    /// Puts `place` before the message.
    fn within(self, place: impl Display) -> Result<T, Failure>;
}

impl<T, E: Into<Failure>> Within<T> for Result<T, E> {
    fn within(self, place: impl Display) -> Result<T, Failure> {
        self.map_err(|error| error.into().in_place(place))
    }
}

/// Text from elsewhere on its way to a terminal: control characters are escaped.
pub(crate) struct Plain<'a>(pub(crate) &'a str);

impl Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c.is_control() {
            true => write!(f, "{}", c.escape_default()),
            false => write!(f, "{c}"),
        })
    }
}

/// Members of an error that hold what it is about.
const CAUSES: [&str; 4] = ["what", "fault", "cause", "kind"];

/// The innermost variant that an error's `Debug` text names, in kebab-case.
///
/// Errors of the libraries are enums of variants without text; one that wraps another
/// holds it in brackets or in a member of [`CAUSES`]: `Hex(BadDigit { at: 3 })` is a
/// `bad-digit`. A type that is no variant (`SignatureError`) leaves the word to what
/// holds it.
fn kind_of(debug: &str) -> String {
    kebab(&variant(debug).unwrap_or_else(|| identifier(debug).to_owned()))
}

/// The outermost variant that a value's `Debug` text names, in kebab-case.
pub(crate) fn outer_kind(debug: &str) -> String {
    kebab(identifier(debug))
}

fn variant(debug: &str) -> Option<String> {
    let name = identifier(debug);
    if !name.starts_with(|c: char| c.is_ascii_uppercase()) {
        return None;
    }
    let rest = debug.strip_prefix(name)?;
    let inner = match rest.strip_prefix('(') {
        Some(inner) => variant(inner),
        None if rest.starts_with(" {") => CAUSES.iter().find_map(|member| cause(rest, member)),
        None => None,
    };
    inner.or_else(|| (!name.ends_with("Error")).then(|| name.to_owned()))
}

fn cause(members: &str, name: &str) -> Option<String> {
    let found = [format!("{{ {name}: "), format!(", {name}: ")];
    found
        .iter()
        .find_map(|start| variant(members.split_once(start)?.1))
}

fn identifier(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    text.get(..end.unwrap_or(text.len())).unwrap_or_default()
}

fn kebab(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    for c in name.chars() {
        if c.is_ascii_uppercase() && !out.is_empty() {
            out.push('-');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use coracle_core::rlp::{RlpError, RlpErrorKind};
    use coracle_core::{Address, B256};
    use coracle_eth::tx::{TxError, TxField};
    use coracle_record::VerifyError;

    fn kind(error: impl Error) -> String {
        Failure::from(error).kind
    }

    #[test]
    fn the_innermost_variant_gives_the_word() {
        let rlp = RlpError {
            what: RlpErrorKind::LeadingZero,
            at: 3,
        };
        let field = TxField::Nonce;
        assert_eq!(kind(TxError::Field { field, cause: rlp }), "leading-zero");
        assert_eq!(
            kind(TxError::UnsupportedType { byte: 3 }),
            "unsupported-type"
        );
        assert_eq!(kind("0x0".parse::<B256>().unwrap_err()), "odd-length");
        assert_eq!(kind("0x0".parse::<Address>().unwrap_err()), "odd-length");
        let signature = coracle_core::ecdsa::SignatureError;
        assert_eq!(kind(VerifyError::BadSignature(signature)), "bad-signature");
        let gone = std::fs::read("/there/is/no/such/file").unwrap_err();
        assert_eq!(kind(gone), "not-found");
    }

    #[test]
    fn a_message_stays_on_its_line() {
        let failure = Err::<(), _>(Failure::new("x", "a\n\u{1b}[2Jb")).within("node");
        let text = failure.unwrap_err().to_string();
        assert_eq!(text, "node: a\\n\\u{1b}[2Jb");
    }
}
