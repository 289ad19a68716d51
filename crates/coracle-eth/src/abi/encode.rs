//! Encoding of parameter lists and calls.

use coracle_core::{Encode, Sink};

use super::{
    Kind, Signature, Type, Types, Value, ValueError, ValueErrorKind, WORD, check::check, padding,
    word,
};

/// A call of a contract: selector and encoded parameters, written when they are needed.
///
/// # Examples
///
/// ```
/// use coracle_core::{Address, Encode};
/// use coracle_eth::abi::{Call, Signature, Value};
///
/// let transfer = Signature::parse("transfer(address,uint256)")?;
/// let values = [Value::Address(Address([0x11; 20])), Value::from(1_000_000_u64)];
/// let call = Call::new(transfer, &values)?;
/// assert_eq!(call.encoded_len(), 4 + 2 * 32);
/// assert_eq!(call.selector(), [0xa9, 0x05, 0x9c, 0xbb]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    selector: [u8; 4],
    params: Params<'a>,
}

impl<'a> Call<'a> {
    /// Checks the parameters of a call.
    ///
    /// # Errors
    ///
    /// [`ValueError`] if the values are not of the signature's types.
    pub fn new(signature: Signature<'a>, values: &'a [Value<'a>]) -> Result<Self, ValueError> {
        Ok(Self {
            selector: signature.selector(),
            params: Params::new(signature.params(), values)?,
        })
    }

    /// The first four bytes.
    pub const fn selector(&self) -> [u8; 4] {
        self.selector
    }
}

impl Encode for Call<'_> {
    fn encode(&self, out: &mut dyn Sink) {
        out.write(&self.selector);
        self.params.encode(out);
    }

    fn encoded_len(&self) -> usize {
        self.params
            .encoded_len()
            .saturating_add(self.selector.len())
    }
}

/// A call whose selector and types are known when the program is written.
///
/// Takes each value for what its variant says and checks it against no signature, so
/// that neither the text of one nor the parser for it goes into a device: compare it with
/// [`Call`] once, in a test. Takes no arrays and no tuples, whose encoding depends on
/// their types.
///
/// # Examples
///
/// ```
/// use coracle_core::{Address, Encode};
/// use coracle_eth::abi::{Call, PlainCall, Signature, Value};
///
/// let values = [Value::Address(Address([0x11; 20])), Value::from(1_000_000_u64)];
/// let plain = PlainCall::new([0xa9, 0x05, 0x9c, 0xbb], &values)?;
/// let call = Call::new(Signature::parse("transfer(address,uint256)")?, &values)?;
/// let (mut a, mut b) = ([0; 68], [0; 68]);
/// assert_eq!((plain.encode_into(&mut a), call.encode_into(&mut b)), (Ok(68), Ok(68)));
/// assert_eq!(a, b);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct PlainCall<'a> {
    selector: [u8; 4],
    values: &'a [Value<'a>],
}

impl<'a> PlainCall<'a> {
    /// A call of the function with this selector.
    ///
    /// # Errors
    ///
    /// [`ValueErrorKind::WrongKind`] for an array or a tuple, and for fixed bytes longer
    /// than a word.
    pub fn new(selector: [u8; 4], values: &'a [Value<'a>]) -> Result<Self, ValueErrorKind> {
        let is_plain = |value: &Value<'_>| match value {
            Value::Array(_) | Value::Tuple(_) => false,
            Value::FixedBytes(bytes) => bytes.len() <= WORD,
            _ => true,
        };
        if !values.iter().all(is_plain) {
            return Err(ValueErrorKind::WrongKind);
        }
        Ok(Self { selector, values })
    }
}

impl Encode for PlainCall<'_> {
    fn encode(&self, out: &mut dyn Sink) {
        out.write(&self.selector);
        let mut offset = self.values.len().saturating_mul(WORD);
        for value in self.values {
            if let Some(len) = tail_len(value) {
                out.write(&word(offset));
                offset = offset.saturating_add(padded_len(len));
            } else {
                write_plain(value, out);
            }
        }
        for value in self.values {
            if tail_len(value).is_some() {
                write_plain(value, out);
            }
        }
    }
}

/// The bytes of a value that stands in a tail of its own.
fn tail_len(value: &Value<'_>) -> Option<usize> {
    match value {
        Value::Bytes(payload) => Some(payload.encoded_len()),
        Value::String(text) => Some(text.len()),
        _ => None,
    }
}

/// Parameters without a selector: of a constructor, an event or `abi.encode`.
#[derive(Clone, Copy, Debug)]
pub struct Params<'a> {
    types: Types<'a>,
    values: &'a [Value<'a>],
}

impl<'a> Params<'a> {
    /// Checks `values` against the members of the tuple `ty`; any other type is a list
    /// of one parameter.
    ///
    /// # Errors
    ///
    /// [`ValueError`] if the values are not of these types.
    pub fn new(ty: Type<'a>, values: &'a [Value<'a>]) -> Result<Self, ValueError> {
        let types = ty.params();
        check(types, values)?;
        Ok(Self { types, values })
    }
}

impl Encode for Params<'_> {
    fn encode(&self, out: &mut dyn Sink) {
        write_list(self.types, self.values, out);
    }

    fn encoded_len(&self) -> usize {
        list_len(self.types, self.values)
    }
}

/// Heads of all members, then the tails of the dynamic ones.
fn write_list(types: Types<'_>, values: &[Value<'_>], out: &mut dyn Sink) {
    let mut offset = types.head_len().unwrap_or(usize::MAX);
    for (ty, value) in types.zip(values) {
        if ty.is_dynamic() {
            out.write(&word(offset));
            offset = offset.saturating_add(body_len(ty, value));
        } else {
            write_body(ty, value, out);
        }
    }
    for (ty, value) in types.zip(values).filter(|(ty, _)| ty.is_dynamic()) {
        write_body(ty, value, out);
    }
}

/// Writes what stands in the head of a static value, or in the tail of a dynamic one.
fn write_body(ty: Type<'_>, value: &Value<'_>, out: &mut dyn Sink) {
    match value {
        Value::Array(members) | Value::Tuple(members) => {
            if has_count(ty) {
                out.write(&word(members.len()));
            }
            write_list(member_types(ty, members), members, out);
        }
        plain => write_plain(plain, out),
    }
}

/// Writes a value that is neither array nor tuple.
fn write_plain(value: &Value<'_>, out: &mut dyn Sink) {
    match value {
        Value::Uint(value) => out.write(&value.to_be_bytes()),
        Value::Int(value) => out.write(&value.to_be_bytes()),
        Value::Bool(value) => out.write(&word(usize::from(*value))),
        Value::Address(address) => {
            write_padding(address.0.len(), out);
            out.write(&address.0);
        }
        Value::FixedBytes(bytes) => write_padded(bytes, out),
        Value::Bytes(payload) => {
            let len = payload.encoded_len();
            out.write(&word(len));
            payload.encode(out);
            write_padding(len, out);
        }
        Value::String(text) => {
            out.write(&word(text.len()));
            write_padded(text.as_bytes(), out);
        }
        // Those who know the types write them.
        Value::Array(_) | Value::Tuple(_) => {}
    }
}

/// The number of bytes that [`write_list`] writes, without writing them.
fn list_len(types: Types<'_>, values: &[Value<'_>]) -> usize {
    let tails = types
        .zip(values)
        .filter(|(ty, _)| ty.is_dynamic())
        .map(|(ty, value)| body_len(ty, value));
    tails.fold(
        types.head_len().unwrap_or(usize::MAX),
        usize::saturating_add,
    )
}

/// The number of bytes that [`write_body`] writes for a dynamic type.
fn body_len(ty: Type<'_>, value: &Value<'_>) -> usize {
    match value {
        Value::Bytes(payload) => padded_len(payload.encoded_len()),
        Value::String(text) => padded_len(text.len()),
        Value::Array(members) | Value::Tuple(members) => {
            let count = if has_count(ty) { WORD } else { 0 };
            list_len(member_types(ty, members), members).saturating_add(count)
        }
        _ => ty.head_len(),
    }
}

/// The number of bytes of a length and `len` padded bytes.
fn padded_len(len: usize) -> usize {
    WORD.saturating_add(len).saturating_add(padding(len))
}

fn has_count(ty: Type<'_>) -> bool {
    matches!(ty.kind(), Kind::Array { len: None, .. })
}

/// The types of `members` of a checked array or tuple.
fn member_types<'a>(ty: Type<'a>, members: &[Value<'_>]) -> Types<'a> {
    match ty.kind() {
        Kind::Array { element, .. } => Types::repeat(element, members.len()),
        _ => ty.params(),
    }
}

fn write_padded(bytes: &[u8], out: &mut dyn Sink) {
    out.write(bytes);
    write_padding(bytes.len(), out);
}

/// The zeros that go with `len` bytes.
fn write_padding(len: usize, out: &mut dyn Sink) {
    let zeros = [0; WORD];
    out.write(zeros.get(..padding(len)).unwrap_or_default());
}
