//! NOR flash in a file.

use core::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::vec;

use embedded_storage_async::nor_flash::{
    ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash,
};

const ERASED: u8 = 0xff;

/// A file that behaves as NOR flash. What was written is on the disk when a call returns,
/// as far as the operating system can tell.
#[derive(Debug)]
pub struct FileFlash {
    file: File,
    len: usize,
}

impl FileFlash {
    /// Bytes in a page, which is erased as one.
    pub const PAGE_LEN: usize = 4096;

    /// Opens a flash of so many pages; a file that is not there is made, all erased.
    ///
    /// # Errors
    ///
    /// The file system's; [`io::ErrorKind::InvalidData`] where the file has another
    /// length. The making of a file that was cut off leaves none.
    pub fn open(path: &Path, pages: usize) -> io::Result<Self> {
        let len = pages.saturating_mul(Self::PAGE_LEN);
        if !path.exists() {
            Self::make(path, len)?;
        }
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        if file.metadata()?.len() != u64::try_from(len).unwrap_or(u64::MAX) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "a flash of another size",
            ));
        }
        Ok(Self { file, len })
    }

    /// Whole under another name first.
    fn make(path: &Path, len: usize) -> io::Result<()> {
        let half = path.with_extension("new");
        let mut file = File::create(&half)?;
        file.write_all(&vec![ERASED; len])?;
        file.sync_all()?;
        std::fs::rename(&half, path)
    }

    /// Turns to `len` bytes at `offset`, which must lie within and at borders of `unit`.
    fn seek(&mut self, offset: usize, len: usize, unit: usize) -> Result<(), FileFlashError> {
        if !offset.is_multiple_of(unit) || !len.is_multiple_of(unit) {
            return Err(FileFlashError::NotAligned);
        }
        if offset.saturating_add(len) > self.len {
            return Err(FileFlashError::OutOfBounds);
        }
        let offset = u64::try_from(offset).unwrap_or(u64::MAX);
        self.file.seek(SeekFrom::Start(offset))?;
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), FileFlashError> {
        self.file.write_all(bytes)?;
        self.file.sync_data()?;
        Ok(())
    }
}

/// Why a flash in a file refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum FileFlashError {
    /// An offset or a length is not a multiple of the size of a page or a word.
    NotAligned,
    /// Past the end.
    OutOfBounds,
    /// The words were written since their page was erased.
    NotErased,
    /// The file system's.
    Io(io::ErrorKind),
}

impl fmt::Display for FileFlashError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAligned => f.write_str("not at the border of a page or word"),
            Self::OutOfBounds => f.write_str("past the end"),
            Self::NotErased => f.write_str("words that are not erased"),
            Self::Io(kind) => write!(f, "file: {kind}"),
        }
    }
}

impl core::error::Error for FileFlashError {}

impl From<io::Error> for FileFlashError {
    fn from(error: io::Error) -> Self {
        Self::Io(error.kind())
    }
}

impl NorFlashError for FileFlashError {
    fn kind(&self) -> NorFlashErrorKind {
        match self {
            Self::NotAligned => NorFlashErrorKind::NotAligned,
            Self::OutOfBounds => NorFlashErrorKind::OutOfBounds,
            _ => NorFlashErrorKind::Other,
        }
    }
}

impl ErrorType for FileFlash {
    type Error = FileFlashError;
}

impl ReadNorFlash for FileFlash {
    const READ_SIZE: usize = 1;

    async fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), FileFlashError> {
        self.seek(offset as usize, bytes.len(), Self::READ_SIZE)?;
        self.file.read_exact(bytes)?;
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.len
    }
}

impl NorFlash for FileFlash {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = Self::PAGE_LEN;

    async fn erase(&mut self, from: u32, to: u32) -> Result<(), FileFlashError> {
        let len = to.saturating_sub(from) as usize;
        self.seek(from as usize, len, Self::ERASE_SIZE)?;
        self.put(&vec![ERASED; len])
    }

    /// Nothing is written where a word is not erased.
    async fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), FileFlashError> {
        let mut before = vec![0; bytes.len()];
        self.seek(offset as usize, bytes.len(), Self::WRITE_SIZE)?;
        self.file.read_exact(&mut before)?;
        if before.iter().any(|byte| *byte != ERASED) {
            return Err(FileFlashError::NotErased);
        }
        self.seek(offset as usize, bytes.len(), Self::WRITE_SIZE)?;
        self.put(bytes)
    }
}

#[cfg(test)]
mod tests {
    use coracle_net::host::block_on;

    use super::*;

    const PAGE: u32 = 4096;

    fn flash(folder: &tempfile::TempDir) -> io::Result<FileFlash> {
        FileFlash::open(&folder.path().join("flash"), 3)
    }

    #[test]
    fn what_is_written_is_there_when_the_file_is_opened_again() {
        let folder = tempfile::tempdir().unwrap();
        block_on(flash(&folder).unwrap().write(PAGE + 8, b"coracle.")).unwrap();
        let mut read = [0; 12];
        block_on(flash(&folder).unwrap().read(PAGE + 4, &mut read)).unwrap();
        assert_eq!(read, *b"\xff\xff\xff\xffcoracle.");
    }

    #[test]
    fn a_word_is_written_once_until_its_page_is_erased() {
        let folder = tempfile::tempdir().unwrap();
        let mut flash = flash(&folder).unwrap();
        block_on(flash.write(4, &[0; 8])).unwrap();
        let again = block_on(flash.write(8, &[0; 8]));
        assert_eq!(again, Err(FileFlashError::NotErased));
        let mut read = [1; 4];
        block_on(flash.read(12, &mut read)).unwrap();
        assert_eq!(read, [ERASED; 4], "nothing of a refused write is there");
        block_on(flash.erase(0, PAGE)).unwrap();
        block_on(flash.write(8, &[0; 8])).unwrap();
    }

    #[test]
    fn refuses_what_lies_outside_or_not_at_a_border() {
        let folder = tempfile::tempdir().unwrap();
        let mut flash = flash(&folder).unwrap();
        assert_eq!(flash.capacity(), 3 * FileFlash::PAGE_LEN);
        let outside = Err(FileFlashError::OutOfBounds);
        assert_eq!(block_on(flash.read(3 * PAGE, &mut [0; 1])), outside);
        assert_eq!(block_on(flash.write(3 * PAGE - 4, &[0; 8])), outside);
        assert_eq!(block_on(flash.erase(2 * PAGE, 4 * PAGE)), outside);
        let crooked = Err(FileFlashError::NotAligned);
        assert_eq!(block_on(flash.write(2, &[0; 4])), crooked);
        assert_eq!(block_on(flash.write(4, &[0; 3])), crooked);
        assert_eq!(block_on(flash.erase(0, 64)), crooked);
    }

    #[test]
    fn refuses_a_file_of_another_size() {
        let folder = tempfile::tempdir().unwrap();
        drop(flash(&folder).unwrap());
        let error = FileFlash::open(&folder.path().join("flash"), 4).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }
}
