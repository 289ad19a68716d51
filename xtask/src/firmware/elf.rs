//! What an image takes, from the section table of its ELF file.
//!
//! Only 32-bit little-endian files are read: the form of every part that firmware is
//! built for. The layout is that of the System V ABI, chapter 4.
//!
//! | offset | bytes | of the file header |
//! | ---: | ---: | --- |
//! | 0 | 6 | magic, class 1 (32-bit), data 1 (little-endian) |
//! | 32 | 4 | where the section table is |
//! | 46 | 2 + 2 + 2 | bytes of an entry, entries, which entry holds the names |
//!
//! | offset | bytes | of an entry |
//! | ---: | ---: | --- |
//! | 0 | 4 | where its name is |
//! | 4 | 4 | type; 8 is memory without bytes in the file |
//! | 8 | 4 | flags: 1 written to at run time, 2 takes memory |
//! | 16 | 4 | where its bytes are |
//! | 20 | 4 | size |

use crate::sh::Result;

const MAGIC: &[u8] = b"\x7fELF\x01\x01";
const NO_BYTES: u32 = 8;
const WRITTEN: u32 = 1;
const TAKES_MEMORY: u32 = 2;

/// What linker scripts set aside but nothing is put in.
const SET_ASIDE: &[&str] = &[".heap", ".stack"];

/// What an image takes of a part.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Sizes {
    /// Code, constants, and the first values of variables.
    pub(crate) flash_bytes: u64,
    /// Variables; the stack comes on top.
    pub(crate) static_ram_bytes: u64,
}

impl Sizes {
    pub(crate) fn of(file: &[u8]) -> Result<Self> {
        sizes(file).ok_or_else(|| "not a 32-bit little-endian ELF file".into())
    }
}

fn sizes(file: &[u8]) -> Option<Sizes> {
    file.starts_with(MAGIC).then_some(())?;
    let names = section(file, half(file, 50)?)?;
    let mut sizes = Sizes::default();
    for index in 0..half(file, 48)? {
        let entry = section(file, index)?;
        let name = text(file, word(names, 16)?.checked_add(word(entry, 0)?)?)?;
        let (kind, flags, size) = (word(entry, 4)?, word(entry, 8)?, word(entry, 20)?);
        if flags & TAKES_MEMORY == 0 || SET_ASIDE.contains(&name) {
            continue;
        }
        if kind != NO_BYTES {
            sizes.flash_bytes += u64::from(size);
        }
        if flags & WRITTEN != 0 {
            sizes.static_ram_bytes += u64::from(size);
        }
    }
    Some(sizes)
}

/// An entry of the section table.
fn section(file: &[u8], index: u16) -> Option<&[u8]> {
    let table = usize::try_from(word(file, 32)?).ok()?;
    let entry = usize::from(half(file, 46)?);
    let at = table.checked_add(entry.checked_mul(usize::from(index))?)?;
    file.get(at..at.checked_add(entry)?)
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    let (bytes, _) = bytes.get(at..)?.split_first_chunk()?;
    Some(u16::from_le_bytes(*bytes))
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let (bytes, _) = bytes.get(at..)?.split_first_chunk()?;
    Some(u32::from_le_bytes(*bytes))
}

fn text(file: &[u8], at: u32) -> Option<&str> {
    let bytes = file.get(usize::try_from(at).ok()?..)?;
    let end = bytes.iter().position(|&byte| byte == 0)?;
    str::from_utf8(&bytes[..end]).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file with these sections: name, type, flags, size.
    fn elf(sections: &[(&str, u32, u32, u32)]) -> Vec<u8> {
        let mut file = vec![0; 52];
        file[..6].copy_from_slice(MAGIC);
        let names_at = file.len();
        let mut offsets = Vec::new();
        for (name, ..) in sections {
            offsets.push(file.len() - names_at);
            file.extend_from_slice(name.as_bytes());
            file.push(0);
        }
        let table = u32::try_from(file.len()).unwrap();
        file[32..36].copy_from_slice(&table.to_le_bytes());
        file[46] = 40;
        file[48] = u8::try_from(sections.len() + 1).unwrap();
        file[50] = u8::try_from(sections.len()).unwrap();
        for ((_, kind, flags, size), name) in sections.iter().zip(offsets) {
            file.extend(entry(u32::try_from(name).unwrap(), *kind, *flags, 0, *size));
        }
        file.extend(entry(0, 3, 0, u32::try_from(names_at).unwrap(), 1));
        file
    }

    fn entry(name: u32, kind: u32, flags: u32, offset: u32, size: u32) -> Vec<u8> {
        let words = [name, kind, flags, 0, offset, size, 0, 0, 0, 0];
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    #[test]
    fn first_values_take_flash_and_ram() {
        let file = elf(&[
            (".text", 1, 2 | 4, 100),
            (".rodata", 1, 2, 20),
            (".data", 1, 2 | 1, 8),
            (".bss", 8, 2 | 1, 50),
        ]);
        let expected = Sizes {
            flash_bytes: 128,
            static_ram_bytes: 58,
        };
        assert_eq!(Sizes::of(&file).unwrap(), expected);
    }

    #[test]
    fn what_is_not_loaded_takes_nothing() {
        let file = elf(&[(".debug_info", 1, 0, 9_000), (".stack", 8, 3, 4_096)]);
        assert_eq!(Sizes::of(&file).unwrap(), Sizes::default());
    }

    #[test]
    fn refuses_a_file_cut_anywhere() {
        let file = elf(&[(".text", 1, 2, 100), (".bss", 8, 3, 50)]);
        for len in 0..file.len() {
            assert!(Sizes::of(&file[..len]).is_err(), "{len}");
        }
    }

    #[test]
    fn refuses_another_class_of_file() {
        let mut file = elf(&[(".text", 1, 2, 100)]);
        file[4] = 2;
        assert!(Sizes::of(&file).is_err());
    }
}
