//! The files: a key that comes, a bundle and a public key that go.

use std::fs;
use std::path::{Path, PathBuf};
use std::string::String;
use std::vec::Vec;
use std::{format, io};

use coracle::core::ecdsa::{PublicKey, Secp256k1, SecretKey};
use coracle::core::hex::{self, Hex};
use coracle::record::{Bundle, Place, Start};
use zeroize::Zeroizing;

use super::{Failure, Options};

/// Reads a secret key that nobody else can read.
pub(super) fn read_key(path: &Path) -> Result<SecretKey<Secp256k1>, Failure> {
    let wrong = |what: &dyn std::fmt::Display| format!("key file {}: {what}", path.display());
    check_mode(path).map_err(|error| wrong(&error))?;
    let text = fs::read(path).map_err(|error| wrong(&error))?;
    let text = Zeroizing::new(text);
    let scalar = str::from_utf8(&text).ok();
    let scalar = scalar.and_then(|text| hex::decode_array(text.trim()).ok());
    let scalar = scalar.ok_or(wrong(&"not 0x and 64 hexadecimal digits"))?;
    let scalar = Zeroizing::new(scalar);
    Ok(SecretKey::from_bytes(&scalar).map_err(|error| wrong(&error))?)
}

#[cfg(unix)]
fn check_mode(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;

    let mode = fs::metadata(path)?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(io::Error::other("others can read it; chmod 600"));
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_mode(path: &Path) -> io::Result<()> {
    fs::metadata(path).map(|_| ())
}

/// Where the public key goes.
pub(super) fn public_path(options: &Options) -> PathBuf {
    options.bundle.with_extension("pub")
}

/// Writes the bundle and, beside it, the key that an auditor has from elsewhere.
pub(super) fn export(
    options: &Options,
    public: &PublicKey<Secp256k1>,
    bundle: &[u8],
) -> Result<(), Failure> {
    if let Some(folder) = options.bundle.parent() {
        fs::create_dir_all(folder).map_err(|error| at(folder, &error))?;
    }
    write(&options.bundle, bundle)?;
    let key: String = format!("{}\n", Hex(&public.to_compressed()));
    write(&public_path(options), key.as_bytes())
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    fs::write(path, bytes).map_err(|error| at(path, &error))
}

fn at(path: &Path, error: &io::Error) -> Failure {
    format!("{}: {error}", path.display()).into()
}

/// Reads the bundle back and audits it, as whoever gets it does; gives its records.
pub(super) fn verify(
    options: &Options,
    public: &PublicKey<Secp256k1>,
) -> Result<Vec<Vec<u8>>, Failure> {
    let bytes = fs::read(&options.bundle).map_err(|error| at(&options.bundle, &error))?;
    let bundle = Bundle::decode(&bytes)?;
    let mut audit = bundle.audit(public, options.device, Start::At(Place::FIRST));
    let records = audit.by_ref().filter_map(|entry| entry.record);
    let records = records.map(|record| record.as_bytes().to_vec()).collect();
    let summary = audit.finish();
    if !summary.is_complete() || summary.intact != u64::from(options.readings) {
        return Err(format!("the bundle does not verify: {summary:?}").into());
    }
    Ok(records)
}
