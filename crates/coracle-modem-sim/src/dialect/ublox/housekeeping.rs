//! The rest: identity, the card, formats, sleep.

use super::NOT_ALLOWED;
use crate::{
    answer::{Answer, Done},
    command::{Command, Op},
    core::Core,
};

pub(super) fn command(hex: &mut bool, core: &mut Core, command: &Command) -> Option<Answer> {
    Some(match command.name.as_str() {
        "I" | "I0" => identity(core),
        "+UPINCNT" => pin_tries(core),
        "+UDCONF" => configure(hex, core, command),
        "+UPSV" => sleep(core, command),
        "+UMNOPROF" | "+URAT" | "+UGPIOC" | "+UPSMR" | "+UBANDMASK" => accepted(core, command),
        _ => return None,
    })
}

fn identity(core: &mut Core) -> Answer {
    core.line(core.personality.model);
    Ok(Done::Ok)
}

/// PIN, PIN2, PUK, PUK2.
fn pin_tries(core: &mut Core) -> Answer {
    core.card.status()?;
    let (pin, puk) = (core.card.pin_tries, core.card.puk_tries);
    core.line(format!("+UPINCNT: {pin},3,{puk},10"));
    Ok(Done::Ok)
}

/// `UDCONF=1[,0|1]`: data in hexadecimal.
fn configure(hex: &mut bool, core: &mut Core, command: &Command) -> Answer {
    match (command.op, command.number(0), command.number(1)) {
        (Op::Set, Some(1), Some(value @ (0 | 1))) => *hex = value == 1,
        (Op::Set, Some(1), None) => {
            let value = u8::from(*hex);
            core.line(format!("+UDCONF: 1,{value}"));
        }
        _ => return Err(NOT_ALLOWED),
    }
    Ok(Done::Ok)
}

/// Mode 3 lets DTR send the modem to sleep.
fn sleep(core: &mut Core, command: &Command) -> Answer {
    match (command.op, command.number(0)) {
        (Op::Read, _) => {
            let mode = if core.sleep_allowed { 3 } else { 0 };
            core.line(format!("+UPSV: {mode}"));
        }
        (Op::Set, Some(mode @ 0..=4)) => core.sleep_allowed = mode == 3,
        _ => return Err(NOT_ALLOWED),
    }
    Ok(Done::Ok)
}

fn accepted(core: &mut Core, command: &Command) -> Answer {
    match command.op {
        Op::Set => {}
        Op::Read => core.line(format!("{}: 0", command.name)),
        Op::Run | Op::Test => return Err(NOT_ALLOWED),
    }
    Ok(Done::Ok)
}
