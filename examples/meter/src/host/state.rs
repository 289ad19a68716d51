//! What a meter on a host keeps: its flash, its secret, and what its console showed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::vec::Vec;
use std::{format, vec};

use coracle::core::Encode;
use coracle::core::ecdsa::{PublicKey, Secp256k1};
use coracle::host::{FileFlash, FileSecret};
use coracle::record::{Bundle, BundleEntry, BundleHeader, DeviceId, Start};
use getrandom::SysRng;

use super::Failure;

/// Pages of the flash: 64 KiB.
const PAGES: usize = 16;

/// A folder with the state of one meter.
///
/// | file | what |
/// | --- | --- |
/// | `flash` | the flash: key, numbers, readings on their way |
/// | `secret` | the device's secret, mode 0600 |
/// | `console-N.cbor` | what run N wrote to the console: a bundle, cut off with the run |
/// | `lock` | held by the run that is on |
pub(super) struct State {
    folder: PathBuf,
    _lock: File,
    /// Removes the folder in the end, where nobody asked for it.
    _temporary: Option<tempfile::TempDir>,
}

impl State {
    /// The state in `folder`, which is made where there is none; else one that is gone
    /// after the run.
    pub(super) fn open(folder: Option<&Path>) -> Result<Self, Failure> {
        let (folder, temporary) = match folder {
            Some(folder) => (folder.to_path_buf(), None),
            None => {
                let temporary = tempfile::tempdir()?;
                (temporary.path().to_path_buf(), Some(temporary))
            }
        };
        fs::create_dir_all(&folder).map_err(|error| at(&folder, &error))?;
        let lock = File::create(folder.join("lock")).map_err(|error| at(&folder, &error))?;
        lock.try_lock()
            .map_err(|error| format!("{}: another meter runs on it: {error}", folder.display()))?;
        Ok(Self {
            folder,
            _lock: lock,
            _temporary: temporary,
        })
    }

    pub(super) fn flash(&self) -> Result<FileFlash, Failure> {
        let path = self.folder.join("flash");
        FileFlash::open(&path, PAGES).map_err(|error| at(&path, &error))
    }

    pub(super) fn secret(&self) -> Result<FileSecret, Failure> {
        let path = self.folder.join("secret");
        let secret = FileSecret::open_or_create(&path, &mut SysRng);
        secret.map_err(|error| format!("{}: {error}", path.display()).into())
    }

    /// A console for the next run.
    pub(super) fn console(&self) -> Result<Chunk, Failure> {
        let path = self.console_path(self.consoles()?.len());
        let file = OpenOptions::new().append(true).create_new(true).open(&path);
        Ok(Chunk(file.map_err(|error| at(&path, &error))?))
    }

    /// What the consoles of all runs showed, oldest first.
    pub(super) fn consoles(&self) -> Result<Vec<Vec<u8>>, Failure> {
        let mut consoles = Vec::new();
        loop {
            let path = self.console_path(consoles.len());
            if !path.exists() {
                return Ok(consoles);
            }
            consoles.push(fs::read(&path).map_err(|error| at(&path, &error))?);
        }
    }

    fn console_path(&self, run: usize) -> PathBuf {
        self.folder.join(format!("console-{run}.cbor"))
    }
}

fn at(path: &Path, error: &io::Error) -> Failure {
    format!("{}: {error}", path.display()).into()
}

/// What one run writes to the console.
#[derive(Debug)]
pub(super) struct Chunk(File);

impl embedded_io::ErrorType for Chunk {
    type Error = io::Error;
}

impl embedded_io::Write for Chunk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Joins what a meter wrote to its console in several runs, oldest first, to one bundle of
/// `device`'s records from the first on.
///
/// A run that was cut off leaves half a record at the end of its console, and the run
/// after it repeats the newest one. What is not signed by `key`, or is no next record, is
/// left out; whoever audits the bundle sees what is missing.
pub fn join_consoles(
    consoles: &[Vec<u8>],
    key: &PublicKey<Secp256k1>,
    device: DeviceId,
) -> Vec<u8> {
    let mut joined = bytes_of(&BundleHeader::new(device, key));
    let mut next = 0;
    let bundles = consoles
        .iter()
        .filter_map(|bytes| Bundle::decode(bytes).ok());
    for bundle in bundles {
        let entries = bundle.audit(key, device, Start::Anywhere);
        for record in entries.filter_map(|entry| entry.record) {
            if record.place().sequence() == next {
                joined.extend(bytes_of(&BundleEntry(&record.as_bytes())));
                next += 1;
            }
        }
    }
    joined
}

fn bytes_of(value: &dyn Encode) -> Vec<u8> {
    let mut bytes = vec![0; value.encoded_len()];
    // It is as long as it says.
    let _ = value.encode_into(&mut bytes);
    bytes
}
