//! Whether values are of their types.

use core::fmt;

use coracle_core::{Error, ErrorKind};

use super::{Kind, MAX_DEPTH, Type, Types, Value};

/// Why values cannot be encoded as the parameters of a type, and which one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ValueError {
    /// What is wrong.
    pub what: ValueErrorKind,
    /// Which value.
    pub path: ParamPath,
}

/// What is wrong with a value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ValueErrorKind {
    /// The type wants another variant of [`Value`].
    WrongKind,
    /// The number does not fit the width of the type.
    OutOfRange,
    /// `bytesN` or `function` wants another number of bytes.
    WrongLength {
        /// Bytes that the type has.
        expected: usize,
        /// Bytes that the value has.
        found: usize,
    },
    /// An array, a tuple or the parameter list wants another number of members.
    WrongCount {
        /// Members that the type has.
        expected: usize,
        /// Members that the value has.
        found: usize,
    },
}

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.what)
    }
}

impl fmt::Display for ValueErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongKind => f.write_str("value of another type"),
            Self::OutOfRange => f.write_str("number out of range"),
            Self::WrongLength { expected, found } => {
                write!(f, "{found} bytes instead of {expected}")
            }
            Self::WrongCount { expected, found } => {
                write!(f, "{found} values instead of {expected}")
            }
        }
    }
}

impl core::error::Error for ValueErrorKind {}

impl core::error::Error for ValueError {}

impl Error for ValueError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Caller
    }
}

/// Which value: the index of the parameter, then that of the member within it, and so
/// on. Empty for the parameter list itself.
///
/// Prints as `parameter 1.0.3`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ParamPath {
    // A type that is no tuple is one level deeper as the only member of its list.
    indices: [u16; MAX_DEPTH + 1],
    depth: usize,
}

impl ParamPath {
    /// The indices, outermost first, each from 0; [`u16::MAX`] for all above it.
    pub fn indices(&self) -> &[u16] {
        self.indices.get(..self.depth).unwrap_or_default()
    }

    fn enter(&mut self) {
        self.depth = self.depth.saturating_add(1);
    }

    fn set(&mut self, index: usize) {
        let last = self.depth.checked_sub(1);
        if let Some(place) = last.and_then(|last| self.indices.get_mut(last)) {
            *place = u16::try_from(index).unwrap_or(u16::MAX);
        }
    }

    fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }
}

impl fmt::Display for ParamPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((first, rest)) = self.indices().split_first() else {
            return f.write_str("parameters");
        };
        write!(f, "parameter {first}")?;
        rest.iter().try_for_each(|index| write!(f, ".{index}"))
    }
}

/// Checks that `values` are of `types`, all the way down.
pub(super) fn check(types: Types<'_>, values: &[Value<'_>]) -> Result<(), ValueError> {
    let mut path = ParamPath::default();
    check_list(types, values, &mut path).map_err(|what| ValueError { what, path })
}

/// After an error, `path` leads to the value.
fn check_list(
    types: Types<'_>,
    values: &[Value<'_>],
    path: &mut ParamPath,
) -> Result<(), ValueErrorKind> {
    require_count(types.len(), values.len())?;
    path.enter();
    for (index, (ty, value)) in types.zip(values).enumerate() {
        path.set(index);
        check_value(ty, value, path)?;
    }
    path.leave();
    Ok(())
}

fn check_value(
    ty: Type<'_>,
    value: &Value<'_>,
    path: &mut ParamPath,
) -> Result<(), ValueErrorKind> {
    match (ty.kind(), value) {
        (Kind::Uint { bits }, Value::Uint(value)) => in_range(value.bits() <= bits),
        (Kind::Int { bits }, Value::Int(value)) => in_range(value.fits(bits)),
        (Kind::FixedBytes { len }, Value::FixedBytes(bytes)) => require_len(len, bytes.len()),
        (Kind::Bool, Value::Bool(_))
        | (Kind::Address, Value::Address(_))
        | (Kind::Bytes, Value::Bytes(_))
        | (Kind::String, Value::String(_)) => Ok(()),
        (Kind::Array { element, len }, Value::Array(members)) => {
            let types = Types::repeat(element, len.unwrap_or(members.len()));
            check_list(types, members, path)
        }
        (Kind::Tuple(types), Value::Tuple(members)) => check_list(types, members, path),
        _ => Err(ValueErrorKind::WrongKind),
    }
}

fn in_range(fits: bool) -> Result<(), ValueErrorKind> {
    if fits {
        Ok(())
    } else {
        Err(ValueErrorKind::OutOfRange)
    }
}

fn require_len(expected: usize, found: usize) -> Result<(), ValueErrorKind> {
    if expected == found {
        Ok(())
    } else {
        Err(ValueErrorKind::WrongLength { expected, found })
    }
}

fn require_count(expected: usize, found: usize) -> Result<(), ValueErrorKind> {
    if expected == found {
        Ok(())
    } else {
        Err(ValueErrorKind::WrongCount { expected, found })
    }
}
