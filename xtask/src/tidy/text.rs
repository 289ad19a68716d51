//! No text names a place on a builder's machine, or the host of a package registry.

use super::Findings;

/// Homes of people and machines. Written in two parts, so that this file passes.
const HOMES: &[&str] = &[
    concat!("/ho", "me/"),
    concat!("/Us", "ers/"),
    concat!("/ro", "ot/"),
    concat!("\\Us", "ers\\"),
];

/// Where package managers fetch from. Lock files and artefacts must not record it, as a
/// mirror is used in many places.
const HOSTS: &[&str] = &[
    concat!("registry.", "npmjs.org"),
    concat!("registry.", "yarnpkg.com"),
    concat!("files.", "pythonhosted.org"),
    concat!("pypi.", "org"),
    concat!("index.", "crates.io"),
    concat!("static.", "crates.io"),
    concat!("deb.", "debian.org"),
];

/// `here` holds paths of this machine: the checkout, the home folder.
pub(crate) fn private_places(text: &str, here: &[String]) -> Findings {
    let mut findings = Findings::new();
    for (number, line) in (1..).zip(text.lines()) {
        let here = here.iter().map(String::as_str);
        if let Some(path) = HOMES
            .iter()
            .copied()
            .chain(here)
            .find(|path| names(line, path))
        {
            findings.push(format!(
                "line {number} names a path of one machine, `{path}`"
            ));
        }
        if let Some(host) = HOSTS.iter().find(|host| line.contains(**host)) {
            findings.push(format!("line {number} names the registry host `{host}`"));
        }
    }
    findings
}

/// Whether the line has the path at the start of a word: `tests/root/x` is not one.
fn names(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '}' | '~'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(text: &str) -> usize {
        private_places(text, &["/srv/checkout".to_owned()]).len()
    }

    #[test]
    fn finds_homes_and_the_checkout() {
        assert_eq!(count(concat!("see /ho", "me/ann/x")), 1);
        assert_eq!(count(concat!("dir = \"/ro", "ot/.cargo\"")), 1);
        assert_eq!(count("panicked at /srv/checkout/src/lib.rs"), 1);
        assert_eq!(count(concat!("C:\\Us", "ers\\ann")), 1);
    }

    #[test]
    fn finds_registry_hosts() {
        assert_eq!(
            count(concat!(
                "\"resolved\": \"https://registry.",
                "npmjs.org/solc\""
            )),
            1
        );
        assert_eq!(count(concat!("--index-url https://pypi.", "org/simple")), 1);
    }

    #[test]
    fn leaves_relative_paths_and_system_paths_alone() {
        assert_eq!(count(concat!("tests/ro", "ot/x.json")), 0);
        assert_eq!(count(concat!("~/ho", "me/x")), 0);
        assert_eq!(count("/usr/bin/rustc, published on crates.io"), 0);
    }

    #[test]
    fn says_the_line() {
        let findings = private_places(concat!("a\nb\n/ho", "me/x"), &[]);
        assert!(findings[0].contains("line 3"));
    }
}
