//! `nostd`: the device crates build for bare metal, and nothing in them can reach `alloc`.
//!
//! Two toolchains can do it. With `rustup`, the target's ready-made libraries are used,
//! from a system root of our own that holds `core` and `compiler_builtins` only. With the
//! `distribution`, Debian's compiler and library sources build `core` and nothing else.
//! Either way `extern crate alloc` finds no crate, in ours or in a dependency.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use crate::{
    apt,
    args::Spec,
    sh::{Cmd, Result},
    workspace,
};

const TARGETS: &[&str] = &[
    "thumbv6m-none-eabi",
    "thumbv7em-none-eabihf",
    "riscv32imac-unknown-none-elf",
];

/// `RUSTFLAGS` in the environment hides the flags of `.cargo/config.toml`, so they are
/// said again: 32-bit limbs on 32-bit targets.
const FLAGS: &str = "--cfg cpubits=\"32\"";

/// Nothing is run, so nothing is optimised: the workspace's own setting for dependencies
/// takes four times as long.
const UNOPTIMISED: &[&str] = &[
    "--config=profile.dev.opt-level=0",
    "--config=profile.dev.package.\"*\".opt-level=0",
];

const DISTRIBUTION_RUSTC: &str = "/usr/bin/rustc";
const DISTRIBUTION_PACKAGES: &[&str] = &["rustc-web", "rust-web-src"];

const SPEC: Spec = Spec {
    switches: &[],
    options: &["--toolchain"],
    words: true,
};

/// Who provides `core` for a target.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Toolchain {
    Rustup,
    Distribution,
}

pub(crate) fn command(args: &[String]) -> Result {
    let args = SPEC.parse(args)?;
    let wanted = args.option("--toolchain").unwrap_or("auto");
    let crates = workspace::device_crates(&args.words)?;
    for &target in TARGETS {
        let toolchain = match wanted {
            "auto" => choose(target)?,
            "rustup" => rustup(target)?,
            "distribution" => distribution()?,
            other => return Err(format!("no toolchain `{other}`").into()),
        };
        eprintln!("\n{target} ({toolchain:?})");
        let build = Build::new(target, toolchain)?;
        for name in &crates {
            build.build(name)?;
        }
    }
    Ok(())
}

/// Makes sure that every target can be built somehow.
pub(crate) fn provide() -> Result {
    for &target in TARGETS {
        if choose(target).is_ok() {
            continue;
        }
        apt::install(DISTRIBUTION_PACKAGES)?;
        choose(target)?;
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
    let sysroot = Cmd::new(DISTRIBUTION_RUSTC)
        .args(["--print", "sysroot"])
        .read()?;
    let sources = Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library/core");
    if !sources.exists() {
        let packages = DISTRIBUTION_PACKAGES.join(" ");
        return Err(format!("no library sources; install {packages}").into());
    }
    Ok(Toolchain::Distribution)
}

/// How to build for one target.
struct Build<'a> {
    target: &'a str,
    toolchain: Toolchain,
    flags: String,
}

impl<'a> Build<'a> {
    fn new(target: &'a str, toolchain: Toolchain) -> Result<Self> {
        let flags = match toolchain {
            Toolchain::Rustup => format!("{FLAGS} --sysroot {}", core_only(target)?.display()),
            Toolchain::Distribution => FLAGS.to_owned(),
        };
        Ok(Self {
            target,
            toolchain,
            flags,
        })
    }

    /// Builds a crate without features, then with all that make sense on a device.
    fn build(&self, name: &str) -> Result {
        self.cargo(name, &[])?;
        let features = workspace::device_manifest(name)?.device_features();
        if features.is_empty() {
            return Ok(());
        }
        self.cargo(name, &features)
    }

    fn cargo(&self, name: &str, features: &[String]) -> Result {
        let mut cmd = Cmd::cargo().args(["build", "--quiet", "--lib", "-p", name]);
        cmd = cmd.args(["--target", self.target, "--no-default-features"]);
        if !features.is_empty() {
            cmd = cmd.arg("--features").arg(features.join(","));
        }
        let dir = workspace::target_dir().join("nostd");
        cmd = cmd
            .args(UNOPTIMISED)
            .env("RUSTFLAGS", &self.flags)
            .arg("--target-dir");
        match self.toolchain {
            Toolchain::Rustup => cmd.arg(dir.join("rustup")).run(),
            Toolchain::Distribution => cmd
                .arg(dir.join("distribution"))
                .arg("-Zbuild-std=core")
                .env("RUSTC_BOOTSTRAP", "1")
                .env("RUSTC", DISTRIBUTION_RUSTC)
                .run(),
        }
    }
}

/// A system root for the target with `core` and `compiler_builtins` and nothing else.
fn core_only(target: &str) -> Result<PathBuf> {
    let sysroot = Cmd::new("rustc").args(["--print", "sysroot"]).read()?;
    let tail = Path::new("lib/rustlib").join(target).join("lib");
    let ours = workspace::target_dir().join("nostd/sysroot");
    let (from, into) = (Path::new(sysroot.trim()).join(&tail), ours.join(&tail));
    let _ = fs::remove_dir_all(&into);
    fs::create_dir_all(&into).map_err(|error| format!("{}: {error}", into.display()))?;
    for file in workspace::entries(&from) {
        let name = file.file_name().unwrap_or_default();
        if is_core(&name.to_string_lossy()) {
            fs::copy(&file, into.join(name)).map_err(|error| error.to_string())?;
        }
    }
    Ok(ours)
}

fn is_core(file: &str) -> bool {
    ["libcore-", "libcompiler_builtins-"]
        .iter()
        .any(|prefix| file.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alloc_is_kept_out_of_the_system_root() {
        assert!(is_core("libcore-1e1b.rlib"));
        assert!(is_core("libcompiler_builtins-1e1b.rlib"));
        assert!(!is_core("liballoc-1e1b.rlib"));
        assert!(!is_core("librustc_std_workspace_alloc-1e1b.rlib"));
    }

    #[test]
    fn an_unknown_toolchain_is_refused() {
        assert!(command(&["--toolchain".into(), "nightly".into()]).is_err());
    }
}
