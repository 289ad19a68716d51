//! The tools that `setup` provides: where they are, and which versions.

use std::path::PathBuf;

use crate::{sh::Cmd, workspace};

/// A program installed with `cargo install`, outside the checkout so that clones share it.
pub(crate) struct CargoTool {
    pub(crate) package: &'static str,
    pub(crate) version: &'static str,
    /// Built only with `--full`: its build time is not worth it in every run.
    pub(crate) full_only: bool,
}

/// Build times from nothing on two cores: cargo-deny 2 min 12 s, cargo-fuzz 36 s, mdbook
/// 3 min 27 s. The feature powerset is a loop of our own, so cargo-hack (43 s) is not needed,
/// and typos comes ready-made from PyPI.
pub(crate) const CARGO_TOOLS: &[CargoTool] = &[
    CargoTool {
        package: "cargo-deny",
        version: "0.20.2",
        full_only: false,
    },
    CargoTool {
        package: "cargo-fuzz",
        version: "0.13.2",
        full_only: true,
    },
    CargoTool {
        package: "mdbook",
        version: "0.5.4",
        full_only: true,
    },
];

/// What `help` says about the tools.
pub(crate) const HELP: &str = "\
`test` installs and runs all but the slow rows; `test --full` adds them:
  always   tidy, fmt, clippy, rustdoc, typos, cargo deny, host and doc tests, no_std
           builds, feature pairs, contracts, the demo, the benches
  --full   mdbook build, every fuzz target for a minute, and CORACLE_FULL=1, which
           lets the tests run their large counts
Tools are kept in .setup/ (npm, PyPI) and ~/.cache/coracle/ (cargo install).
`nostd` and `firmware` take a rustup target that is installed, else add it, else use
Debian's rustc-web and rust-web-src; with RUSTUP_AUTO_INSTALL=0 they add nothing.";

impl CargoTool {
    pub(crate) fn path(&self) -> PathBuf {
        cargo_root().join("bin").join(self.package)
    }

    /// Whether exactly this version is there.
    pub(crate) fn is_installed(&self) -> bool {
        let version = Cmd::new(self.path()).arg("--version").read();
        version.is_ok_and(|text| has_word(&text, self.version))
    }
}

pub(crate) fn cargo_tool(package: &str) -> Option<&'static CargoTool> {
    CARGO_TOOLS.iter().find(|tool| tool.package == package)
}

/// `~/.cache/coracle`, or the same under `XDG_CACHE_HOME`.
pub(crate) fn cargo_root() -> PathBuf {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| std::env::home_dir().map(|home| home.join(".cache")));
    cache.unwrap_or_else(workspace::setup_dir).join("coracle")
}

pub(crate) fn npm_dir() -> PathBuf {
    workspace::setup_dir().join("npm")
}

pub(crate) fn venv_dir() -> PathBuf {
    workspace::setup_dir().join("venv")
}

/// The node `anvil`, from the npm package of this platform.
pub(crate) fn anvil() -> PathBuf {
    let os = if cfg!(target_os = "macos") {
        "darwin"
    } else {
        "linux"
    };
    let cpu = if cfg!(target_arch = "aarch64") {
        "arm64"
    } else {
        "amd64"
    };
    npm_dir().join(format!(
        "node_modules/@foundry-rs/anvil-{os}-{cpu}/bin/anvil"
    ))
}

/// The folder in which Node.js finds the Solidity compiler `solc`.
pub(crate) fn solc() -> PathBuf {
    npm_dir().join("node_modules")
}

pub(crate) fn python() -> PathBuf {
    venv_dir().join("bin/python")
}

pub(crate) fn typos() -> PathBuf {
    venv_dir().join("bin/typos")
}

/// What the tests are told. A variable the user has set already is left alone; one whose
/// tool is missing stays unset, and the tests that need it fail.
pub(crate) fn test_env() -> Vec<(&'static str, PathBuf)> {
    let all = [
        ("CORACLE_ANVIL", anvil()),
        ("CORACLE_SOLC", solc()),
        ("CORACLE_PYTHON", python()),
    ];
    let wanted = |(name, path): &(&str, PathBuf)| std::env::var_os(name).is_none() && path.exists();
    all.into_iter().filter(wanted).collect()
}

fn has_word(text: &str, word: &str) -> bool {
    let mut words = text.split_whitespace();
    words.any(|part| part.trim_start_matches('v') == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_compared_whole() {
        assert!(has_word("mdbook v0.5.2\n", "0.5.2"));
        assert!(has_word("cargo-deny 0.18.1", "0.18.1"));
        assert!(!has_word("cargo-deny 0.18.12", "0.18.1"));
    }

    #[test]
    fn tool_versions_are_pinned() {
        for tool in CARGO_TOOLS {
            assert_eq!(tool.version.split('.').count(), 3, "{}", tool.package);
            assert_ne!(tool.version, "0.0.0", "{}", tool.package);
        }
    }
}
