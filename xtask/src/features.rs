//! `features`: the device crates are clean with no feature, each, every pair, and all.

use std::collections::BTreeSet;

use crate::{
    args::Spec,
    sh::{Cmd, Result},
    workspace,
};

const SPEC: Spec = Spec {
    switches: &[],
    options: &[],
    words: true,
};

pub(crate) fn command(args: &[String]) -> Result {
    for name in workspace::device_crates(&SPEC.parse(args)?.words)? {
        check(name)?;
    }
    Ok(())
}

fn check(name: &str) -> Result {
    let features = workspace::device_manifest(name)?.public_features();
    for set in combinations(&features) {
        let mut cmd = Cmd::cargo().args(["clippy", "--quiet", "--lib", "-p", name]);
        cmd = cmd.arg("--no-default-features");
        if !set.is_empty() {
            cmd = cmd.arg("--features").arg(set.join(","));
        }
        cmd.args(["--", "-D", "warnings"]).run()?;
    }
    Ok(())
}

/// Every subset of up to two features, and the whole set.
fn combinations(features: &[String]) -> BTreeSet<Vec<&str>> {
    let mut sets = BTreeSet::from([vec![], features.iter().map(String::as_str).collect()]);
    for (at, first) in features.iter().enumerate() {
        sets.insert(vec![first.as_str()]);
        for second in &features[at + 1..] {
            sets.insert(vec![first.as_str(), second.as_str()]);
        }
    }
    sets
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(features: &[&str]) -> usize {
        let features: Vec<String> = features.iter().map(|&name| name.to_owned()).collect();
        combinations(&features).len()
    }

    #[test]
    fn small_sets_are_not_checked_twice() {
        assert_eq!(count(&[]), 1);
        assert_eq!(count(&["a"]), 2);
        assert_eq!(count(&["a", "b"]), 4);
    }

    #[test]
    fn four_features_make_none_each_pairs_and_all() {
        assert_eq!(count(&["a", "b", "c", "d"]), 1 + 4 + 6 + 1);
    }
}
