//! A device secret in a file.

use core::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use coracle_store::{DeviceSecret, InsecureReadableSecret, SecretError};
use rand_core::TryCryptoRng;
use zeroize::Zeroizing;

const LEN: usize = InsecureReadableSecret::LEN;

/// 32 random bytes in a file that nobody but its owner can read (mode 0600).
///
/// # Security
///
/// As good as the protection of the file: whoever reads it and the flash has the keys.
pub struct FileSecret(Zeroizing<[u8; LEN]>);

/// Why there is no secret.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum FileSecretError {
    /// Others than the owner can read or change the file; `chmod 600`.
    OthersCanRead,
    /// The file is not of [`InsecureReadableSecret::LEN`] bytes.
    BadLength,
    /// The random source failed; no file was made.
    Random,
    /// The file system's.
    Io(io::ErrorKind),
}

impl fmt::Display for FileSecretError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OthersCanRead => f.write_str("others can read the secret; chmod 600"),
            Self::BadLength => write!(f, "the secret is not of {LEN} bytes"),
            Self::Random => f.write_str("random source failed"),
            Self::Io(kind) => write!(f, "file: {kind}"),
        }
    }
}

impl core::error::Error for FileSecretError {}

impl From<io::Error> for FileSecretError {
    fn from(error: io::Error) -> Self {
        Self::Io(error.kind())
    }
}

impl fmt::Debug for FileSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FileSecret")
    }
}

impl FileSecret {
    /// Reads the secret.
    ///
    /// # Errors
    ///
    /// All but [`FileSecretError::Random`].
    pub fn open(path: &Path) -> Result<Self, FileSecretError> {
        let mut file = File::open(path)?;
        check_mode(&file)?;
        let mut secret = Self(Zeroizing::new([0; LEN]));
        let is_long_enough = file.read_exact(secret.0.as_mut_slice()).is_ok();
        if !is_long_enough || file.read(&mut [0])? > 0 {
            return Err(FileSecretError::BadLength);
        }
        Ok(secret)
    }

    /// Reads the secret; makes one where there is no file. The making of a file that was
    /// cut off leaves none.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open), and [`FileSecretError::Random`].
    pub fn open_or_create(
        path: &Path,
        rng: &mut impl TryCryptoRng,
    ) -> Result<Self, FileSecretError> {
        if path.exists() {
            return Self::open(path);
        }
        let mut bytes = Zeroizing::new([0; LEN]);
        rng.try_fill_bytes(bytes.as_mut_slice())
            .map_err(|_| FileSecretError::Random)?;
        let half = path.with_extension("new");
        // Left over from a making that was cut off; nothing was sealed with it.
        let _ = std::fs::remove_file(&half);
        let mut file = options().open(&half)?;
        file.write_all(bytes.as_slice())?;
        file.sync_all()?;
        std::fs::rename(&half, path)?;
        Ok(Self(bytes))
    }
}

#[cfg(unix)]
fn options() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt as _;

    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    options
}

#[cfg(not(unix))]
fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    options
}

#[cfg(unix)]
fn check_mode(file: &File) -> Result<(), FileSecretError> {
    use std::os::unix::fs::PermissionsExt as _;

    match file.metadata()?.permissions().mode() & 0o077 {
        0 => Ok(()),
        _ => Err(FileSecretError::OthersCanRead),
    }
}

#[cfg(not(unix))]
fn check_mode(_: &File) -> Result<(), FileSecretError> {
    Ok(())
}

impl DeviceSecret for FileSecret {
    fn derive(&mut self, context: &[u8], key: &mut [u8; 32]) -> Result<(), SecretError> {
        InsecureReadableSecret::new(&self.0).derive(context, key)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::vec;

    use getrandom::SysRng;

    use super::*;

    fn derived(secret: &mut FileSecret) -> [u8; 32] {
        let mut key = [0; 32];
        secret.derive(b"a test", &mut key).unwrap();
        key
    }

    #[test]
    fn secret_stays_the_same_and_is_the_files_own() {
        let folder = tempfile::tempdir().unwrap();
        let open = |name| FileSecret::open_or_create(&folder.path().join(name), &mut SysRng);
        let first = derived(&mut open("a").unwrap());
        assert_eq!(derived(&mut open("a").unwrap()), first);
        assert_ne!(derived(&mut open("b").unwrap()), first);
    }

    #[test]
    fn refuses_a_file_of_another_length() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        drop(FileSecret::open_or_create(&path, &mut SysRng).unwrap());
        for len in [0, LEN - 1, LEN + 1] {
            fs::write(&path, vec![1; len]).unwrap();
            assert_eq!(
                FileSecret::open(&path).unwrap_err(),
                FileSecretError::BadLength
            );
        }
    }

    #[test]
    fn no_secret_is_made_where_one_is_expected() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        let error = FileSecret::open(&path).unwrap_err();
        assert_eq!(error, FileSecretError::Io(io::ErrorKind::NotFound));
        assert!(!path.exists());
    }

    #[cfg(unix)]
    #[test]
    fn refuses_a_file_that_others_can_read() {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        drop(FileSecret::open_or_create(&path, &mut SysRng).unwrap());
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        for mode in [0o640, 0o604, 0o620] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let error = FileSecret::open(&path).unwrap_err();
            assert_eq!(error, FileSecretError::OthersCanRead);
        }
    }
}
