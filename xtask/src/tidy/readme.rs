//! What a README says is still true: versions, features, headings, commands.

use super::Findings;

/// Versions of our crates in a README, as `coracle-eth = "0.1"`, `version = "0.1.0"` on
/// such a line, or `coracle-cli@0.1.0`. Each is the workspace's or a prefix of it.
pub(crate) fn stale_versions(readme: &str, version: &str) -> Findings {
    let stale = |named: &&str| !is_version(named, version);
    let mut findings = Findings::new();
    for (number, line) in (1..).zip(readme.lines()) {
        let named = versions(line);
        let named = named.iter().copied().filter(stale);
        findings.extend(named.map(|named| format!("line {number}: {named} is not {version}")));
    }
    findings
}

fn versions(line: &str) -> Vec<&str> {
    let mut found = Vec::new();
    if let Some((name, value)) = line.split_once('=')
        && name.trim().starts_with("coracle")
    {
        let value = value
            .split_once("version")
            .map_or(value.trim_start(), |(_, rest)| rest);
        let value = value.trim_start_matches([' ', '=']);
        found.extend(
            value
                .strip_prefix('"')
                .and_then(|rest| rest.split('"').next()),
        );
    }
    for word in line.split([' ', '`', '"', ',']) {
        if let Some((name, version)) = word.split_once('@')
            && name.starts_with("coracle")
        {
            found.push(version);
        }
    }
    found
}

fn is_version(named: &str, version: &str) -> bool {
    let rest = version.strip_prefix(named);
    !named.is_empty() && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Every feature has a row in a table of the README, and every row below a heading with
/// "Features" in it is a feature.
pub(crate) fn feature_table(readme: &str, features: &[String]) -> Findings {
    let rows: Vec<&str> = readme.lines().filter_map(row_name).collect();
    let undocumented = features
        .iter()
        .filter(|feature| !rows.contains(&feature.as_str()));
    let mut findings: Findings = undocumented
        .map(|name| format!("feature `{name}` has no row in a table"))
        .collect();
    for name in rows_below_features(readme) {
        if name != "default" && !features.iter().any(|feature| feature == name) {
            findings.push(format!(
                "the feature table has `{name}`, Cargo.toml has not"
            ));
        }
    }
    findings
}

fn rows_below_features(readme: &str) -> Vec<&str> {
    let mut below = false;
    let mut rows = Vec::new();
    for line in readme.lines() {
        if let Some(heading) = heading(line) {
            below = heading.contains("feature");
        } else if below {
            rows.extend(row_name(line));
        }
    }
    rows
}

/// The name in backticks that opens a table row.
fn row_name(line: &str) -> Option<&str> {
    let cell = line.trim().strip_prefix('|')?.split('|').next()?;
    cell.trim().strip_prefix('`')?.strip_suffix('`')
}

/// Abilities and limits are both listed, and on a device what they cost.
pub(crate) fn missing_headings(readme: &str, on_device: bool) -> Findings {
    let headings: Vec<String> = readme.lines().filter_map(heading).collect();
    let wanted: &[&str] = &["supported", "not supported", "size"];
    let wanted = if on_device { wanted } else { &wanted[..2] };
    let missing = wanted
        .iter()
        .filter(|name| !headings.iter().any(|text| text.starts_with(**name)));
    missing
        .map(|name| format!("no heading starts with \"{name}\""))
        .collect()
}

fn heading(line: &str) -> Option<String> {
    let text = line.strip_prefix('#')?.trim_start_matches('#');
    text.starts_with(' ').then(|| text.trim().to_lowercase())
}

/// `cargo xtask WORD` names a command that exists.
pub(crate) fn unknown_commands(text: &str, known: impl Fn(&str) -> bool) -> Findings {
    let mentions = text.split("cargo xtask ").skip(1);
    let words = mentions.map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '-');
        &rest[..end.unwrap_or(rest.len())]
    });
    let unknown = words.filter(|word| word.starts_with(char::is_lowercase) && !known(word));
    unknown
        .map(|word| format!("`cargo xtask {word}` is no command"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "\
# coracle-eth
## Supported
## Not supported
## Size and RAM
## Features
| feature | does |
| --- | --- |
| `defmt` | formats errors |
";

    fn features(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn a_good_readme_passes() {
        assert!(missing_headings(GOOD, true).is_empty());
        assert!(feature_table(GOOD, &features(&["defmt"])).is_empty());
        assert!(stale_versions(GOOD, "0.1.0").is_empty());
    }

    #[test]
    fn finds_stale_versions_in_every_form() {
        let stale = |line| stale_versions(line, "0.2.0").len();
        assert_eq!(stale("coracle = \"0.1\""), 1);
        assert_eq!(
            stale("coracle-eth = { version = \"0.1.0\", features = [\"x\"] }"),
            1
        );
        assert_eq!(stale("cargo install coracle-cli@0.1.0"), 1);
        assert_eq!(stale("coracle = \"0.20\""), 1);
    }

    #[test]
    fn takes_the_version_and_its_prefixes() {
        let stale = |line| stale_versions(line, "0.2.0").len();
        assert_eq!(stale("coracle = \"0.2\""), 0);
        assert_eq!(stale("coracle = { version = \"0.2.0\" }"), 0);
        assert_eq!(stale("heapless = \"0.9\""), 0);
        assert_eq!(stale("let coracle = 1;"), 0);
    }

    #[test]
    fn finds_an_undocumented_feature() {
        assert_eq!(feature_table(GOOD, &features(&["alloc", "defmt"])).len(), 1);
    }

    #[test]
    fn finds_a_row_for_a_feature_that_is_gone() {
        assert_eq!(feature_table(GOOD, &[]).len(), 1);
    }

    #[test]
    fn a_row_elsewhere_need_not_be_a_feature() {
        assert!(feature_table("## Errors\n| `Retry` | later |\n", &[]).is_empty());
    }

    #[test]
    fn finds_each_missing_heading() {
        assert_eq!(missing_headings("# x\ntext\n", true).len(), 3);
        assert_eq!(missing_headings("## Supported\n", true).len(), 2);
        assert_eq!(
            missing_headings("## Supported\n## Not supported\n", false).len(),
            0
        );
        assert_eq!(
            missing_headings("#Supported\n##Not supported\n", false).len(),
            2
        );
    }

    #[test]
    fn finds_a_command_that_does_not_exist() {
        let known = |word: &str| word == "test";
        assert_eq!(
            unknown_commands("`cargo xtask tset` and `cargo xtask test`", known).len(),
            1
        );
        assert!(unknown_commands("cargo xtask test --full\ncargo xtask COMMAND", known).is_empty());
    }
}
