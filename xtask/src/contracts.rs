//! `contracts`: Solidity sources to checked-in artifacts, by npm `solc`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    args::Spec,
    sh::{Cmd, Result},
    tools, workspace,
};

const SPEC: Spec = Spec {
    switches: &["--check"],
    options: &[],
    words: false,
};

pub(crate) fn command(args: &[String]) -> Result {
    let check = SPEC.parse(args)?.has("--check");
    let sources = sources();
    if sources.is_empty() {
        return Err("contracts/ has no .sol file".into());
    }
    for source in sources {
        let made = compile(&source)?;
        let artifact = source.with_extension("json");
        if check {
            compare(&artifact, &made)?;
        } else {
            write(&artifact, &made)?;
        }
    }
    Ok(())
}

fn sources() -> Vec<PathBuf> {
    let files = workspace::entries(&workspace::root().join("contracts"));
    files
        .into_iter()
        .filter(|path| path.extension().is_some_and(|end| end == "sol"))
        .collect()
}

fn compile(source: &Path) -> Result<String> {
    let modules = std::env::var_os("CORACLE_SOLC").map_or_else(tools::solc, PathBuf::from);
    if !modules.join("solc").exists() {
        return Err("solc is not installed; run `cargo xtask setup`".into());
    }
    let script = workspace::root().join("xtask/npm/compile.js");
    Cmd::new("node").arg(script).arg(modules).arg(source).read()
}

fn compare(artifact: &Path, made: &str) -> Result {
    let name = workspace::relative(&workspace::root(), artifact);
    let found = fs::read_to_string(artifact).map_err(|error| format!("{name}: {error}"))?;
    if found == made {
        eprintln!("{name} is what its source compiles to");
        return Ok(());
    }
    Err(format!("{name} is not what its source compiles to; run `cargo xtask contracts`").into())
}

fn write(artifact: &Path, made: &str) -> Result {
    let name = workspace::relative(&workspace::root(), artifact);
    fs::write(artifact, made).map_err(|error| format!("{name}: {error}"))?;
    eprintln!("wrote {name}");
    Ok(())
}
