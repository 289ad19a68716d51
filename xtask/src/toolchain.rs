//! Compilers for bare metal.
//!
//! Two can do it. `rustup` has ready-made libraries for each target. Where it may not or
//! cannot fetch them, the `distribution` steps in: Debian's compiler and library sources,
//! which build `core` and nothing else. What is installed already is preferred.

use std::{
    env,
    path::{Path, PathBuf},
};

use crate::{
    apt,
    sh::{Cmd, Result},
    workspace,
};

/// The targets of every board, emulated or not, that the chores build for.
pub(crate) const TARGETS: &[&str] = &[
    "thumbv6m-none-eabi",
    "thumbv7em-none-eabihf",
    "thumbv8m.main-none-eabihf",
    "riscv32imac-unknown-none-elf",
];

/// 32-bit limbs on 32-bit targets, as in `.cargo/config.toml`: flags in the environment
/// hide the ones of that file, so they are said again.
pub(crate) const LIMBS: [&str; 4] = [
    "--cfg",
    "cpubits=\"32\"",
    "--cfg",
    "sha2_backend_soft=\"compact\"",
];

const DISTRIBUTION_RUSTC: &str = "/usr/bin/rustc";
const DISTRIBUTION_PACKAGES: &[&str] = &["rustc-web", "rust-web-src"];

/// Who provides `core` for a target.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Toolchain {
    Rustup,
    Distribution,
}

impl Toolchain {
    /// The one the user names, or with `auto` the best for the target.
    pub(crate) fn find(wanted: &str, target: &str) -> Result<Self> {
        match wanted {
            "auto" => choose(target),
            "rustup" => rustup(target),
            "distribution" => distribution(),
            other => Err(format!("no toolchain `{other}`").into()),
        }
    }

    /// A folder name, so that what one compiler built does not push out the other's.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Rustup => "rustup",
            Self::Distribution => "distribution",
        }
    }

    /// `cargo` arguments and variables under which this toolchain builds.
    pub(crate) fn apply(self, cmd: Cmd) -> Cmd {
        match self {
            Self::Rustup => cmd,
            Self::Distribution => cmd
                .arg("-Zbuild-std=core")
                .env("RUSTC_BOOTSTRAP", "1")
                .env("RUSTC", DISTRIBUTION_RUSTC),
        }
    }

    /// The linker, where the compiler does not bring its own.
    pub(crate) fn linker(self) -> Result<Option<PathBuf>> {
        match self {
            Self::Rustup => Ok(None),
            Self::Distribution => linker().map(Some),
        }
    }

    /// Where the compiler's own files are: the sources of `core` among them.
    pub(crate) fn sysroot(self) -> Result<PathBuf> {
        sysroot(match self {
            Self::Rustup => "rustc",
            Self::Distribution => DISTRIBUTION_RUSTC,
        })
    }
}

/// Makes sure that every target can be built somehow.
pub(crate) fn provide() -> Result {
    for &target in TARGETS {
        if choose(target).is_ok() {
            continue;
        }
        apt::install_newest(DISTRIBUTION_PACKAGES)?;
        choose(target)?.linker()?;
    }
    Ok(())
}

/// What is there already wins; then rustup may fetch; the distribution is what remains.
fn choose(target: &str) -> Result<Toolchain> {
    if is_installed(target) {
        return Ok(Toolchain::Rustup);
    }
    if may_fetch() && rustup(target).is_ok() {
        return Ok(Toolchain::Rustup);
    }
    distribution()
}

/// `RUSTUP_AUTO_INSTALL=0` is the user's word that nothing is fetched unasked.
fn may_fetch() -> bool {
    env::var("RUSTUP_AUTO_INSTALL").map_or(true, |value| value != "0")
}

fn is_installed(target: &str) -> bool {
    let installed = Cmd::new("rustup")
        .args(["target", "list", "--installed"])
        .read();
    installed.is_ok_and(|list| list.lines().any(|line| line == target))
}

fn rustup(target: &str) -> Result<Toolchain> {
    if !is_installed(target) {
        Cmd::new("rustup").args(["target", "add", target]).read()?;
    }
    Ok(Toolchain::Rustup)
}

fn distribution() -> Result<Toolchain> {
    let sources = sysroot(DISTRIBUTION_RUSTC)?.join("lib/rustlib/src/rust/library/core");
    if !sources.exists() {
        let packages = DISTRIBUTION_PACKAGES.join(" ");
        return Err(format!("no library sources; install {packages}").into());
    }
    let found = Cmd::new(DISTRIBUTION_RUSTC).arg("--version").read()?;
    let needed = workspace::rust_version()?;
    match (minor(&found), minor(&needed)) {
        (Some(found), Some(needed)) if found >= needed => Ok(Toolchain::Distribution),
        _ => {
            let found = found.trim();
            Err(format!("{DISTRIBUTION_RUSTC} is {found}, Rust {needed} is needed").into())
        }
    }
}

/// The second number of the first `1.N` in a text.
fn minor(text: &str) -> Option<u32> {
    let word = text.split(' ').find_map(|word| word.strip_prefix("1."))?;
    word.split('.').next()?.parse().ok()
}

fn sysroot(rustc: &str) -> Result<PathBuf> {
    let path = Cmd::new(rustc).args(["--print", "sysroot"]).read()?;
    Ok(PathBuf::from(path.trim()))
}

/// LLD: the installed toolchain has one beside its libraries, else the path has one.
fn linker() -> Result<PathBuf> {
    let hosts = sysroot("rustc").map(|root| workspace::entries(&root.join("lib/rustlib")));
    let beside = hosts.unwrap_or_default().into_iter();
    let mut beside = beside.map(|host| host.join("bin/rust-lld"));
    if let Some(found) = beside.find(|path| path.exists()) {
        return Ok(found);
    }
    let named = ["rust-lld", "ld.lld"];
    let on_path = named.into_iter().find(|name| is_linker(Path::new(name)));
    on_path.map(PathBuf::from).ok_or_else(|| {
        "no linker for bare metal: neither rust-lld in the toolchain nor ld.lld here".into()
    })
}

/// `rust-lld` answers only when told whom to play.
fn is_linker(path: &Path) -> bool {
    let plain = Cmd::new(path).arg("--version");
    plain.succeeds()
        || Cmd::new(path)
            .args(["-flavor", "gnu", "--version"])
            .succeeds()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_told_apart() {
        assert_eq!(minor("rustc 1.85.0 (4d91de4e4 2025-02-17)"), Some(85));
        assert_eq!(minor("1.95"), Some(95));
        assert_eq!(minor("rustc nightly"), None);
    }

    #[test]
    fn an_unknown_toolchain_is_refused() {
        let error = Toolchain::find("nightly", "thumbv6m-none-eabi").unwrap_err();
        assert!(error.to_string().contains("`nightly`"));
    }
}
