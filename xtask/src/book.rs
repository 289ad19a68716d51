//! `docs`: the book in `docs/`.

use std::{fs, path::Path};

use crate::{
    args::Spec,
    sh::{Cmd, Result},
    tidy, tools, workspace,
};

pub(crate) fn command(args: &[String]) -> Result {
    Spec::NOTHING.parse(args)?;
    check()?;
    let Some(mdbook) = mdbook() else {
        eprintln!(
            "mdbook is not installed (`cargo xtask setup --full` does it); links checked only"
        );
        return Ok(());
    };
    build(mdbook)
}

/// Every page is in the summary, and every link leads somewhere.
pub(crate) fn check() -> Result {
    let docs = workspace::root().join("docs");
    let src = source_dir(&docs)?;
    let summary = fs::read_to_string(src.join("SUMMARY.md"));
    let summary = summary.map_err(|error| format!("SUMMARY.md of the book: {error}"))?;
    let listed = tidy::link_targets(&summary);
    let mut faults = tidy::broken_links(&src.join("SUMMARY.md"), &summary);
    for page in pages(&src) {
        let name = workspace::relative(&src, &page);
        if name != "SUMMARY.md" && !listed.contains(&name.as_str()) {
            faults.push(format!("`{name}` is not in SUMMARY.md"));
        }
        let text = fs::read_to_string(&page).unwrap_or_default();
        let broken = tidy::broken_links(&page, &text);
        faults.extend(broken.into_iter().map(|fault| format!("{name}: {fault}")));
    }
    if faults.is_empty() {
        return Ok(());
    }
    Err(format!("the book has faults:\n  {}", faults.join("\n  ")).into())
}

pub(crate) fn build_with_mdbook() -> Result {
    build(mdbook().ok_or("mdbook is not installed; run `cargo xtask setup --full`")?)
}

fn build(mdbook: Cmd) -> Result {
    let out = workspace::target_dir().join("book");
    mdbook
        .arg("build")
        .arg(workspace::root().join("docs"))
        .arg("--dest-dir")
        .arg(out)
        .run()
}

/// Ours, or the one on the path.
fn mdbook() -> Option<Cmd> {
    if let Some(tool) = tools::cargo_tool("mdbook").filter(|tool| tool.is_installed()) {
        return Some(Cmd::new(tool.path()));
    }
    Cmd::new("mdbook")
        .arg("--version")
        .succeeds()
        .then(|| Cmd::new("mdbook"))
}

/// `src` of book.toml; mdbook's own default is a folder `src`.
fn source_dir(docs: &Path) -> Result<std::path::PathBuf> {
    let config = fs::read_to_string(docs.join("book.toml"));
    let config = config.map_err(|error| format!("docs/book.toml: {error}"))?;
    let src = crate::manifest::Manifest::parse(&config).value("book", "src");
    Ok(docs.join(src.unwrap_or_else(|| "src".to_owned())))
}

fn pages(dir: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for path in workspace::entries(dir) {
        if path.is_dir() {
            found.extend(pages(&path));
        } else if path.extension().is_some_and(|end| end == "md") {
            found.push(path);
        }
    }
    found
}
