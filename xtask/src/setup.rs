//! `setup`: what the tests need, from Debian, npm, PyPI and crates.io.
//!
//! Each piece is looked for first, so a second run only looks. A piece that cannot be had
//! does not stop the others; all that is missing is said at the end, with the reason.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    apt,
    args::Spec,
    sh::{Cmd, Result},
    toolchain,
    tools::{self, CARGO_TOOLS, CargoTool},
    workspace,
};

const SPEC: Spec = Spec {
    switches: &["--full"],
    options: &[],
    words: false,
};

/// Emulators and the Debian packages they are in.
const EMULATORS: [(&str, &str); 2] = [
    ("qemu-system-arm", "qemu-system-arm"),
    ("qemu-system-riscv32", "qemu-system-misc"),
];

pub(crate) fn command(args: &[String]) -> Result {
    let args = SPEC.parse(args)?;
    run(args.has("--full"))
}

/// Provides everything that can be provided; fails naming what is missing.
pub(crate) fn run(full: bool) -> Result {
    let mut missing = Vec::new();
    let mut provide = |name: &str, result: Result| match result {
        Ok(()) => eprintln!("ready    {name}"),
        Err(error) => {
            eprintln!("MISSING  {name}: {error}");
            missing.push(name.to_owned());
        }
    };
    provide("valgrind", program("valgrind", &["valgrind"]));
    provide(
        "Node.js",
        program("node", &["nodejs"]).and_then(|()| program("npm", &["npm"])),
    );
    provide("npm packages: anvil, solc", npm_packages());
    provide("PyPI packages: cbor2, cwt, typos", python_packages());
    provide("device targets", toolchain::provide());
    for (name, package) in EMULATORS {
        provide(name, program(name, &[package]));
    }
    provide("Arm C compiler and library", arm_gcc());
    if full {
        provide("C++ compiler (libFuzzer)", program("c++", &["g++"]));
    }
    for tool in CARGO_TOOLS.iter().filter(|tool| full || !tool.full_only) {
        provide(tool.package, cargo_tool(tool));
    }
    if missing.is_empty() {
        return Ok(());
    }
    Err(format!(
        "setup could not provide {}; the reasons are above",
        missing.join(", ")
    )
    .into())
}

/// The C library is a package of its own, which is only recommended by the compiler's.
fn arm_gcc() -> Result {
    let compiler = "arm-none-eabi-gcc";
    let library = || Cmd::new(compiler).arg("-print-file-name=libc.a").read();
    // Without a library it prints the name as it was given.
    let is_complete = || library().is_ok_and(|path| Path::new(path.trim()).is_absolute());
    if !is_complete() {
        apt::install(&["gcc-arm-none-eabi", "libnewlib-arm-none-eabi"])?;
    }
    match is_complete() {
        true => Ok(()),
        false => Err(format!("{compiler} finds no libc.a").into()),
    }
}

fn program(name: &str, packages: &[&str]) -> Result {
    if Cmd::new(name).arg("--version").succeeds() {
        return Ok(());
    }
    apt::install(packages)?;
    Cmd::new(name).arg("--version").read().map(drop)
}

fn npm_packages() -> Result {
    let dir = tools::npm_dir();
    let sources = ["xtask/npm/package.json", "xtask/npm/package-lock.json"];
    install_once(&dir, &sources, || {
        for source in sources {
            let path = workspace::root().join(source);
            copy_into(&path, &dir)?;
        }
        // `npm ci` refuses a lock file without the packages of other platforms, which not
        // every registry carries; `install` keeps to the lock's versions and hashes as well.
        // No package of ours needs an install script, and one could fetch anything.
        let flags = [
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--loglevel=error",
        ];
        Cmd::new("npm").arg("install").args(flags).dir(&dir).run()
    })?;
    let version = Cmd::new(tools::anvil()).arg("--version").read();
    version
        .map(drop)
        .map_err(|error| format!("anvil does not run here: {error}").into())
}

fn python_packages() -> Result {
    let dir = tools::venv_dir();
    let requirements = "xtask/py/requirements.txt";
    install_once(&dir, &[requirements], || {
        make_venv(&dir)?;
        let file = workspace::root().join(requirements);
        let pip = Cmd::new(tools::python()).args(["-m", "pip", "install", "--quiet"]);
        pip.args([
            "--disable-pip-version-check",
            "--no-deps",
            "--only-binary",
            ":all:",
            "-r",
        ])
        .arg(file)
        .run()
    })?;
    Cmd::new(tools::python())
        .args(["-c", "import cbor2, cwt"])
        .read()
        .map(drop)
}

/// Debian splits `venv` off from Python; its package is asked for only if that is so.
fn make_venv(dir: &Path) -> Result {
    let venv = || Cmd::new("python3").args(["-m", "venv", "--clear"]).arg(dir);
    if venv().succeeds() {
        return Ok(());
    }
    apt::install(&["python3", "python3-venv"])?;
    venv().run()
}

fn cargo_tool(tool: &CargoTool) -> Result {
    if tool.is_installed() {
        return Ok(());
    }
    eprintln!(
        "building {} {}, which takes minutes",
        tool.package, tool.version
    );
    let install = Cmd::new("cargo").args(["install", "--quiet", "--locked", "--force", "--root"]);
    let package = format!("{}@{}", tool.package, tool.version);
    // Its own build folder: a shared one would keep gigabytes that nothing uses again.
    install
        .arg(tools::cargo_root())
        .args([
            "--target-dir".into(),
            workspace::target_dir().join("tools").into_os_string(),
        ])
        .arg(package)
        .run()?;
    let _ = fs::remove_dir_all(workspace::target_dir().join("tools"));
    Ok(())
}

/// Runs `install` unless `dir` was filled from the same sources before.
fn install_once(dir: &Path, sources: &[&str], install: impl FnOnce() -> Result) -> Result {
    let texts: Result<Vec<String>> = sources.iter().map(|path| workspace::read(path)).collect();
    let wanted = texts?.concat();
    let stamp = stamp_path(dir);
    if fs::read_to_string(&stamp).is_ok_and(|text| text == wanted) {
        return Ok(());
    }
    fs::create_dir_all(dir).map_err(|error| format!("{}: {error}", dir.display()))?;
    install()?;
    fs::write(&stamp, wanted).map_err(|error| format!("{}: {error}", stamp.display()).into())
}

fn stamp_path(dir: &Path) -> PathBuf {
    dir.join(".installed-from")
}

fn copy_into(file: &Path, dir: &Path) -> Result {
    let name = file.file_name().unwrap_or_default();
    let copied = fs::copy(file, dir.join(name));
    copied
        .map(drop)
        .map_err(|error| format!("{}: {error}", file.display()).into())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn installs_once_for_the_same_sources() {
        let dir = workspace::target_dir().join("xtask-test/installs_once");
        let _ = fs::remove_dir_all(&dir);
        let runs = Cell::new(0);
        let install = || {
            runs.set(runs.get() + 1);
            Ok(())
        };
        install_once(&dir, &["xtask/Cargo.toml"], install).unwrap();
        install_once(&dir, &["xtask/Cargo.toml"], install).unwrap();
        assert_eq!(runs.get(), 1);
        install_once(&dir, &["Cargo.toml"], install).unwrap();
        assert_eq!(runs.get(), 2);
    }

    #[test]
    fn a_failed_installation_is_tried_again() {
        let dir = workspace::target_dir().join("xtask-test/tried_again");
        let _ = fs::remove_dir_all(&dir);
        assert!(install_once(&dir, &["xtask/Cargo.toml"], || Err("no".into())).is_err());
        let mut ran = false;
        let again = install_once(&dir, &["xtask/Cargo.toml"], || {
            ran = true;
            Ok(())
        });
        assert!(again.is_ok() && ran);
    }
}
