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
    let faults = faults(&source_dir(&workspace::root().join("docs"))?)?;
    if faults.is_empty() {
        return Ok(());
    }
    Err(format!("the book has faults:\n  {}", faults.join("\n  ")).into())
}

fn faults(src: &Path) -> Result<Vec<String>> {
    let summary = fs::read_to_string(src.join("SUMMARY.md"));
    let summary = summary.map_err(|error| format!("SUMMARY.md of the book: {error}"))?;
    let listed: Vec<&str> = tidy::link_targets(&summary)
        .into_iter()
        .map(|target| target.trim_start_matches("./"))
        .collect();
    let mut faults = Vec::new();
    for page in pages(src) {
        let name = workspace::relative(src, &page);
        if name != "SUMMARY.md" && !listed.contains(&name.as_str()) {
            faults.push(format!("`{name}` is not in SUMMARY.md"));
        }
        let text = fs::read_to_string(&page).unwrap_or_default();
        let broken = tidy::broken_links(&page, &text);
        faults.extend(broken.into_iter().map(|fault| format!("{name}: {fault}")));
    }
    Ok(faults)
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A book of these files, in a folder of its own.
    fn book(name: &str, files: &[(&str, &str)]) -> std::path::PathBuf {
        let src = workspace::target_dir().join("xtask-test").join(name);
        let _ = fs::remove_dir_all(&src);
        for (file, text) in files {
            let path = src.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        src
    }

    #[test]
    fn a_complete_book_passes() {
        let summary = "- [One](one.md)\n- [Two](./more/two.md)\n";
        let files = [
            ("SUMMARY.md", summary),
            ("one.md", "[two](more/two.md)"),
            ("more/two.md", ""),
        ];
        assert!(faults(&book("complete", &files)).unwrap().is_empty());
    }

    #[test]
    fn finds_a_page_outside_the_summary() {
        let files = [
            ("SUMMARY.md", "- [One](one.md)\n"),
            ("one.md", ""),
            ("lost.md", ""),
        ];
        assert_eq!(
            faults(&book("outside", &files)).unwrap(),
            ["`lost.md` is not in SUMMARY.md"]
        );
    }

    #[test]
    fn finds_a_listed_page_that_is_gone_and_a_broken_link() {
        let files = [
            ("SUMMARY.md", "- [One](one.md)\n- [Two](two.md)\n"),
            ("one.md", "[x](x.md)"),
        ];
        assert_eq!(faults(&book("gone", &files)).unwrap().len(), 2);
    }

    #[test]
    fn a_book_without_summary_is_an_error() {
        assert!(faults(&book("empty", &[("one.md", "")])).is_err());
    }
}
