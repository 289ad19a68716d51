//! As much of a `Cargo.toml` as the chores need: sections, keys, feature lists.
//!
//! Not a TOML parser. It reads the form that our own manifests have: one key a line,
//! lists of strings that may run over several lines, no quoted or dotted keys in
//! `[features]`.

use std::collections::BTreeMap;

/// Sections of a manifest, each a map from key to the text after the `=`.
#[derive(Debug, Default)]
pub(crate) struct Manifest {
    sections: BTreeMap<String, BTreeMap<String, String>>,
}

impl Manifest {
    pub(crate) fn parse(text: &str) -> Self {
        let mut manifest = Self::default();
        let mut section = String::new();
        let mut lines = text.lines().map(strip_comment);
        while let Some(line) = lines.next() {
            if let Some(name) = section_name(line) {
                section = name.to_owned();
                manifest.sections.entry(section.clone()).or_default();
            } else if let Some((key, value)) = line.split_once('=') {
                let mut value = value.trim().to_owned();
                while is_open(&value) {
                    let Some(more) = lines.next() else { break };
                    value.push_str(more.trim());
                }
                let keys = manifest.sections.entry(section.clone()).or_default();
                keys.insert(key.trim().to_owned(), value);
            }
        }
        manifest
    }

    /// The text of a string value.
    pub(crate) fn value(&self, section: &str, key: &str) -> Option<String> {
        let value = self.sections.get(section)?.get(key)?;
        Some(value.trim_matches('"').to_owned())
    }

    /// The strings of a list value; none if it is absent.
    pub(crate) fn list(&self, section: &str, key: &str) -> Vec<String> {
        let value = self.sections.get(section).and_then(|keys| keys.get(key));
        value.map(|value| strings(value)).unwrap_or_default()
    }

    pub(crate) fn package_name(&self) -> Option<String> {
        self.value("package", "name")
    }

    pub(crate) fn uses_workspace_lints(&self) -> bool {
        self.value("lints", "workspace").as_deref() == Some("true")
    }

    /// Names of the features a user may choose: all but `default` and private ones.
    pub(crate) fn public_features(&self) -> Vec<String> {
        let Some(features) = self.sections.get("features") else {
            return Vec::new();
        };
        let chosen = |name: &&String| *name != "default" && !name.starts_with('_');
        features.keys().filter(chosen).cloned().collect()
    }

    /// Public features that do not ask for a heap: none of what they turn on, here or in a
    /// dependency, is called `alloc` or `std` or is a crate known to need it.
    pub(crate) fn device_features(&self) -> Vec<String> {
        let mut features = self.public_features();
        features.retain(|name| !self.needs_heap(name, 0));
        features
    }

    fn needs_heap(&self, name: &str, depth: usize) -> bool {
        let last = name.rsplit('/').next().unwrap_or(name);
        if matches!(last, "alloc" | "std" | "dep:rlp") {
            return true;
        }
        // Features form no cycles in practice; the limit keeps a broken manifest finite.
        depth < 8
            && self
                .list("features", name)
                .iter()
                .any(|next| self.needs_heap(next, depth + 1))
    }
}

fn section_name(line: &str) -> Option<&str> {
    line.trim()
        .strip_prefix('[')?
        .strip_suffix(']')
        .map(|name| name.trim_matches(['[', ']']))
}

/// Cuts a `#` comment that stands outside quotes.
fn strip_comment(line: &str) -> &str {
    let mut quoted = false;
    for (at, byte) in line.bytes().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b'#' if !quoted => return &line[..at],
            _ => {}
        }
    }
    line
}

fn is_open(value: &str) -> bool {
    value.matches('[').count() > value.matches(']').count()
}

/// Every quoted string in the text.
fn strings(text: &str) -> Vec<String> {
    text.split('"')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
[package] # the package
name = "coracle-eth"
keywords = ["a#b", "c"]

[lints]
workspace = true

[features]
default = []
# Formats every public error.
defmt = ["dep:defmt", "coracle-core/defmt"]
alloc = []
rlp = [
    "dep:rlp", # it builds vectors
    "coracle-core/rlp",
]
host = ["coracle-core/std"]
deep = ["host"]
_test = []
"#;

    #[test]
    fn reads_values_and_lists() {
        let manifest = Manifest::parse(TEXT);
        assert_eq!(manifest.package_name().as_deref(), Some("coracle-eth"));
        assert_eq!(manifest.list("package", "keywords"), ["a#b", "c"]);
        assert_eq!(
            manifest.list("features", "rlp"),
            ["dep:rlp", "coracle-core/rlp"]
        );
        assert!(manifest.uses_workspace_lints());
    }

    #[test]
    fn public_features_leave_out_default_and_private() {
        let features = Manifest::parse(TEXT).public_features();
        assert_eq!(features, ["alloc", "deep", "defmt", "host", "rlp"]);
    }

    #[test]
    fn device_features_need_no_heap() {
        assert_eq!(Manifest::parse(TEXT).device_features(), ["defmt"]);
    }

    #[test]
    fn a_missing_lints_section_is_noticed() {
        assert!(!Manifest::parse("[package]\nname = \"x\"").uses_workspace_lints());
        assert!(!Manifest::parse("[lints]\nworkspace = false").uses_workspace_lints());
    }

    #[test]
    fn a_list_that_never_closes_ends_with_the_text() {
        assert_eq!(
            Manifest::parse("[features]\na = [\"b\",").list("features", "a"),
            ["b"]
        );
    }

    #[test]
    fn a_feature_cycle_ends() {
        let manifest = Manifest::parse("[features]\na = [\"b\"]\nb = [\"a\"]");
        assert_eq!(manifest.device_features(), ["a", "b"]);
    }
}
