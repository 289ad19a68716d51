//! Who the modem and the card are; the card's lock; time.

use crate::{
    answer::{Answer, Done, Refusal},
    clock,
    command::{Command, Op},
    core::Core,
};

/// Numbers of the emulated card: test network 001-01.
pub(crate) const IMSI: &str = "001010123456789";
pub(crate) const ICCID: &str = "8988211000000123456";

pub(super) fn command(core: &mut Core, command: &Command) -> Option<Answer> {
    let personality = core.personality;
    Some(match command.name.as_str() {
        "I" | "I0" => {
            core.line(personality.manufacturer);
            core.line(personality.model);
            core.line(format!("Revision: {}", personality.revision));
            Ok(Done::Ok)
        }
        "+CGMI" | "+GMI" => tell(core, command, personality.manufacturer),
        "+CGMM" | "+GMM" => tell(core, command, personality.model),
        "+CGMR" | "+GMR" => tell(core, command, personality.revision),
        "+CGSN" | "+GSN" => {
            let imei = core.config.imei.clone();
            tell(core, command, &imei)
        }
        "+CIMI" => match core.card.require() {
            Ok(()) => tell(core, command, IMSI),
            Err(refusal) => Err(refusal),
        },
        "+CCID" => match core.card.status() {
            Ok(_) => tell(core, command, &format!("+CCID: {ICCID}")),
            Err(refusal) => Err(refusal),
        },
        "+CPIN" => pin(core, command),
        "+CLCK" => lock(core, command),
        "+CCLK" => time(core, command),
        "+CTZU" => super::number(core, command, 3, |core| &mut core.network.zone_update),
        "+CTZR" => super::number(core, command, 2, |core| &mut core.network.zone_report),
        _ => return None,
    })
}

/// A command that only answers.
fn tell(core: &mut Core, command: &Command, text: &str) -> Answer {
    match command.op {
        Op::Run | Op::Read => core.line(text),
        Op::Test => {}
        // `CGSN=1` asks for the IMEI as a value of the command.
        Op::Set if command.name == "+CGSN" && command.number(0) == Some(1) => {
            core.line(format!("+CGSN: \"{text}\""));
        }
        Op::Set => return Err(Refusal::PARAMETERS),
    }
    Ok(Done::Ok)
}

fn pin(core: &mut Core, command: &Command) -> Answer {
    match command.op {
        Op::Read => {
            let status = core.card.status()?;
            core.line(format!("+CPIN: {status}"));
        }
        Op::Set => {
            let code = command.text(0).ok_or(Refusal::PARAMETERS)?;
            core.card.enter(code, command.text(1))?;
            core.urc("+CPIN: READY");
            core.search();
        }
        Op::Test => {}
        Op::Run => return Err(Refusal::Error),
    }
    Ok(Done::Ok)
}

/// Only the question whether the card wants a PIN.
fn lock(core: &mut Core, command: &Command) -> Answer {
    let asks = command.text(0) == Some("SC") && command.number(1) == Some(2);
    if command.op != Op::Set || !asks {
        return Err(Refusal::NOT_SUPPORTED);
    }
    let status = core.card.status()?;
    let is_locked = u8::from(status != "READY");
    core.line(format!("+CLCK: {is_locked}"));
    Ok(Done::Ok)
}

fn time(core: &mut Core, command: &Command) -> Answer {
    match command.op {
        Op::Read => {
            let time = core.local_time();
            core.line(format!("+CCLK: \"{time}\""));
        }
        Op::Set => {
            let local = command.text(0).and_then(clock::parse);
            let zone = i64::from(core.config.zone_quarters) * 900;
            core.set_unix_time(local.ok_or(Refusal::PARAMETERS)? - zone);
        }
        Op::Test => {}
        Op::Run => return Err(Refusal::Error),
    }
    Ok(Done::Ok)
}
