//! Links between files of the checkout lead somewhere.

use std::path::Path;

use super::Findings;

/// Relative links of a Markdown file whose target does not exist.
pub(crate) fn broken(file: &Path, text: &str) -> Findings {
    let folder = file.parent().unwrap_or(Path::new("."));
    let gone = |target: &&str| !folder.join(target).exists();
    let targets = targets(text).into_iter().filter(gone);
    targets
        .map(|target| format!("link to `{target}`, which does not exist"))
        .collect()
}

/// Link targets that are paths, without their fragment. Names of Rust items, which
/// rustdoc checks, have neither a slash nor a file ending that we use.
pub(crate) fn targets(text: &str) -> Vec<&str> {
    let ends = text.split("](").skip(1);
    let targets = ends.filter_map(|rest| rest.split([')', '\n']).next());
    let targets = targets.map(|target| target.split('#').next().unwrap_or(target));
    targets.filter(|target| is_path(target)).collect()
}

fn is_path(target: &str) -> bool {
    let elsewhere = target.contains("://") || target.starts_with("mailto:");
    let item = target.contains("::") || target.contains(' ');
    let file = [".md", ".rs", ".toml", ".json", ".sol"]
        .iter()
        .any(|end| target.ends_with(end));
    !elsewhere && !item && (file || target.contains('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(text: &str) -> usize {
        broken(&crate::workspace::root().join("xtask/README.md"), text).len()
    }

    #[test]
    fn finds_a_link_to_nowhere() {
        assert_eq!(count("[a](no-such-file.md) and [b](../no-such-folder/)"), 2);
    }

    #[test]
    fn follows_links_from_the_folder_of_the_file() {
        assert_eq!(count("[a](Cargo.toml), [b](../Cargo.toml#x), [c](src/)"), 0);
    }

    #[test]
    fn leaves_sites_fragments_and_items_alone() {
        assert_eq!(
            count("[a](https://eips.ethereum.org/x) [b](#top) [c](Sink) [d](crate::x)"),
            0
        );
    }
}
