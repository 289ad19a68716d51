//! `firmware`: builds a program for an emulated board, and says what it takes.
//!
//! The image lands under a name of its own for each choice of board, target and features,
//! so that several can be kept and run side by side. Builds of one checkout wait for each
//! other: cargo itself would overwrite one program with the same program of other features.

mod board;
mod elf;

use std::{
    env, fs,
    path::{Path, PathBuf},
};

pub(crate) use self::board::BOARDS;
use self::{board::Board, elf::Sizes};
use crate::{
    args::{Args, Spec},
    sh::{Cmd, Result},
    toolchain::{LIMBS, Toolchain},
    workspace,
};

const SPEC: Spec = Spec {
    switches: &["--path"],
    options: &[
        "--board",
        "--target",
        "--dialect",
        "--features",
        "--log",
        "--package",
        "--example",
        "--profile",
        "--toolchain",
    ],
    words: true,
};

/// A program with a short name.
struct Program {
    name: &'static str,
    package: &'static str,
    /// The example of the package; its binary of the package's name where there is none.
    example: Option<&'static str>,
    /// Whether it speaks to a modem, and so needs to know which.
    has_modem: bool,
}

const PROGRAMS: &[Program] = &[
    Program {
        name: "meter",
        package: "meter",
        example: None,
        has_modem: true,
    },
    Program {
        name: "selftest",
        package: "coracle-qemu",
        example: Some("selftest"),
        has_modem: false,
    },
    Program {
        name: "bench",
        package: "bench-firmware",
        example: None,
        has_modem: false,
    },
];

/// The least level that is logged; lines below it take no flash.
const LOG: &str = "info";

/// The sources of `core` in the compiler's folder.
const SOURCES: &str = "lib/rustlib/src/rust";

const DIALECTS: &[&str] = &["quectel", "simcom", "ublox"];

pub(crate) fn command(args: &[String]) -> Result {
    let args = SPEC.parse(args)?;
    let image = Plan::new(&args)?.build()?;
    if args.has("--path") {
        println!("{}", image.display());
        return Ok(());
    }
    let Sizes {
        flash_bytes,
        static_ram_bytes,
    } = Sizes::of(&fs::read(&image).map_err(|error| format!("{}: {error}", image.display()))?)?;
    println!("image       {}", image.display());
    println!("flash       {flash_bytes:>8} bytes");
    println!("static RAM  {static_ram_bytes:>8} bytes");
    Ok(())
}

/// What is built, for what, and how.
#[derive(Debug)]
struct Plan {
    package: String,
    example: Option<String>,
    board: &'static Board,
    target: String,
    features: Vec<String>,
    log: String,
    profile: String,
    toolchain: Option<String>,
}

impl Plan {
    fn new(args: &Args) -> Result<Self> {
        let board = board::find(args.option("--board"))?;
        let target = board.target(args.option("--target"))?.to_owned();
        let (package, example, has_modem) = program(args)?;
        let mut features = vec![board.name.to_owned()];
        if let Some(dialect) = dialect(args, has_modem)? {
            features.push(dialect);
        }
        let more = args.option("--features").unwrap_or_default();
        features.extend(
            more.split([',', ' '])
                .filter(|name| !name.is_empty())
                .map(str::to_owned),
        );
        Ok(Self {
            package,
            example,
            board,
            target,
            features,
            log: args.option("--log").map_or_else(usual_log, str::to_owned),
            profile: args.option("--profile").unwrap_or("firmware").to_owned(),
            toolchain: args.option("--toolchain").map(str::to_owned),
        })
    }

    /// Builds, and returns where the image is.
    fn build(&self) -> Result<PathBuf> {
        let wanted = self.toolchain.as_deref().unwrap_or("auto");
        let toolchain = Toolchain::find(wanted, &self.target)?;
        let dir = workspace::target_dir()
            .join("firmware")
            .join(toolchain.name());
        let images = dir.join("images");
        fs::create_dir_all(&images).map_err(|error| format!("{}: {error}", images.display()))?;
        let _lock = lock(&dir.join("lock"))?;
        self.cargo(toolchain, &dir)?;
        let image = images.join(self.image_name());
        let built = self.built(&dir);
        fs::copy(&built, &image).map_err(|error| format!("{}: {error}", built.display()))?;
        Ok(image)
    }

    fn cargo(&self, toolchain: Toolchain, dir: &Path) -> Result {
        let (kind, name) = match &self.example {
            Some(example) => ("--example", example),
            None => ("--bin", &self.package),
        };
        let cmd = Cmd::cargo()
            .args(["build", "--quiet", "--package", &self.package, kind, name])
            .args(["--target", &self.target, "--profile", &self.profile])
            .args([
                "--no-default-features",
                "--features",
                &self.features.join(","),
            ])
            .arg("--target-dir")
            .arg(dir)
            .env(
                "DEFMT_LOG",
                env::var("DEFMT_LOG").unwrap_or_else(|_| LOG.into()),
            )
            .rustflags(&flags(toolchain, dir)?);
        toolchain.apply(cmd).run()
    }

    /// Where cargo puts it. The profile `dev` is the one whose folder has another name.
    fn built(&self, dir: &Path) -> PathBuf {
        let profile = match self.profile.as_str() {
            "dev" => "debug",
            name => name,
        };
        let dir = dir.join(&self.target).join(profile);
        match &self.example {
            Some(example) => dir.join("examples").join(example),
            None => dir.join(&self.package),
        }
    }

    fn image_name(&self) -> String {
        let name = self.example.as_deref().unwrap_or(&self.package);
        let mut parts = vec![name.to_owned(), self.features.join("+")];
        if self.target != self.board.targets[0] {
            parts.push(self.target.clone());
        }
        if self.log != LOG {
            parts.push(format!("log-{}", self.log));
        }
        if self.profile != "firmware" {
            parts.push(self.profile.clone());
        }
        format!("{}.elf", parts.join("-")).replace(['/', '='], "_")
    }
}

fn usual_log() -> String {
    env::var("DEFMT_LOG").unwrap_or_else(|_| LOG.into())
}

/// Package, example, and whether a modem is spoken to: named, or by a short name.
fn program(args: &Args) -> Result<(String, Option<String>, bool)> {
    if let Some(package) = args.option("--package") {
        let example = args.option("--example").map(str::to_owned);
        return Ok((
            package.to_owned(),
            example,
            args.option("--dialect").is_some(),
        ));
    }
    let name = args.words.first().map_or("meter", String::as_str);
    let program = PROGRAMS.iter().find(|program| program.name == name);
    let program = program.ok_or_else(|| {
        let known: Vec<&str> = PROGRAMS.iter().map(|program| program.name).collect();
        format!("no firmware `{name}`; there are {}", known.join(", "))
    })?;
    let example = program.example.map(str::to_owned);
    Ok((program.package.to_owned(), example, program.has_modem))
}

fn dialect(args: &Args, has_modem: bool) -> Result<Option<String>> {
    if !has_modem {
        return Ok(None);
    }
    let dialect = args.option("--dialect").unwrap_or("quectel");
    if !DIALECTS.contains(&dialect) {
        return Err(format!("no dialect `{dialect}`; there are {}", DIALECTS.join(", ")).into());
    }
    Ok(Some(dialect.to_owned()))
}

/// What the compiler and the linker are told, for every crate of the image.
fn flags(toolchain: Toolchain, dir: &Path) -> Result<Vec<String>> {
    let mut flags = LIMBS.map(str::to_owned).to_vec();
    // The relocations name each call site of a panic; they are not part of what is flashed.
    let link = ["-Tlink.x", "-Tdefmt.x", "--emit-relocs"];
    flags.extend(link.map(|arg| format!("-Clink-arg={arg}")));
    if let Some(linker) = toolchain.linker()? {
        flags.push(format!("-Clinker={}", linker.display()));
    }
    // Where several match, the compiler takes the last.
    for (from, to) in remaps(toolchain, dir)? {
        flags.push(format!("--remap-path-prefix={}={to}", from.display()));
    }
    Ok(flags)
}

/// Folders of this machine, and what the image calls them.
fn remaps(toolchain: Toolchain, dir: &Path) -> Result<Vec<(PathBuf, &'static str)>> {
    let cargo_home = cargo_home()?;
    let registries = cargo_home.join("registry/src");
    if !registries.exists() {
        Cmd::cargo().args(["fetch", "--quiet"]).run()?;
    }
    let mut remaps = vec![(workspace::root(), "/coracle"), (dir.to_owned(), "/target")];
    let registries = workspace::entries(&registries);
    remaps.push((cargo_home, "/cargo"));
    remaps.extend(
        registries
            .into_iter()
            .map(|registry| (registry, "/registry")),
    );
    remaps.push((toolchain.sysroot()?.join(SOURCES), "/rust"));
    Ok(remaps)
}

fn cargo_home() -> Result<PathBuf> {
    let set = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = set.or_else(|| env::home_dir().map(|home| home.join(".cargo")));
    home.ok_or_else(|| "neither CARGO_HOME nor a home folder is set".into())
}

/// Held until dropped.
fn lock(path: &Path) -> Result<fs::File> {
    let file = fs::File::create(path).and_then(|file| file.lock().map(|()| file));
    file.map_err(|error| format!("{}: {error}", path.display()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(args: &[&str]) -> Result<Plan> {
        let args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
        Plan::new(&SPEC.parse(&args)?)
    }

    #[test]
    fn the_meter_is_built_unless_another_is_named() {
        let plan = plan(&["--board", "mps2-an386"]).unwrap();
        assert_eq!(
            (plan.package.as_str(), plan.example.clone()),
            ("meter", None)
        );
        assert_eq!(plan.features, ["mps2-an386", "quectel"]);
        assert_eq!(plan.target, "thumbv7em-none-eabihf");
        assert_eq!(plan.image_name(), "meter-mps2-an386+quectel.elf");
    }

    #[test]
    fn every_choice_has_an_image_of_its_own() {
        let choices: [&[&str]; 7] = [
            &["--board", "mps2-an386"],
            &["--board", "mps2-an386", "--target", "thumbv6m-none-eabi"],
            &["--board", "mps2-an386", "--dialect", "simcom"],
            &["--board", "mps2-an386", "--features", "tls"],
            &["--board", "mps2-an386", "--log", "error"],
            &["--board", "mps2-an386", "--profile", "release"],
            &["--board", "riscv32-virt"],
        ];
        let mut names: Vec<String> = choices
            .iter()
            .map(|args| plan(args).unwrap().image_name())
            .collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), choices.len());
    }

    #[test]
    fn a_program_without_a_modem_has_no_dialect() {
        let plan = plan(&["selftest", "--board", "mps2-an505"]).unwrap();
        assert_eq!(plan.features, ["mps2-an505"]);
        assert_eq!(plan.example.as_deref(), Some("selftest"));
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        assert!(plan(&["thermometer", "--board", "mps2-an386"]).is_err());
        assert!(plan(&["--board", "mps2-an386", "--dialect", "hayes"]).is_err());
        assert!(plan(&["--board", "nrf9160"]).is_err());
        assert!(plan(&[]).unwrap_err().to_string().contains("--board"));
    }
}
