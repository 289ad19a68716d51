//! Test vectors of `tests/vectors`.

use serde_json::Value;

/// One case of a vector file: a JSON object with a `name` that is unique in its file.
#[derive(Clone, Debug)]
pub struct Case(pub Value);

impl Case {
    /// The name of the case.
    pub fn name(&self) -> &str {
        self.str("name")
    }

    /// Whether the case has this field, with a value that is not null.
    pub fn has(&self, field: &str) -> bool {
        !self.0[field].is_null()
    }

    /// A text field.
    ///
    /// Panics where it is missing.
    pub fn str(&self, field: &str) -> &str {
        self.0[field]
            .as_str()
            .unwrap_or_else(|| panic!("{}: no text in {field}", self.0["name"]))
    }

    /// A field of bytes, as `0x` and hexadecimal digits.
    ///
    /// Panics where it is missing or malformed.
    pub fn bytes(&self, field: &str) -> Vec<u8> {
        unhex(self.str(field))
    }

    /// A field of exactly `N` bytes.
    ///
    /// Panics where it is missing or of another length.
    pub fn array<const N: usize>(&self, field: &str) -> [u8; N] {
        self.bytes(field)
            .try_into()
            .unwrap_or_else(|_| panic!("{}: length of {field}", self.name()))
    }
}

/// Every case of `tests/vectors/<path>`, such as `ethereum/rlp.json`.
///
/// Panics where the file is missing, malformed or empty.
pub fn cases(path: &str) -> Vec<Case> {
    let file = crate::root().join("tests/vectors").join(path);
    let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{path}: {error}"));
    let values: Vec<Value> = serde_json::from_str(&text).expect(path);
    assert!(!values.is_empty(), "{path} holds no case");
    values.into_iter().map(Case).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = text.strip_prefix("0x").expect("0x");
    assert!(
        digits.len().is_multiple_of(2),
        "odd number of digits: {text}"
    );
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).expect("hexadecimal digits"))
        .collect()
}
