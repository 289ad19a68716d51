//! Small flat objects by `serde-json-core`.

use serde::Deserialize;

use crate::json::{JsonError, JsonErrorKind};

/// Reads one JSON value that is held whole in `text` into a type with fields known
/// beforehand.
///
/// Strings are borrowed from `text` as they stand: escapes are not resolved, so use it
/// where the text is hexadecimal or an identifier. Unknown fields are skipped.
///
/// # Errors
///
/// [`JsonErrorKind::BadValue`] if the text is not that value; [`JsonErrorKind::TrailingBytes`]
/// if something follows it.
///
/// # Examples
///
/// ```
/// #[derive(serde::Deserialize)]
/// struct Reading<'a> {
///     id: &'a str,
///     litres: u32,
/// }
///
/// let reading: Reading<'_> = coracle_core::json::flat(br#"{"id":"m1","litres":7}"#)?;
/// assert_eq!((reading.id, reading.litres), ("m1", 7));
/// # Ok::<(), coracle_core::json::JsonError>(())
/// ```
pub fn flat<'a, T: Deserialize<'a>>(text: &'a [u8]) -> Result<T, JsonError> {
    let (value, used) = serde_json_core::from_slice(text).map_err(|_| JsonError {
        what: JsonErrorKind::BadValue,
        at: 0,
    })?;
    let rest = text.get(used..).unwrap_or_default();
    if rest.iter().all(u8::is_ascii_whitespace) {
        return Ok(value);
    }
    Err(JsonError {
        what: JsonErrorKind::TrailingBytes,
        at: used,
    })
}
