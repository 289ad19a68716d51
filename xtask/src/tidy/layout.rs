//! The tree: every place is on the map, every device crate carries its attributes.

use super::Findings;
use crate::manifest::Manifest;

/// Lints that keep outside bytes from causing a panic.
const DENIED: &[&str] = &[
    "clippy::unwrap_used",
    "clippy::expect_used",
    "clippy::panic",
    "clippy::indexing_slicing",
    "clippy::arithmetic_side_effects",
    "clippy::cast_possible_truncation",
];

/// Folders that the architecture page does not name.
pub(crate) fn unnamed(map: &str, places: &[String]) -> Findings {
    let last = |place: &str| place.rsplit('/').next().unwrap_or_default().to_owned();
    let missing = places.iter().filter(|place| !has_name(map, &last(place)));
    missing
        .map(|place| format!("does not name `{place}`"))
        .collect()
}

/// Whether the text has the name as a whole: `coracle` is not in `coracle-eth`.
fn has_name(text: &str, name: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    text.match_indices(name).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + name.len()..].chars().next();
        !before.is_some_and(part) && !after.is_some_and(part)
    })
}

/// What the root of a device crate lacks.
pub(crate) fn missing_attributes(lib: &str) -> Findings {
    let mut findings = Findings::new();
    if !lib.lines().any(|line| line.trim_end() == "#![no_std]") {
        findings.push("no `#![no_std]`".into());
    }
    if !lib.contains("include_str!(\"../README.md\")") {
        findings.push("the crate docs are not its README.md".into());
    }
    let denied = denied(lib);
    let missing = DENIED.iter().filter(|lint| !denied.contains(**lint));
    findings.extend(missing.map(|lint| format!("does not deny `{lint}` outside tests")));
    findings
}

/// What a board denies by itself, as it cannot take the workspace's word that there is no
/// unsafe code.
const DENIED_ON_BOARDS: &[(&str, &str)] = &[
    ("lints.rust", "missing_docs"),
    ("lints.rust", "unsafe_code"),
    ("lints.rust", "unsafe_op_in_unsafe_fn"),
];

/// What a manifest lacks in lints: the workspace's, or on a board its own.
pub(crate) fn missing_lints(manifest: &Manifest, is_board: bool) -> Findings {
    if manifest.uses_workspace_lints() {
        return Findings::new();
    }
    if !is_board {
        return vec!["Cargo.toml does not say `[lints] workspace = true`".into()];
    }
    let lacks =
        |(section, lint): &&(&str, &str)| manifest.value(section, lint).as_deref() != Some("deny");
    let mut findings: Findings = DENIED_ON_BOARDS
        .iter()
        .filter(lacks)
        .map(|(_, lint)| format!("Cargo.toml does not deny `{lint}`"))
        .collect();
    if manifest
        .value("lints.clippy", "undocumented_unsafe_blocks")
        .is_none()
    {
        findings.push("Cargo.toml does not warn of `undocumented_unsafe_blocks`".into());
    }
    findings
}

/// The text of the attribute that denies lints outside tests.
fn denied(lib: &str) -> &str {
    let start = lib.split_once("not(test)").map_or("", |(_, rest)| rest);
    start.split_once(")]").map_or("", |(list, _)| list)
}

/// Features without a comment line above them, in the text of a manifest.
pub(crate) fn undescribed_features(manifest: &str) -> Findings {
    let mut findings = Findings::new();
    let (mut inside, mut described) = (false, false);
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line.starts_with("[features]");
        } else if inside && !described {
            let name = line.split_once(" = ").map_or("default", |(name, _)| name);
            // Lines that go on with a list, and private features, need no comment.
            if name.starts_with(char::is_alphabetic) && name != "default" {
                findings.push(format!("feature `{name}` has no comment line above it"));
            }
        }
        described = line.starts_with('#');
    }
    findings
}

/// The Rust code of the root README is compiled and run as doc tests of the test package.
pub(crate) fn untested_readme(tests: &str) -> Findings {
    if tests.contains("include_str!(\"../../README.md\")") {
        return Findings::new();
    }
    vec!["does not include the root README.md, so its code is not tested".into()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIB: &str = r#"
#![no_std]
#![doc = include_str!("../README.md")]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing,
        clippy::arithmetic_side_effects, clippy::cast_possible_truncation,
    )
)]
"#;

    #[test]
    fn a_good_crate_root_passes() {
        assert!(
            missing_attributes(LIB).is_empty(),
            "{:?}",
            missing_attributes(LIB)
        );
    }

    #[test]
    fn finds_a_lint_that_is_only_talked_about() {
        let lib = LIB.replace("clippy::panic,", "") + "// clippy::panic\n";
        assert_eq!(missing_attributes(&lib).len(), 1);
    }

    #[test]
    fn finds_everything_missing_from_an_empty_root() {
        assert_eq!(missing_attributes("").len(), 2 + DENIED.len());
        assert_eq!(
            missing_attributes("#![cfg_attr(not(test), no_std)]").len(),
            2 + DENIED.len()
        );
    }

    #[test]
    fn a_board_denies_unsafe_code_by_itself() {
        let board = "[lints.rust]\nmissing_docs = \"deny\"\nunsafe_code = \"deny\"\n\
            unsafe_op_in_unsafe_fn = \"deny\"\n[lints.clippy]\nundocumented_unsafe_blocks = \"warn\"\n";
        let missing = |text: &str, is_board| missing_lints(&Manifest::parse(text), is_board).len();
        assert_eq!(missing(board, true), 0);
        assert_eq!(missing(board, false), 1);
        assert_eq!(missing(&board.replace("unsafe_code", "unsafe"), true), 1);
        assert_eq!(missing("", true), 4);
        assert_eq!(missing("[lints]\nworkspace = true\n", true), 0);
    }

    #[test]
    fn a_longer_name_does_not_name_the_shorter() {
        let places = ["crates/coracle".to_owned()];
        assert_eq!(unnamed("`coracle-eth` and xcoracle", &places).len(), 1);
        assert!(unnamed("`coracle-eth`, `coracle`", &places).is_empty());
    }

    #[test]
    fn finds_a_feature_without_a_comment() {
        let good =
            "[features]\ndefault = []\n# Formats.\ndefmt = [\n    \"dep:defmt\",\n]\n_test = []\n";
        assert!(undescribed_features(good).is_empty());
        let bad = good.replace("# Formats.\n", "");
        assert_eq!(undescribed_features(&bad).len(), 1);
        assert!(undescribed_features("[dependencies]\nhex = \"0.4\"\n").is_empty());
    }

    #[test]
    fn the_root_readme_must_be_compiled() {
        assert_eq!(untested_readme("").len(), 1);
        assert!(untested_readme("#[doc = include_str!(\"../../README.md\")]").is_empty());
    }
}
