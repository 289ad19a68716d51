//! Commands of V.250 and 27.007 that every maker has.

mod identity;
mod network;
mod settings;

pub(crate) use self::{identity::ICCID, network::cid, settings::sleep};
use crate::{
    answer::{Answer, Done, Refusal},
    command::{Command, Op},
    config::Dialect,
    core::Core,
};

/// A command that restarts the modem: how to end it before.
pub(crate) fn restart(core: &mut Core, command: &Command) -> Option<Answer> {
    let is_cfun = command.name == "+CFUN" && command.op == Op::Set;
    let is_own = command.name == core.personality.restart && command.op == Op::Run;
    // u-blox restarts with 15 and 16 instead of a second parameter.
    let is_ublox = core.config.dialect == Dialect::Ublox;
    let is_number = is_ublox && matches!(command.number(0), Some(15 | 16));
    let is_restart = is_own || is_cfun && (is_number || command.number(1) == Some(1));
    is_restart.then(|| {
        core.log('*', "restart");
        Ok(Done::Ok)
    })
}

/// `None` for a command that is not here.
pub(crate) fn command(core: &mut Core, command: &Command) -> Option<Answer> {
    settings::command(core, command)
        .or_else(|| identity::command(core, command))
        .or_else(|| network::command(core, command))
}

/// A command with one number: `X?` answers it, `X=n` sets it.
fn number(
    core: &mut Core,
    command: &Command,
    most: u8,
    place: impl Fn(&mut Core) -> &mut u8,
) -> Answer {
    match command.op {
        Op::Read => {
            let value = *place(core);
            core.line(format!("{}: {value}", command.name));
        }
        Op::Set => {
            let value = command.number(0).and_then(|value| value.try_into().ok());
            let value = value.filter(|value| *value <= most);
            *place(core) = value.ok_or(Refusal::PARAMETERS)?;
        }
        Op::Test => core.line(format!("{}: (0-{most})", command.name)),
        Op::Run => return Err(Refusal::Error),
    }
    Ok(Done::Ok)
}
