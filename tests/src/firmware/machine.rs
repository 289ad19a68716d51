//! Each board as QEMU's command line. The roles of the UARTs are those of
//! `boards/qemu/README.md`.

use std::path::Path;
use std::process::Command;

use super::board::Board;
use super::error::{Error, Result};
use super::image::Image;
use super::qemu::{Config, Console, Link};

/// The command that runs an image. Its log comes on standard output.
pub(super) fn command(image: &Image, config: &Config) -> Result<Command> {
    let board = image.spec().board;
    let mut command = Command::new(program(board));
    command.args(["-display", "none", "-monitor", "none"]);
    machine(&mut command, board, config.flash.as_deref());
    chardevs(&mut command, config)?;
    uarts(&mut command, board);
    command.arg("-semihosting-config").arg(semihosting(config));
    if let Some(path) = &config.qmp {
        let socket = format!("unix:{},server=on,wait=off", escaped(path));
        command.args(["-qmp", &socket]);
    }
    if let Some(shift) = config.icount {
        command.args(["-icount", &format!("shift={shift}")]);
    }
    command.arg("-kernel").arg(image.path());
    Ok(command)
}

fn program(board: Board) -> &'static str {
    match board {
        Board::Mps2An386 | Board::Mps2An505 => "qemu-system-arm",
        Board::Riscv32Virt => "qemu-system-riscv32",
    }
}

/// Flash is a part of the machine's main memory, which QEMU can keep in a file.
fn machine(command: &mut Command, board: Board, flash: Option<&Path>) {
    let (machine, memory) = match board {
        Board::Mps2An386 => ("mps2-an386", "16M"),
        Board::Mps2An505 => ("mps2-an505", "16M"),
        Board::Riscv32Virt => ("virt", "16M"),
    };
    let mut machine = machine.to_owned();
    if let Some(path) = flash {
        let path = escaped(path);
        let object = format!("memory-backend-file,id=flash,share=on,size={memory},mem-path={path}");
        command.args(["-object", &object]);
        machine.push_str(",memory-backend=flash");
    }
    command.args(["-machine", &machine]);
    if board == Board::Riscv32Virt {
        // No floating point: the core is an RV32IMAC. No default network card either,
        // which would take a slot.
        command.args([
            "-nodefaults",
            "-bios",
            "none",
            "-cpu",
            "rv32,f=off,d=off",
            "-m",
            memory,
        ]);
    }
}

fn chardevs(command: &mut Command, config: &Config) -> Result {
    let nobody = |id| format!("null,id={id}");
    let link = |id, link: &Option<Link>| link.as_ref().map_or(nobody(id), |link| socket(id, link));
    let console = match &config.console {
        Console::Discarded => nobody("console"),
        Console::File(path) => format!("file,id=console,path={}", escaped(path)),
        Console::Link(link) => socket("console", link),
    };
    let all = [
        "stdio,id=log,signal=off".to_owned(),
        console,
        link("modem", &config.modem),
        link("control", &config.control),
    ];
    for chardev in all {
        command.args(["-chardev", &chardev]);
    }
    match config.flash.as_deref().is_some_and(Path::is_dir) {
        true => Err(Error::at("flash", "is a folder")),
        false => Ok(()),
    }
}

fn socket(id: &str, link: &Link) -> String {
    match link {
        Link::Tcp(address) => format!(
            "socket,id={id},host={},port={},server=off,nodelay=on",
            address.ip(),
            address.port()
        ),
        Link::Unix(path) => format!("socket,id={id},path={},server=off", escaped(path)),
    }
}

fn uarts(command: &mut Command, board: Board) {
    let roles = ["console", "modem", "control"];
    match board {
        Board::Mps2An386 | Board::Mps2An505 => {
            for role in roles {
                command.args(["-serial", &format!("chardev:{role}")]);
            }
        }
        Board::Riscv32Virt => {
            command.args(["-serial", "chardev:console"]);
            for (slot, role) in (1..).zip(&roles[1..]) {
                command.args(["-device", &format!("pci-serial,chardev={role},addr={slot}")]);
            }
        }
    }
}

fn semihosting(config: &Config) -> String {
    let mut text = "enable=on,target=native,chardev=log".to_owned();
    for arg in &config.args {
        text.push_str(",arg=");
        text.push_str(&arg.replace(',', ",,"));
    }
    text
}

/// A comma ends a value unless it is doubled.
fn escaped(path: &Path) -> String {
    path.display().to_string().replace(',', ",,")
}
