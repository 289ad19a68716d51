//! `coracle record`.

mod chain;
mod key;
mod show;
mod verify;

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use coracle_core::Encode;
use coracle_core::ecdsa::SecretKey;
use coracle_record::{Algorithm, Bundle, BundleHeader, FormatError};
use zeroize::Zeroizing;

use self::key::AlgorithmArg;
use crate::failure::{Failure, Within};
use crate::input::{read_file, to_bytes};
use crate::output::{Lines, Outcome};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check a record or a bundle against a key, offline or against a chain too.
    Verify(Box<VerifyArgs>),
    /// Show what a record or a bundle claims. Verifies nothing.
    Show(ShowArgs),
}

#[derive(Args, Debug)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    lines: Lines,
    /// The record or bundle, as bytes or as 0x text.
    file: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    lines: Lines,
    /// The record or bundle, as bytes or as 0x text.
    file: Option<PathBuf>,
    /// The device's public key: SEC 1, as hexadecimal digits or a file with them.
    #[arg(long, value_name = "HEX|FILE")]
    key: Option<String>,
    /// The algorithm of the key; auto takes what the records say.
    #[arg(long, value_enum, default_value_t)]
    alg: AlgorithmArg,
    /// The device: text, or 0x and digits. Without it, the one that a bundle names.
    #[arg(long)]
    device: Option<String>,
    /// The bundle starts at this number and not at 0; needs --previous.
    #[arg(long, value_name = "NUMBER", requires = "previous")]
    from: Option<u64>,
    /// The hash of the trusted record before --from.
    #[arg(long, value_name = "HASH", requires = "from")]
    previous: Option<coracle_core::B256>,
    /// Take whatever record comes first as the start.
    #[arg(long, conflicts_with = "from")]
    from_anywhere: bool,
    #[command(flatten)]
    chain: chain::ChainArgs,
}

impl Command {
    pub(crate) fn run(self, out: &mut dyn Write) -> Outcome {
        match self {
            Self::Verify(args) => args.run(out),
            Self::Show(args) => args.run(out),
        }
    }
}

/// What starts every bundle: CBOR's own tag (RFC 8949 section 3.4.6).
const BUNDLE_MAGIC: [u8; 3] = [0xd9, 0xd9, 0xf7];

fn is_bundle(bytes: &[u8]) -> bool {
    bytes.starts_with(&BUNDLE_MAGIC)
}

/// A file's bytes, or the bytes that its text stands for.
fn read_bytes(path: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let content = read_file(path)?;
    match std::str::from_utf8(&content).map(str::trim) {
        Ok(text) if text.starts_with("0x") => {
            to_bytes(text).map(Zeroizing::new).within(path.display())
        }
        _ => Ok(content),
    }
}

/// The records of a bundle as they stand, up to where it cannot be read.
///
/// The audit says which is which; this walks the same byte strings without a key.
fn entries<'a>(bytes: &'a [u8], bundle: &Bundle<'_>) -> Result<Vec<&'a [u8]>, Failure> {
    let mut rest = bytes.get(header_len(bundle)?..).unwrap_or_default();
    let mut entries = Vec::new();
    while let Some((entry, after)) = byte_string(rest) {
        entries.push(entry);
        rest = after;
    }
    Ok(entries)
}

/// The header has one form, so its length is that of one with another key.
fn header_len(bundle: &Bundle<'_>) -> Result<usize, Failure> {
    let device = *bundle.claimed_device();
    Ok(match bundle.claimed_algorithm() {
        Algorithm::Es256 => {
            let key = SecretKey::<coracle_core::ecdsa::P256>::from_bytes(&[1; 32])?;
            BundleHeader::new(device, key.public_key()).encoded_len()
        }
        Algorithm::Es256k => {
            let key = SecretKey::<coracle_core::ecdsa::Secp256k1>::from_bytes(&[1; 32])?;
            BundleHeader::new(device, key.public_key()).encoded_len()
        }
        other => return Err(unknown_algorithm(other)),
    })
}

fn unknown_algorithm(algorithm: Algorithm) -> Failure {
    Failure::new("unknown-algorithm", format!("{algorithm} not supported"))
}

/// A CBOR byte string (RFC 8949 section 3, major type 2) and what follows it.
fn byte_string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (first, rest) = bytes.split_first()?;
    let digits = match first {
        0x40..=0x57 => return rest.split_at_checked(usize::from(first - 0x40)),
        0x58 => 1,
        0x59 => 2,
        0x5a => 4,
        _ => return None,
    };
    let (digits, rest) = rest.split_at_checked(digits)?;
    let len = digits
        .iter()
        .fold(0_usize, |len, byte| (len << 8) | usize::from(*byte));
    rest.split_at_checked(len)
}

fn decode_bundle(bytes: &[u8]) -> Result<Bundle<'_>, Failure> {
    Bundle::decode(bytes).map_err(|FormatError { offset, fault }| {
        let message = format!("not a bundle: {fault} at byte {offset}");
        Failure::new(Failure::from(FormatError { offset, fault }).kind(), message)
    })
}
