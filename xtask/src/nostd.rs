//! `nostd`: the device crates build for bare metal, and nothing in them can reach `alloc`.
//!
//! With `rustup`, the target's ready-made libraries are used from a system root of our own
//! that holds `core` and `compiler_builtins` only. With the `distribution`, `core` is built
//! and nothing else. Either way `extern crate alloc` finds no crate, in ours or in a
//! dependency.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    args::Spec,
    sh::{Cmd, Result},
    toolchain::{LIMBS, Toolchain},
    workspace,
};

const TARGETS: &[&str] = &[
    "thumbv6m-none-eabi",
    "thumbv7em-none-eabihf",
    "riscv32imac-unknown-none-elf",
];

/// Nothing is run, so nothing is optimised: the workspace's own setting for dependencies
/// takes four times as long.
const UNOPTIMISED: &[&str] = &[
    "--config=profile.dev.opt-level=0",
    "--config=profile.dev.package.\"*\".opt-level=0",
];

const SPEC: Spec = Spec {
    switches: &[],
    options: &["--toolchain"],
    words: true,
};

pub(crate) fn command(args: &[String]) -> Result {
    let args = SPEC.parse(args)?;
    let wanted = args.option("--toolchain").unwrap_or("auto");
    let crates = workspace::device_crates(&args.words)?;
    for &target in TARGETS {
        let toolchain = Toolchain::find(wanted, target)?;
        eprintln!("\n{target} ({})", toolchain.name());
        let build = Build::new(target, toolchain)?;
        for name in &crates {
            build.build(name)?;
        }
    }
    Ok(())
}

/// How to build for one target.
struct Build<'a> {
    target: &'a str,
    toolchain: Toolchain,
    flags: Vec<String>,
}

impl<'a> Build<'a> {
    fn new(target: &'a str, toolchain: Toolchain) -> Result<Self> {
        let mut flags = LIMBS.map(str::to_owned).to_vec();
        if toolchain == Toolchain::Rustup {
            flags.extend(["--sysroot".into(), core_only(target)?.display().to_string()]);
        }
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
        let cmd = cmd.args(UNOPTIMISED).rustflags(&self.flags);
        let cmd = cmd.arg("--target-dir").arg(dir.join(self.toolchain.name()));
        self.toolchain.apply(cmd).run()
    }
}

/// A system root for the target with `core` and `compiler_builtins` and nothing else.
fn core_only(target: &str) -> Result<PathBuf> {
    let sysroot = Toolchain::Rustup.sysroot()?;
    let tail = Path::new("lib/rustlib").join(target).join("lib");
    let ours = workspace::target_dir().join("nostd/sysroot");
    let (from, into) = (sysroot.join(&tail), ours.join(&tail));
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
}
