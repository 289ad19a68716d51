//! Where things are.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use crate::{manifest::Manifest, sh::Result};

/// The crates that run on a device: `no_std`, no heap.
pub(crate) const DEVICE_CRATES: &[&str] = &[
    "coracle-core",
    "coracle-eth",
    "coracle-record",
    "coracle-net",
    "coracle-modem",
    "coracle-store",
    "coracle-client",
    "coracle",
];

/// The named device crates in the order of their dependencies, or all if none is named.
pub(crate) fn device_crates(names: &[String]) -> Result<Vec<&'static str>> {
    if let Some(name) = names
        .iter()
        .find(|name| !DEVICE_CRATES.contains(&name.as_str()))
    {
        return Err(format!("`{name}` is not a device crate").into());
    }
    let wanted = |krate: &&&str| names.is_empty() || names.iter().any(|name| name == **krate);
    Ok(DEVICE_CRATES.iter().filter(wanted).copied().collect())
}

/// The checkout. Cargo says where the manifest is at run time, so a moved checkout works.
pub(crate) fn root() -> PathBuf {
    let manifest_dir = env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    manifest_dir
        .parent()
        .map_or_else(|| manifest_dir.clone(), Path::to_path_buf)
}

/// Where cargo puts what it builds, and we what we make on the way.
pub(crate) fn target_dir() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// What `setup` makes inside the checkout; ignored by git.
pub(crate) fn setup_dir() -> PathBuf {
    root().join(".setup")
}

/// A text file of the checkout, by its path from the root.
pub(crate) fn read(path: &str) -> Result<String> {
    let text = fs::read_to_string(root().join(path));
    text.map_err(|error| format!("{path}: {error}").into())
}

pub(crate) fn device_manifest(name: &str) -> Result<Manifest> {
    Ok(Manifest::parse(&read(&format!(
        "crates/{name}/Cargo.toml"
    ))?))
}

/// The version all crates share.
pub(crate) fn version() -> Result<String> {
    shared("version")
}

/// The oldest compiler that builds the crates.
pub(crate) fn rust_version() -> Result<String> {
    shared("rust-version")
}

fn shared(key: &str) -> Result<String> {
    let manifest = Manifest::parse(&read("Cargo.toml")?);
    let value = manifest.value("workspace.package", key);
    value.ok_or_else(|| format!("Cargo.toml has no {key} of the workspace").into())
}

/// The entries of a folder in order of their names; none if there is no such folder.
pub(crate) fn entries(dir: &Path) -> Vec<PathBuf> {
    let Ok(list) = fs::read_dir(dir) else {
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = list.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

/// Path from the root with forward slashes.
pub(crate) fn relative(root: &Path, path: &Path) -> String {
    let path = path.strip_prefix(root).unwrap_or(path);
    let parts = path
        .components()
        .map(|part| part.as_os_str().to_string_lossy());
    parts.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_means_every_device_crate() {
        assert_eq!(device_crates(&[]).unwrap(), DEVICE_CRATES);
    }

    #[test]
    fn names_are_put_in_order() {
        let names = ["coracle".to_owned(), "coracle-core".to_owned()];
        assert_eq!(device_crates(&names).unwrap(), ["coracle-core", "coracle"]);
    }

    #[test]
    fn refuses_a_crate_that_is_not_for_devices() {
        assert!(device_crates(&["coracle-devnet".to_owned()]).is_err());
    }
}
