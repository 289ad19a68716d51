//! The certificate store: `CCERTDOWN`, `CCERTLIST`, `CCERTDELE`.

use crate::{
    answer::{Answer, Done, Refusal},
    command::{Command, Op},
    core::Core,
    dialect::Purpose,
};

/// Longest name and largest file.
const MAX_NAME: usize = 64;
const MAX_FILE: u32 = 10_240;

pub(super) fn command(core: &mut Core, command: &Command) -> Option<Answer> {
    Some(match command.name.as_str() {
        "+CCERTDOWN" => upload(core, command),
        "+CCERTLIST" => list(core),
        "+CCERTDELE" => delete(core, command),
        _ => return None,
    })
}

/// `CCERTDOWN="name",len`, the prompt, the file, `OK`.
fn upload(core: &mut Core, command: &Command) -> Answer {
    let name = command.text(0).filter(|name| is_name(name));
    let len = command.number(1).filter(|len| (1..=MAX_FILE).contains(len));
    let (Op::Set, Some(name), Some(len)) = (command.op, name, len) else {
        return Err(Refusal::Error);
    };
    let len = usize::try_from(len).ok();
    core.prompt("\r\n>", len, Purpose::File(name.to_owned()))
}

/// The manual asks for a file type.
fn is_name(name: &str) -> bool {
    let types = [".pem", ".der", ".p7b", ".crt", ".cer", ".key"];
    name.len() <= MAX_NAME && types.iter().any(|kind| name.to_lowercase().ends_with(kind))
}

fn list(core: &mut Core) -> Answer {
    let names: Vec<String> = core.files.list().map(|(name, _)| name.to_owned()).collect();
    for name in names {
        core.line(format!("+CCERTLIST: \"{name}\""));
    }
    Ok(Done::Ok)
}

fn delete(core: &mut Core, command: &Command) -> Answer {
    let name = command.text(0).ok_or(Refusal::Error)?;
    match core.files.remove(name) {
        true => Ok(Done::Ok),
        false => Err(Refusal::Error),
    }
}
