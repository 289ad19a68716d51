//! Debian packages.

use crate::sh::{Cmd, Result};

/// Installs packages, as root or through `sudo`. The package lists are fetched only when
/// the ones on the machine do not do.
pub(crate) fn install(packages: &[&str]) -> Result {
    check(packages)?;
    if apt_get("install").args(packages).run().is_ok() {
        return Ok(());
    }
    install_newest(packages)
}

/// Installs packages of which old package lists may name a version that is too old, or
/// brings them up to date.
pub(crate) fn install_newest(packages: &[&str]) -> Result {
    check(packages)?;
    apt_get("update").run()?;
    apt_get("install").args(packages).run()
}

fn check(packages: &[&str]) -> Result {
    if Cmd::new("apt-get").arg("--version").succeeds() {
        return Ok(());
    }
    let names = packages.join(" ");
    Err(format!("no apt-get here; install what Debian calls {names}").into())
}

fn apt_get(verb: &str) -> Cmd {
    let program = if is_root() {
        Cmd::new("apt-get")
    } else {
        Cmd::new("sudo").arg("apt-get")
    };
    let cmd = program
        .env("DEBIAN_FRONTEND", "noninteractive")
        .args(["-q", "-y", verb]);
    if verb == "install" {
        cmd.arg("--no-install-recommends")
    } else {
        cmd
    }
}

fn is_root() -> bool {
    Cmd::new("id")
        .arg("-u")
        .read()
        .is_ok_and(|id| id.trim() == "0")
}
