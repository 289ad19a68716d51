//! Puts the memory map of the chosen chip where the linker finds it.

use std::{env, error::Error, fs, path::PathBuf};

const CHIPS: &[(&str, &str)] = &[
    ("CARGO_FEATURE_MPS2_AN386", "mps2-an386.x"),
    ("CARGO_FEATURE_MPS2_AN505", "mps2-an505.x"),
    ("CARGO_FEATURE_RISCV32_VIRT", "riscv32-virt.x"),
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=memory");
    let mut chosen = CHIPS.iter().filter(|(key, _)| env::var_os(key).is_some());
    // None or two: the crate itself says what to do.
    let (Some((_, map)), None) = (chosen.next(), chosen.next()) else {
        return Ok(());
    };
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::copy(format!("memory/{map}"), out.join("memory.x"))?;
    // Asked for by cortex-m-rt. The vector table is in the crate, so nothing is left to say.
    fs::write(out.join("device.x"), "")?;
    println!("cargo:rustc-link-search={}", out.display());
    Ok(())
}
