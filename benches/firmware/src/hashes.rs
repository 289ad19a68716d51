//! Digests of a word and of a kibibyte.

use core::hint::black_box;

use coracle_core::{B256, keccak256, sha256};

use crate::{Meter, WrongResult, check};

type Case = (&'static str, fn(&[u8]) -> B256, usize);

const CASES: [Case; 4] = [
    ("keccak256-32", keccak256, 32),
    ("keccak256-1024", keccak256, 1024),
    ("sha256-32", sha256, 32),
    ("sha256-1024", sha256, 1024),
];

static BYTES: [u8; 1024] = [0x5a; 1024];

pub(crate) fn all(meter: &mut dyn Meter) -> Result<(), WrongResult> {
    for (name, hash, len) in CASES {
        let bytes = BYTES.get(..len).ok_or(WrongResult)?;
        let known = hash(bytes);
        meter.count(name, &mut |_| check(hash(black_box(bytes)) == known))?;
    }
    Ok(())
}
