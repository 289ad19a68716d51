//! Type text, checked once and walked as it stands.

use core::fmt;

use coracle_core::{Error, ErrorKind, Sink};

use super::WORD;

/// How deep tuples and arrays may stand in one another; a parameter list counts as one.
pub const MAX_DEPTH: usize = 16;

/// The longest type text in bytes.
pub const MAX_TEXT_LEN: usize = 2048;

/// The most bytes that the head of one type may take, so that no size overflows.
pub const MAX_HEAD_LEN: usize = 1 << 24;

/// Where the parts of a type end.
const PUNCTUATION: [char; 5] = ['(', ')', '[', ']', ','];

/// Why type or signature text was refused, and where.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TypeError {
    /// What is wrong.
    pub what: TypeErrorKind,
    /// Offset in bytes from the start of the text.
    pub at: usize,
}

/// What is wrong with type or signature text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum TypeErrorKind {
    /// There is no type of this name.
    UnknownType,
    /// The type has no such width: integers have 8 to 256 bits in steps of 8, byte
    /// arrays 1 to 32 bytes, fixed-point numbers 0 to 80 decimals.
    BadWidth,
    /// An array length is no decimal number from 1 up without leading zeros.
    BadArrayLength,
    /// A tuple has no members; only a whole parameter list may be empty.
    EmptyTuple,
    /// A comma or bracket is wanted here, or the text should end.
    BadCharacter,
    /// A name is no Solidity identifier.
    BadName,
    /// Tuples and arrays stand in one another more than [`MAX_DEPTH`] deep.
    TooDeep,
    /// The text is longer than [`MAX_TEXT_LEN`].
    TooLong,
    /// The head of the type takes more than [`MAX_HEAD_LEN`] bytes.
    TooLarge,
}

impl fmt::Display for TypeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.what {
            TypeErrorKind::UnknownType => "unknown type",
            TypeErrorKind::BadWidth => "type of impossible width",
            TypeErrorKind::BadArrayLength => "bad array length",
            TypeErrorKind::EmptyTuple => "empty tuple",
            TypeErrorKind::BadCharacter => "comma, bracket or end missing",
            TypeErrorKind::BadName => "bad name",
            TypeErrorKind::TooDeep => "types nested too deeply",
            TypeErrorKind::TooLong => "text too long",
            TypeErrorKind::TooLarge => "type too large",
        };
        write!(f, "{what} at character {}", self.at)
    }
}

impl core::error::Error for TypeError {}

impl Error for TypeError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Caller
    }
}

/// A Solidity type: a view of text that was checked.
///
/// The text holds no spaces and no names: `(uint256,(bytes,string[2])[],address)`.
/// `uint`, `int`, `fixed` and `ufixed` are accepted for the types they abbreviate.
///
/// [`Display`](fmt::Display) gives the canonical text, without abbreviations.
#[derive(Clone, Copy)]
pub struct Type<'a> {
    text: &'a str,
    layout: Layout,
}

/// What a type is made of.
#[derive(Clone, Copy, Debug)]
pub enum Kind<'a> {
    /// `uint8` to `uint256`; also `ufixedMxN`, as the number multiplied by 10^N.
    Uint {
        /// Width: 8 to 256.
        bits: u32,
    },
    /// `int8` to `int256`; also `fixedMxN`, as the number multiplied by 10^N.
    Int {
        /// Width: 8 to 256.
        bits: u32,
    },
    /// `bool`.
    Bool,
    /// `address`.
    Address,
    /// `bytes1` to `bytes32`; also `function`, an address and a selector.
    FixedBytes {
        /// Length in bytes.
        len: usize,
    },
    /// `bytes`.
    Bytes,
    /// `string`.
    String,
    /// `T[]` and `T[n]`.
    Array {
        /// The type of each member.
        element: Type<'a>,
        /// The number of members where the type fixes it.
        len: Option<usize>,
    },
    /// `(A,B)`.
    Tuple(Types<'a>),
}

impl<'a> Type<'a> {
    /// Checks type text. `()` is the empty parameter list.
    ///
    /// # Errors
    ///
    /// Each [`TypeErrorKind`] except [`BadName`](TypeErrorKind::BadName).
    pub fn parse(text: &'a str) -> Result<Self, TypeError> {
        if text.len() > MAX_TEXT_LEN {
            return Err(TypeError {
                what: TypeErrorKind::TooLong,
                at: MAX_TEXT_LEN,
            });
        }
        if text == "()" {
            return Ok(Self::EMPTY);
        }
        let (ty, rest) = Self::split_first(text)?;
        if rest.is_empty() {
            return Ok(ty);
        }
        Err(TypeError {
            what: TypeErrorKind::BadCharacter,
            at: ty.text.len(),
        })
    }

    const EMPTY: Type<'static> = Type {
        text: "()",
        layout: Layout {
            head: 0,
            dynamic: false,
            depth: 1,
        },
    };

    /// The type that `text` starts with, and what follows it.
    fn split_first(text: &'a str) -> Result<(Self, &'a str), TypeError> {
        let mut parser = Parser { text, at: 0 };
        let layout = parser.any(0).map_err(|what| TypeError {
            what,
            at: parser.at,
        })?;
        let (text, rest) = text.split_at_checked(parser.at).unwrap_or((text, ""));
        Ok((Self { text, layout }, rest))
    }

    /// What the type is made of.
    pub fn kind(self) -> Kind<'a> {
        if let Some((element, len)) = self.split_array() {
            let element = Self::split_first(element).map_or(Type::EMPTY, |(ty, _)| ty);
            let len = len.parse().ok();
            return Kind::Array { element, len };
        }
        if let Some(members) = self.text.strip_prefix('(') {
            return Kind::Tuple(Types(Source::List(
                members.strip_suffix(')').unwrap_or(members),
            )));
        }
        // The text was checked, so it names a type.
        scalar(self.text).unwrap_or(Kind::Bytes)
    }

    /// The types of a parameter list: the members of a tuple, or this type alone.
    pub fn params(self) -> Types<'a> {
        match self.kind() {
            Kind::Tuple(members) => members,
            _ => Types::repeat(self, 1),
        }
    }

    /// Whether values have a tail, to which their head is an offset.
    pub const fn is_dynamic(self) -> bool {
        self.layout.dynamic
    }

    /// Length in bytes of a value's head in the list that holds it: that of an offset
    /// if the type is dynamic, the whole value if not.
    pub const fn head_len(self) -> usize {
        self.layout.head
    }

    /// The text of an array's element, and of its length.
    fn split_array(self) -> Option<(&'a str, &'a str)> {
        self.text.strip_suffix(']')?.rsplit_once('[')
    }

    /// Where the last brackets of an array start in the text.
    pub(super) fn array_suffix(self) -> Option<usize> {
        self.split_array().map(|(element, _)| element.len())
    }

    /// Whether a log's topic holds the value itself, not a hash of it.
    pub(super) fn fits_topic(self) -> bool {
        !self.is_dynamic() && !matches!(self.kind(), Kind::Array { .. } | Kind::Tuple(_))
    }

    /// Writes the canonical text.
    pub(super) fn write_canonical(self, out: &mut dyn Sink) {
        for part in canonical(self.text) {
            out.write(part.as_bytes());
        }
    }
}

impl fmt::Display for Type<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        canonical(self.text).try_for_each(|part| f.write_str(part))
    }
}

impl fmt::Debug for Type<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The types of the members of a tuple, an array or a parameter list, in order.
#[derive(Clone, Copy, Debug)]
pub struct Types<'a>(Source<'a>);

#[derive(Clone, Copy, Debug)]
enum Source<'a> {
    /// Types of a tuple, separated by commas.
    List(&'a str),
    /// Members of an array.
    Repeat { ty: Type<'a>, left: usize },
}

impl<'a> Types<'a> {
    /// The same type `len` times, as the members of an array have it.
    pub const fn repeat(ty: Type<'a>, len: usize) -> Self {
        Self(Source::Repeat { ty, left: len })
    }

    /// The number of types left.
    pub fn len(&self) -> usize {
        match self.0 {
            Source::List(_) => self.count(),
            Source::Repeat { left, .. } => left,
        }
    }

    /// Whether no type is left.
    pub fn is_empty(&self) -> bool {
        match self.0 {
            Source::List(rest) => rest.is_empty(),
            Source::Repeat { left, .. } => left == 0,
        }
    }

    /// Length in bytes of all heads, `None` beyond the address space.
    pub(super) fn head_len(self) -> Option<usize> {
        match self.0 {
            Source::List(_) => Some(self.map(Type::head_len).fold(0, usize::saturating_add)),
            Source::Repeat { ty, left } => ty.head_len().checked_mul(left),
        }
    }
}

impl<'a> Iterator for Types<'a> {
    type Item = Type<'a>;

    fn next(&mut self) -> Option<Type<'a>> {
        match &mut self.0 {
            Source::Repeat { ty, left } => {
                *left = left.checked_sub(1)?;
                Some(*ty)
            }
            Source::List(rest) => {
                let (ty, after) = Type::split_first(rest).ok()?;
                *rest = after.strip_prefix(',').unwrap_or_default();
                Some(ty)
            }
        }
    }
}

/// What the encoding of a type looks like from the list that holds it.
#[derive(Clone, Copy)]
struct Layout {
    head: usize,
    dynamic: bool,
    depth: usize,
}

const STATIC_WORD: Layout = Layout {
    head: WORD,
    dynamic: false,
    depth: 0,
};

const DYNAMIC: Layout = Layout {
    head: WORD,
    dynamic: true,
    depth: 0,
};

/// Reads one type; after an error, `at` is where it lies.
struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    /// A type at `level` of nesting.
    fn any(&mut self, level: usize) -> Result<Layout, TypeErrorKind> {
        if level > MAX_DEPTH {
            return Err(TypeErrorKind::TooDeep);
        }
        let mut layout = if self.eat('(') {
            self.tuple(level)?
        } else {
            self.scalar()?
        };
        while self.eat('[') {
            layout = self.array(layout)?;
        }
        Ok(layout)
    }

    /// What follows the bracket of a tuple.
    fn tuple(&mut self, level: usize) -> Result<Layout, TypeErrorKind> {
        if self.eat(')') {
            return Err(TypeErrorKind::EmptyTuple);
        }
        let mut all = Layout {
            head: 0,
            dynamic: false,
            depth: 0,
        };
        loop {
            let member = self.any(level.saturating_add(1))?;
            all.head = all.head.saturating_add(member.head);
            all.dynamic |= member.dynamic;
            all.depth = all.depth.max(member.depth);
            if self.eat(')') {
                return nested(all);
            }
            if !self.eat(',') {
                return Err(TypeErrorKind::BadCharacter);
            }
        }
    }

    /// What follows the bracket of an array.
    fn array(&mut self, element: Layout) -> Result<Layout, TypeErrorKind> {
        let digits = self.word();
        let mut all = element;
        if digits.is_empty() {
            all.dynamic = true;
        } else {
            let len = number(digits).filter(|len| *len > 0);
            let len = len.ok_or(TypeErrorKind::BadArrayLength)?;
            all.head = element.head.saturating_mul(len);
        }
        self.at = self.at.saturating_add(digits.len());
        if !self.eat(']') {
            return Err(TypeErrorKind::BadCharacter);
        }
        nested(all)
    }

    fn scalar(&mut self) -> Result<Layout, TypeErrorKind> {
        let word = self.word();
        let kind = scalar(word)?;
        self.at = self.at.saturating_add(word.len());
        Ok(match kind {
            Kind::Bytes | Kind::String => DYNAMIC,
            _ => STATIC_WORD,
        })
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Everything up to the next bracket or comma.
    fn word(&self) -> &'a str {
        let rest = self.rest();
        rest.split(PUNCTUATION).next().unwrap_or(rest)
    }

    fn eat(&mut self, wanted: char) -> bool {
        let found = self.rest().starts_with(wanted);
        self.at = self.at.saturating_add(usize::from(found));
        found
    }
}

/// One level around `inner`, whose `head` is the length of all heads within.
fn nested(inner: Layout) -> Result<Layout, TypeErrorKind> {
    if inner.head > MAX_HEAD_LEN {
        return Err(TypeErrorKind::TooLarge);
    }
    let depth = inner.depth.saturating_add(1);
    if depth > MAX_DEPTH {
        return Err(TypeErrorKind::TooDeep);
    }
    let head = if inner.dynamic { WORD } else { inner.head };
    Ok(Layout {
        head,
        dynamic: inner.dynamic,
        depth,
    })
}

/// The kind of a type without brackets.
fn scalar(word: &str) -> Result<Kind<'static>, TypeErrorKind> {
    let start = word.find(|c: char| c.is_ascii_digit());
    let (name, width) = word
        .split_at_checked(start.unwrap_or(word.len()))
        .unwrap_or((word, ""));
    Ok(match (name, width) {
        ("bool", "") => Kind::Bool,
        ("address", "") => Kind::Address,
        ("bytes", "") => Kind::Bytes,
        ("string", "") => Kind::String,
        ("function", "") => Kind::FixedBytes { len: 24 },
        ("bytes", _) => Kind::FixedBytes {
            len: byte_width(width)?,
        },
        ("uint", _) => Kind::Uint {
            bits: int_width(width)?,
        },
        ("int", _) => Kind::Int {
            bits: int_width(width)?,
        },
        ("ufixed", _) => Kind::Uint {
            bits: fixed_width(width)?,
        },
        ("fixed", _) => Kind::Int {
            bits: fixed_width(width)?,
        },
        _ => return Err(TypeErrorKind::UnknownType),
    })
}

fn byte_width(digits: &str) -> Result<usize, TypeErrorKind> {
    number(digits)
        .filter(|len| (1..=WORD).contains(len))
        .ok_or(TypeErrorKind::BadWidth)
}

fn int_width(digits: &str) -> Result<u32, TypeErrorKind> {
    if digits.is_empty() {
        return Ok(256);
    }
    number(digits)
        .and_then(|bits| u32::try_from(bits).ok())
        .filter(|bits| (8..=256).contains(bits) && bits.is_multiple_of(8))
        .ok_or(TypeErrorKind::BadWidth)
}

/// `MxN`: M bits, N decimals.
fn fixed_width(text: &str) -> Result<u32, TypeErrorKind> {
    if text.is_empty() {
        return Ok(128);
    }
    let (bits, decimals) = text.split_once('x').ok_or(TypeErrorKind::BadWidth)?;
    if bits.is_empty() || number(decimals).is_none_or(|n| n > 80) {
        return Err(TypeErrorKind::BadWidth);
    }
    int_width(bits)
}

/// A decimal number without sign or leading zeros.
fn number(digits: &str) -> Option<usize> {
    let plain = digits.bytes().all(|c| c.is_ascii_digit());
    let leading_zero = digits.len() > 1 && digits.starts_with('0');
    if !plain || leading_zero {
        return None;
    }
    digits.parse().ok()
}

/// The parts of the canonical text of a type.
fn canonical(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive(PUNCTUATION).flat_map(|piece| {
        let word = piece.trim_end_matches(PUNCTUATION);
        [
            unabbreviated(word),
            piece.get(word.len()..).unwrap_or_default(),
        ]
    })
}

fn unabbreviated(word: &str) -> &str {
    match word {
        "uint" => "uint256",
        "int" => "int256",
        "fixed" => "fixed128x18",
        "ufixed" => "ufixed128x18",
        _ => word,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;
    use std::string::ToString;

    fn refusal(text: &str) -> (TypeErrorKind, usize) {
        let error = Type::parse(text).expect_err(text);
        (error.what, error.at)
    }

    #[test]
    fn canonical_text_has_no_abbreviation() {
        for (text, canonical) in [
            ("uint", "uint256"),
            (
                "(int,uint8,(uint[2],fixed)[])",
                "(int256,uint8,(uint256[2],fixed128x18)[])",
            ),
            ("ufixed[]", "ufixed128x18[]"),
            ("()", "()"),
        ] {
            assert_eq!(Type::parse(text).unwrap().to_string(), canonical);
        }
    }

    #[test]
    fn heads_are_offsets_or_whole_values() {
        for (text, dynamic, head) in [
            ("uint8", false, 32),
            ("bytes32[3]", false, 96),
            ("(bool,uint8[2])[2]", false, 192),
            ("(bool,string)[2]", true, 32),
            ("uint8[]", true, 32),
            ("uint8[][4]", true, 32),
            ("()", false, 0),
        ] {
            let ty = Type::parse(text).unwrap();
            assert_eq!((ty.is_dynamic(), ty.head_len()), (dynamic, head), "{text}");
        }
    }

    #[test]
    fn members_come_in_order() {
        let ty = Type::parse("(uint8,(bytes,string[2])[],address)").unwrap();
        let members = ty.params().map(|ty| ty.to_string());
        assert!(members.eq(["uint8", "(bytes,string[2])[]", "address"]));
        assert_eq!(ty.params().len(), 3);
        assert_eq!(Type::parse("uint8[2]").unwrap().params().len(), 1);
        assert!(Type::parse("()").unwrap().params().is_empty());
    }

    #[test]
    fn refuses_unknown_names() {
        for text in [
            "",
            "u",
            "Uint8",
            "byte",
            "tuple(uint8)",
            "fixedx8",
            " uint8",
            "bool8",
            "ünt",
        ] {
            assert_eq!(refusal(text).0, TypeErrorKind::UnknownType, "{text}");
        }
        assert_eq!(refusal("(uint8, bool)"), (TypeErrorKind::UnknownType, 7));
        assert_eq!(refusal("(uint8,)"), (TypeErrorKind::UnknownType, 7));
    }

    #[test]
    fn refuses_impossible_widths() {
        for text in [
            "uint0",
            "uint7",
            "uint264",
            "uint08",
            "int1",
            "int8x2",
            "bytes0",
            "bytes33",
            "bytes032",
            "fixed8",
            "fixed8x",
            "uint8 ",
            "fixed7x2",
            "fixed8x81",
            "ufixed8x08",
            "uint99999999999999999999999",
        ] {
            assert_eq!(refusal(text).0, TypeErrorKind::BadWidth, "{text}");
        }
    }

    #[test]
    fn refuses_array_lengths_that_solidity_has_not() {
        for text in [
            "bool[0]",
            "bool[01]",
            "bool[-1]",
            "bool[ ]",
            "bool[99999999999999999999999]",
        ] {
            assert_eq!(refusal(text), (TypeErrorKind::BadArrayLength, 5), "{text}");
        }
    }

    #[test]
    fn refuses_open_and_stray_brackets() {
        for (text, at) in [
            ("(bool", 5),
            ("bool)", 4),
            ("bool[", 5),
            ("bool[2", 6),
            ("bool]", 4),
            ("(bool)(bool)", 6),
            ("bool,bool", 4),
            ("bool[](", 6),
            ("bool[]x", 6),
        ] {
            assert_eq!(refusal(text), (TypeErrorKind::BadCharacter, at), "{text}");
        }
    }

    #[test]
    fn refuses_empty_tuples_within_a_type() {
        for text in ["()[]", "(())", "(bool,())"] {
            assert!(
                matches!(
                    refusal(text).0,
                    TypeErrorKind::EmptyTuple | TypeErrorKind::BadCharacter
                ),
                "{text}"
            );
        }
    }

    #[test]
    fn depth_is_bounded() {
        let tuples = |n: usize| format!("{}bool{}", "(".repeat(n), ")".repeat(n));
        let arrays = |n: usize| format!("bool{}", "[]".repeat(n));
        assert!(Type::parse(&tuples(MAX_DEPTH)).is_ok());
        assert!(Type::parse(&arrays(MAX_DEPTH)).is_ok());
        assert_eq!(refusal(&tuples(MAX_DEPTH + 1)).0, TypeErrorKind::TooDeep);
        assert_eq!(refusal(&tuples(1000)).0, TypeErrorKind::TooDeep);
        assert_eq!(refusal(&arrays(MAX_DEPTH + 1)).0, TypeErrorKind::TooDeep);
        assert_eq!(
            refusal(&format!("({})", arrays(MAX_DEPTH))).0,
            TypeErrorKind::TooDeep
        );
    }

    #[test]
    fn size_is_bounded() {
        assert!(Type::parse("uint8[524288]").is_ok());
        assert_eq!(refusal("uint8[524289]").0, TypeErrorKind::TooLarge);
        assert_eq!(refusal("string[524289]").0, TypeErrorKind::TooLarge);
        assert_eq!(
            refusal("uint8[65536][65536][65536][65536]").0,
            TypeErrorKind::TooLarge
        );
        assert_eq!(refusal("(uint8[524288],bool)").0, TypeErrorKind::TooLarge);
        let long = "a".repeat(MAX_TEXT_LEN + 1);
        assert_eq!(refusal(&long).0, TypeErrorKind::TooLong);
    }
}
