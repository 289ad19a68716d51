//! `lint`: formatting, clippy, docs, spelling, licences and sources of dependencies.

use crate::{
    args::Spec,
    sh::{Cmd, Result},
    tools,
};

pub(crate) fn command(args: &[String]) -> Result {
    Spec::NOTHING.parse(args)?;
    format()?;
    spelling()?;
    clippy()?;
    rustdoc()?;
    dependencies()
}

pub(crate) fn format() -> Result {
    Cmd::cargo().args(["fmt", "--all", "--check"]).run()
}

pub(crate) fn clippy() -> Result {
    let what = [
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ];
    Cmd::cargo().args(what).run()?;
    let harness = [
        "clippy",
        "--package",
        "coracle-tests",
        "--features",
        "firmware",
    ];
    let strict = ["--all-targets", "--", "-D", "warnings"];
    Cmd::cargo().args(harness).args(strict).run()
}

/// Libraries only: the command `coracle` and the library `coracle` would share a page.
pub(crate) fn rustdoc() -> Result {
    let what = ["doc", "--workspace", "--lib", "--no-deps"];
    Cmd::cargo()
        .args(what)
        .env("RUSTDOCFLAGS", "-D warnings")
        .run()
}

pub(crate) fn spelling() -> Result {
    let typos = tools::typos();
    if !typos.exists() {
        return Err("typos is not installed; run `cargo xtask setup`".into());
    }
    Cmd::new(typos).dir(&crate::workspace::root()).run()
}

/// Advisories are left out: their database is fetched from outside the registries.
pub(crate) fn dependencies() -> Result {
    let deny = tools::cargo_tool("cargo-deny").filter(|tool| tool.is_installed());
    let deny = deny.ok_or("cargo-deny is not installed; run `cargo xtask setup`")?;
    let check = ["check", "bans", "licenses", "sources"];
    Cmd::new(deny.path())
        .dir(&crate::workspace::root())
        .arg("--workspace")
        .args(check)
        .run()
}
