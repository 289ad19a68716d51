//! Images: built once for each choice, then shared.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use super::board::{Board, Dialect};
use super::elf::Inspection;
use super::error::{Error, Result};

/// What is built, and for what.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Spec {
    /// The program as `cargo xtask firmware` calls it: `meter`, `selftest`, `bench`.
    pub program: String,
    /// The board it runs on.
    pub board: Board,
    /// A target other than the board's usual one.
    pub target: Option<String>,
    /// The modem it speaks to, for a program that speaks to one.
    pub dialect: Option<Dialect>,
    /// Further cargo features.
    pub features: Vec<String>,
    /// The least level that is logged, other than `info`.
    pub log: Option<String>,
}

impl Spec {
    /// A program without a modem, for the board's usual target.
    pub fn new(program: &str, board: Board) -> Self {
        Self {
            program: program.to_owned(),
            board,
            target: None,
            dialect: None,
            features: Vec::new(),
            log: None,
        }
    }

    /// The meter with a modem of this dialect.
    pub fn meter(board: Board, dialect: Dialect) -> Self {
        Self {
            dialect: Some(dialect),
            ..Self::new("meter", board)
        }
    }

    /// The target it is built for.
    pub fn target(&self) -> &str {
        self.target.as_deref().unwrap_or(self.board.target())
    }

    fn args(&self) -> Vec<String> {
        let mut args = vec![self.program.clone()];
        let mut option = |name: &str, value: &str| args.extend([name.into(), value.into()]);
        option("--board", self.board.name());
        if let Some(target) = &self.target {
            option("--target", target);
        }
        if let Some(dialect) = self.dialect {
            option("--dialect", dialect.name());
        }
        if !self.features.is_empty() {
            option("--features", &self.features.join(","));
        }
        if let Some(level) = &self.log {
            option("--log", level);
        }
        args
    }
}

/// A program for a board, with all that its ELF file says.
#[derive(Clone, Debug)]
pub struct Image {
    spec: Spec,
    path: PathBuf,
    bytes: Arc<[u8]>,
}

/// Images of this process. Building waits: two builds at once would only share the cores.
static BUILT: Mutex<Option<HashMap<Spec, Image>>> = Mutex::new(None);

impl Image {
    /// Builds an image, or takes the one that this process has built already.
    ///
    /// # Errors
    ///
    /// Cargo fails, which it explains on standard error itself.
    pub fn build(spec: &Spec) -> Result<Self> {
        let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
        let built = built.get_or_insert_default();
        if let Some(image) = built.get(spec) {
            return Ok(image.clone());
        }
        let image = Self::open(spec.clone(), &build(spec)?)?;
        built.insert(spec.clone(), image.clone());
        Ok(image)
    }

    /// An image that is there already.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub fn open(spec: Spec, path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|error| Error::at(path.display(), error))?;
        Ok(Self {
            spec,
            path: path.to_owned(),
            bytes: bytes.into(),
        })
    }

    /// What it was built from.
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// Where the ELF file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The ELF file.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What is in it: sizes, panic call sites, and what should not be there.
    ///
    /// # Errors
    ///
    /// It is no ELF file, or was linked without its relocations.
    pub fn inspect(&self) -> Result<Inspection> {
        Inspection::of(&self.bytes).map_err(|error| Error::at(self.path.display(), error))
    }
}

/// Builds by the same command as everybody, and returns the path that it prints.
fn build(spec: &Spec) -> Result<PathBuf> {
    let output = Command::new("cargo")
        .args(["xtask", "firmware", "--path"])
        .args(spec.args())
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| Error::at("cargo", error))?;
    if !output.status.success() {
        return Err(format!("`cargo xtask firmware {}` failed", spec.args().join(" ")).into());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_choice_reaches_the_command_line() {
        let spec = Spec {
            target: Some("thumbv6m-none-eabi".into()),
            features: vec!["tls".into(), "soak".into()],
            log: Some("error".into()),
            ..Spec::meter(Board::Mps2An386, Dialect::Simcom)
        };
        let line = "meter --board mps2-an386 --target thumbv6m-none-eabi --dialect simcom \
                    --features tls,soak --log error";
        assert_eq!(spec.args().join(" "), line);
    }

    #[test]
    fn a_file_that_is_no_image_is_refused() {
        let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
        let image = Image::open(Spec::new("meter", Board::Mps2An386), path).unwrap();
        assert!(image.inspect().is_err());
    }
}
