//! What is in an image: sizes, panic call sites, and what should not be there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use object::elf::{SHF_ALLOC, SHF_WRITE};
use object::read::elf::{ElfFile32, ElfSection32};
use object::{
    Endianness, Object, ObjectSection, ObjectSymbol, Relocation, RelocationTarget, SectionFlags,
    SectionKind, SymbolKind,
};

use super::error::{Error, Result};

type File<'a> = ElfFile32<'a, Endianness>;
type Section<'a, 'f> = ElfSection32<'a, 'f, Endianness>;

/// In the name of every function that turns values into text.
const FORMATTING: &str = "core::fmt::";

/// What linker scripts set aside but nothing is put in.
const SET_ASIDE: [&str; 2] = [".heap", ".stack"];

/// Functions of a global allocator, by the ends of their names.
const ALLOCATOR: [&str; 6] = [
    "__rust_alloc",
    "__rust_alloc_zeroed",
    "__rust_dealloc",
    "__rust_realloc",
    "malloc",
    "_sbrk",
];

/// What an image takes of a part.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ImageSize {
    /// Code, constants, and the first values of variables.
    pub flash_bytes: u64,
    /// Variables; the stack comes on top.
    pub static_ram_bytes: u64,
}

/// What is in an image.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Inspection {
    /// What it takes.
    pub size: ImageSize,
    /// Bytes of code, by the crate whose function it is. What the compiler put into
    /// another function counts there.
    pub code_by_crate: BTreeMap<String, u64>,
    /// How often each panic function is called, by its name.
    pub panic_sites: BTreeMap<String, usize>,
    /// Functions of a global allocator.
    pub allocator: Vec<String>,
    /// Functions that turn values into text with `core::fmt`, whoever wants them.
    pub formatting: Vec<String>,
    /// Those that only the message of a panic wants: it is never shown.
    pub panic_formatting: Vec<String>,
    /// Paths of the machine that built it.
    pub builder_paths: Vec<String>,
}

impl Inspection {
    /// Reads an ELF file that was linked with `--emit-relocs`.
    ///
    /// # Errors
    ///
    /// It is no 32-bit ELF file, or has code without relocations.
    pub fn of(bytes: &[u8]) -> Result<Self> {
        let file = File::parse(bytes).map_err(|error| Error::at("no ELF file", error))?;
        let functions = Functions::of(&file);
        let calls = Calls::of(&file, &functions)?;
        Ok(Self {
            size: size(&file),
            code_by_crate: functions.bytes_by_crate(),
            panic_sites: calls.panic_sites,
            allocator: functions.named(|name| ALLOCATOR.contains(&last(name))),
            formatting: functions.named(|name| name.contains(FORMATTING)),
            panic_formatting: calls.panic_formatting.into_iter().collect(),
            builder_paths: builder_paths(bytes),
        })
    }

    /// Every panic call site.
    pub fn panic_site_count(&self) -> usize {
        self.panic_sites.values().sum()
    }

    /// What should not be in an image of a release: one line each, none if it is clean.
    pub fn faults(&self) -> Vec<String> {
        let kinds = [
            ("has a global allocator", &self.allocator),
            ("formats text", &self.formatting),
            ("formats the messages of panics", &self.panic_formatting),
            ("names a path of its builder", &self.builder_paths),
        ];
        let lines = kinds
            .iter()
            .flat_map(|(what, found)| found.iter().map(move |found| format!("{what}: {found}")));
        lines.collect()
    }
}

fn size(file: &File<'_>) -> ImageSize {
    let mut size = ImageSize::default();
    for section in file.sections() {
        let SectionFlags::Elf { sh_flags } = section.flags() else {
            continue;
        };
        let is_set_aside = section.name().is_ok_and(|name| SET_ASIDE.contains(&name));
        if sh_flags & u64::from(SHF_ALLOC) == 0 || is_set_aside {
            continue;
        }
        if section.kind() != SectionKind::UninitializedData {
            size.flash_bytes += section.size();
        }
        if sh_flags & u64::from(SHF_WRITE) != 0 {
            size.static_ram_bytes += section.size();
        }
    }
    size
}

/// The functions of an image, by address.
struct Functions(BTreeMap<u64, Function>);

struct Function {
    name: String,
    end: u64,
}

impl Functions {
    fn of(file: &File<'_>) -> Self {
        let functions = file.symbols().filter(|symbol| {
            symbol.kind() == SymbolKind::Text && symbol.is_definition() && symbol.size() > 0
        });
        let functions = functions.filter_map(|symbol| {
            // The lowest bit of an address says that the code is Thumb.
            let start = symbol.address() & !1;
            let name = readable(symbol.name().ok()?);
            let end = start + symbol.size();
            Some((start, Function { name, end }))
        });
        Self(functions.collect())
    }

    /// The function that an address is in.
    fn at(&self, address: u64) -> Option<&str> {
        let (_, function) = self.0.range(..=address).next_back()?;
        (address < function.end).then_some(function.name.as_str())
    }

    fn bytes_by_crate(&self) -> BTreeMap<String, u64> {
        let mut bytes = BTreeMap::new();
        for (start, function) in &self.0 {
            let name = crate_of(&function.name).to_owned();
            *bytes.entry(name).or_insert(0) += function.end - start;
        }
        bytes
    }

    fn named(&self, wanted: impl Fn(&str) -> bool) -> Vec<String> {
        let names = self.0.values().map(|function| &function.name);
        let mut names: Vec<String> = names.filter(|name| wanted(name)).cloned().collect();
        names.sort();
        names.dedup();
        names
    }
}

/// Who calls what, as far as it has to do with panics.
#[derive(Default)]
struct Calls {
    panic_sites: BTreeMap<String, usize>,
    panic_formatting: BTreeSet<String>,
}

impl Calls {
    /// Every relocation of code that points to a function.
    fn of(file: &File<'_>, functions: &Functions) -> Result<Self> {
        let mut calls = Self::default();
        let mut relocations = 0;
        let code = |section: &Section<'_, '_>| section.kind() == SectionKind::Text;
        for section in file.sections().filter(code) {
            for (address, relocation) in section.relocations() {
                relocations += 1;
                if let Some(callee) = target(file, &relocation) {
                    calls.add(functions.at(address).unwrap_or_default(), callee);
                }
            }
        }
        match relocations {
            0 => Err("linked without relocations, so calls cannot be counted".into()),
            _ => Ok(calls),
        }
    }

    fn add(&mut self, caller: &str, callee: String) {
        match (is_panic(caller), is_panic(&callee)) {
            (false, true) => *self.panic_sites.entry(callee).or_insert(0) += 1,
            (true, false) if callee.contains(FORMATTING) => {
                self.panic_formatting.insert(callee);
            }
            _ => {}
        }
    }
}

/// The name of what a relocation points to.
fn target(file: &File<'_>, relocation: &Relocation) -> Option<String> {
    let RelocationTarget::Symbol(index) = relocation.target() else {
        return None;
    };
    let symbol = file.symbol_by_index(index).ok()?;
    symbol.name().ok().map(readable)
}

/// Whether a function of `core` does nothing but panic, by the names they are given there.
fn is_panic(name: &str) -> bool {
    if name.starts_with("core::panicking::") {
        return true;
    }
    let last = last(name);
    if last == "rust_begin_unwind" {
        return true;
    }
    let is_core = name.starts_with("core::") || name.starts_with('<');
    is_core && (last.ends_with("_fail") || last.ends_with("_failed") || last.contains("panic_"))
}

/// The last part of a path.
fn last(name: &str) -> &str {
    name.rsplit("::").next().unwrap_or(name)
}

/// The crate of the function, or of the type that a trait is implemented for.
fn crate_of(name: &str) -> &str {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let start = name.find(is_part).unwrap_or_default();
    let tail = &name[start..];
    let end = tail.find(|c| !is_part(c)).unwrap_or(tail.len());
    match tail[end..].starts_with("::") {
        true => &tail[..end],
        // Start-up code, and what compilers call: `Reset`, `memcpy`.
        false => "(no crate)",
    }
}

/// The name in the source, without the hash.
fn readable(symbol: &str) -> String {
    format!("{:#}", rustc_demangle::demangle(symbol))
}

/// Folders of this machine that the file names. It was built here, so these would show.
fn builder_paths(bytes: &[u8]) -> Vec<String> {
    let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let root = root.canonicalize().ok();
    let cargo = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let folders = [root, cargo, std::env::home_dir()].into_iter().flatten();
    let folders = folders.map(|path| path.display().to_string());
    // A home of a few letters, as `/`, says nothing.
    let folders = folders.filter(|path| path.len() > 4);
    folders
        .filter(|path| holds(bytes, path.as_bytes()))
        .collect()
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_functions_that_only_panic() {
        for name in [
            "core::panicking::panic_bounds_check",
            "core::panicking::panic_const::panic_const_add_overflow",
            "core::option::unwrap_failed",
            "core::option::expect_failed",
            "core::result::unwrap_failed",
            "core::slice::index::slice_end_index_len_fail",
            "core::slice::copy_from_slice_impl::len_mismatch_fail",
            "core::cell::panic_already_borrowed",
            "__rustc::rust_begin_unwind",
        ] {
            assert!(is_panic(name), "{name}");
        }
    }

    #[test]
    fn leaves_other_functions_alone() {
        for name in [
            "core::slice::index::get",
            "coracle_modem::open_failed",
            "meter::panic_count",
            "memcpy",
        ] {
            assert!(!is_panic(name), "{name}");
        }
    }

    #[test]
    fn a_function_belongs_to_the_crate_of_its_type() {
        for (name, expected) in [
            ("coracle_net::rpc::flat::{closure#0}", "coracle_net"),
            (
                "<coracle_modem::at::At<U> as core::ops::Drop>::drop",
                "coracle_modem",
            ),
            ("<&k256::Scalar as core::ops::Mul>::mul", "k256"),
            ("memcpy", "(no crate)"),
            ("", "(no crate)"),
        ] {
            assert_eq!(crate_of(name), expected, "{name}");
        }
    }

    #[test]
    fn a_panic_within_a_panic_is_no_site() {
        let mut calls = Calls::default();
        calls.add("meter::run", "core::option::unwrap_failed".into());
        calls.add(
            "core::option::unwrap_failed",
            "core::panicking::panic".into(),
        );
        assert_eq!(calls.panic_sites.len(), 1);
    }

    #[test]
    fn only_text_for_a_panic_is_a_fault() {
        let mut calls = Calls::default();
        calls.add("coracle_core::json::write", "core::fmt::write".into());
        assert!(calls.panic_formatting.is_empty());
        let fails = "core::panicking::panic_bounds_check";
        calls.add(fails, "<usize as core::fmt::Display>::fmt".into());
        assert_eq!(calls.panic_formatting.len(), 1);
    }

    #[test]
    fn names_are_made_readable() {
        let legacy = "_ZN4core9panicking9panic_fmt17h0123456789abcdefE";
        assert_eq!(readable(legacy), "core::panicking::panic_fmt");
        assert_eq!(readable("__rust_alloc"), "__rust_alloc");
    }

    #[test]
    fn a_clean_image_has_no_faults() {
        assert!(Inspection::default().faults().is_empty());
    }

    #[test]
    fn each_fault_is_named() {
        let inspection = Inspection {
            allocator: vec!["__rust_alloc".into()],
            panic_formatting: vec!["core::fmt::write".into()],
            builder_paths: vec!["/somewhere".into()],
            ..Inspection::default()
        };
        assert_eq!(inspection.faults().len(), 3);
    }

    #[test]
    fn bytes_that_are_no_elf_file_are_refused() {
        assert!(Inspection::of(b"").is_err());
        assert!(Inspection::of(&[0; 64]).is_err());
    }
}
