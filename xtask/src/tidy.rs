//! `tidy`: the project's own rules, as code.

mod layout;
mod links;
mod readme;
mod size;
mod text;

use std::{fs, path::Path};

pub(crate) use self::links::{broken as broken_links, targets as link_targets};
use crate::{
    args::Spec,
    manifest::Manifest,
    sh::Result,
    workspace::{self, DEVICE_CRATES, entries, relative},
};

/// What a rule found, without the file it was found in.
pub(crate) type Findings = Vec<String>;

/// Folders that hold nothing of ours: what git ignores, and git itself.
const NOT_OURS: &[&str] = &[
    ".git",
    ".setup",
    "artifacts",
    "coverage",
    "dist",
    "node_modules",
    "target",
];

pub(crate) fn command(args: &[String]) -> Result {
    Spec::NOTHING.parse(args)?;
    let root = workspace::root();
    let mut report = Vec::new();
    check_texts(&root, &mut report);
    check_crates(&root, &workspace::version()?, &mut report);
    check_layout(&root, &mut report);
    for line in &report {
        println!("{line}");
    }
    match report.len() {
        0 => Ok(()),
        count => Err(format!("tidy found {count} faults").into()),
    }
}

fn note(report: &mut Vec<String>, place: &str, findings: Findings) {
    report.extend(
        findings
            .into_iter()
            .map(|finding| format!("{place}: {finding}")),
    );
}

/// Rules that hold for every text file of the checkout.
fn check_texts(root: &Path, report: &mut Vec<String>) {
    let home = std::env::home_dir().map(|home| home.display().to_string());
    let here = [Some(root.display().to_string()), home];
    let here: Vec<String> = here
        .into_iter()
        .flatten()
        .filter(|path| path.len() > 4)
        .collect();
    for path in files(root) {
        let Ok(content) = fs::read_to_string(&path) else {
            continue; // Not text.
        };
        let place = relative(root, &path);
        note(report, &place, text::private_places(&content, &here));
        if place.ends_with(".md") {
            note(report, &place, links::broken(&path, &content));
            note(
                report,
                &place,
                readme::unknown_commands(&content, crate::is_command),
            );
        }
    }
}

/// Rules for each member of the workspace.
fn check_crates(root: &Path, version: &str, report: &mut Vec<String>) {
    if let Ok(readme) = fs::read_to_string(root.join("README.md")) {
        note(
            report,
            "README.md",
            readme::stale_versions(&readme, version),
        );
        note(report, "README.md", size::table(&readme));
    }
    for dir in member_dirs(root) {
        let place = relative(root, &dir);
        let Ok(text) = fs::read_to_string(dir.join("Cargo.toml")) else {
            note(report, &place, vec!["no Cargo.toml".into()]);
            continue;
        };
        let manifest = Manifest::parse(&text);
        note(
            report,
            &format!("{place}/Cargo.toml"),
            layout::undescribed_features(&text),
        );
        let is_board = place.starts_with("boards/");
        note(report, &place, layout::missing_lints(&manifest, is_board));
        let name = manifest.package_name().unwrap_or_default();
        if is_board || place.starts_with("crates/") {
            let on_device = is_board || DEVICE_CRATES.contains(&name.as_str());
            check_readme(&dir, on_device, &manifest, version, report);
        }
        if DEVICE_CRATES.contains(&name.as_str()) {
            let lib = fs::read_to_string(dir.join("src/lib.rs")).unwrap_or_default();
            note(
                report,
                &format!("{place}/src/lib.rs"),
                layout::missing_attributes(&lib),
            );
        }
    }
}

fn check_readme(
    dir: &Path,
    on_device: bool,
    manifest: &Manifest,
    version: &str,
    report: &mut Vec<String>,
) {
    let path = dir.join("README.md");
    let place = relative(&workspace::root(), &path);
    let Ok(readme) = fs::read_to_string(path) else {
        note(report, &place, vec!["missing".into()]);
        return;
    };
    note(report, &place, readme::missing_headings(&readme, on_device));
    note(report, &place, readme::stale_versions(&readme, version));
    note(
        report,
        &place,
        readme::feature_table(&readme, &manifest.public_features()),
    );
}

/// Rules for the tree of folders.
fn check_layout(root: &Path, report: &mut Vec<String>) {
    let mut places: Vec<String> = folders(root)
        .iter()
        .map(|dir| relative(root, dir))
        .collect();
    places.extend(member_dirs(root).iter().map(|dir| relative(root, dir)));
    places.sort();
    places.dedup();
    let map = fs::read_to_string(root.join("ARCHITECTURE.md")).unwrap_or_default();
    note(report, "ARCHITECTURE.md", layout::unnamed(&map, &places));
    for dir in folders(&root.join("tests/vectors")) {
        if !dir.join("README.md").exists() {
            note(
                report,
                &relative(root, &dir),
                vec!["vectors without a README.md".into()],
            );
        }
    }
    let tests = fs::read_to_string(root.join("tests/src/lib.rs")).unwrap_or_default();
    note(report, "tests/src/lib.rs", layout::untested_readme(&tests));
}

/// Crates and other packages of the checkout.
fn member_dirs(root: &Path) -> Vec<std::path::PathBuf> {
    let mut dirs = folders(&root.join("crates"));
    dirs.extend(folders(&root.join("boards")));
    dirs.extend(folders(&root.join("examples")));
    let others = ["benches", "benches/firmware", "tests", "xtask", "fuzz"];
    dirs.extend(others.map(|name| root.join(name)));
    dirs
}

fn folders(dir: &Path) -> Vec<std::path::PathBuf> {
    let ours = |path: &std::path::PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        path.is_dir() && !name.starts_with('.') && !NOT_OURS.contains(&&*name)
    };
    entries(dir).into_iter().filter(ours).collect()
}

fn files(dir: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for path in entries(dir) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_file() {
            found.push(path);
        } else if path.is_dir() && !NOT_OURS.contains(&&*name) {
            found.extend(files(&path));
        }
    }
    found
}
