//! The modem's flash: uploaded files and certificates. Power does not erase it.

use std::collections::BTreeMap;

/// Bytes that all files together may have.
pub(crate) const CAPACITY: usize = 256 * 1024;

#[derive(Debug, Default)]
pub(crate) struct Files(BTreeMap<String, Vec<u8>>);

impl Files {
    /// False if the flash is full.
    pub(crate) fn write(&mut self, name: &str, bytes: Vec<u8>) -> bool {
        let used = self.used() - self.get(name).map_or(0, <[u8]>::len);
        if used + bytes.len() > CAPACITY {
            return false;
        }
        self.0.insert(name.to_owned(), bytes);
        true
    }

    pub(crate) fn get(&self, name: &str) -> Option<&[u8]> {
        self.0.get(name).map(Vec::as_slice)
    }

    pub(crate) fn remove(&mut self, name: &str) -> bool {
        self.0.remove(name).is_some()
    }

    /// Names and sizes.
    pub(crate) fn list(&self) -> impl Iterator<Item = (&str, usize)> {
        self.0
            .iter()
            .map(|(name, bytes)| (name.as_str(), bytes.len()))
    }

    pub(crate) fn used(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }
}
