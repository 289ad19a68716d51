//! The command line itself: V.250, `CMEE`, the UART.

use crate::{
    answer::{Answer, Done, Refusal},
    command::{Command, Op},
    core::Core,
    standard::number,
};

pub(super) fn command(core: &mut Core, command: &Command) -> Option<Answer> {
    let name = command.name.as_str();
    Some(match name {
        "E" | "E0" => basic(core, |core| core.profile.echo = false),
        "E1" => basic(core, |core| core.profile.echo = true),
        "V" | "V0" => basic(core, |core| core.profile.verbose = false),
        "V1" => basic(core, |core| core.profile.verbose = true),
        "Q" | "Q0" => basic(core, |core| core.profile.quiet = false),
        "Q1" => basic(core, |core| core.profile.quiet = true),
        "Z" | "Z0" => basic(core, |core| core.profile = core.stored),
        "&F" | "&F0" => basic(core, |core| core.profile = core.personality.profile),
        "&W" | "&W0" => basic(core, |core| core.stored = core.profile),
        "H" | "H0" => Ok(Done::Ok),
        "+CMEE" => number(core, command, 2, |core| &mut core.profile.cmee),
        "+IPR" => constant(core, command, &baud(core)),
        "+IFC" => constant(core, command, "0,0"),
        "+ICF" => constant(core, command, "3,3"),
        "+CSCS" => constant(core, command, "\"GSM\""),
        "+CMGF" | "+CNMI" | "+CGEREP" => plain(core, command),
        name if accepted_basic(name) => Ok(Done::Ok),
        name if name.starts_with('D') => {
            core.line("NO CARRIER");
            Ok(Done::Said)
        }
        _ => return None,
    })
}

fn basic(core: &mut Core, change: impl Fn(&mut Core)) -> Answer {
    change(core);
    Ok(Done::Ok)
}

/// Settings of a line that is not emulated: `X`, `S`, `&C`, `&D`, `&K`.
fn accepted_basic(name: &str) -> bool {
    let rest = name
        .strip_prefix(['X', 'S'])
        .or_else(|| name.strip_prefix("&C"))
        .or_else(|| name.strip_prefix("&D"))
        .or_else(|| name.strip_prefix("&K"));
    rest.is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit() || c == '='))
}

/// A setting that is taken and not kept.
fn constant(core: &mut Core, command: &Command, value: &str) -> Answer {
    match command.op {
        Op::Read => core.line(format!("{}: {value}", command.name)),
        Op::Set if command.args.iter().all(|arg| arg.text.is_empty()) => {
            return Err(Refusal::PARAMETERS);
        }
        Op::Set | Op::Test => {}
        Op::Run => return Err(Refusal::Error),
    }
    Ok(Done::Ok)
}

/// Accepted for what drivers send besides; needs the card.
fn plain(core: &mut Core, command: &Command) -> Answer {
    core.card.require()?;
    constant(core, command, "0")
}

/// Lets DTR send the modem to sleep.
pub(crate) fn sleep(core: &mut Core, command: &Command) -> Answer {
    match (command.op, command.number(0)) {
        (Op::Read, _) => {
            let value = u8::from(core.sleep_allowed);
            core.line(format!("{}: {value}", command.name));
        }
        (Op::Set, Some(value @ 0..=2)) => core.sleep_allowed = value > 0,
        _ => return Err(Refusal::PARAMETERS),
    }
    Ok(Done::Ok)
}

fn baud(core: &Core) -> String {
    core.config.baud.unwrap_or(115_200).to_string()
}
