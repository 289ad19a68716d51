//! The rest: identity, the card, sleep.

use crate::{
    answer::{Answer, Done, Refusal},
    command::{Command, Op},
    core::Core,
    standard::{self, ICCID},
};

pub(super) fn command(core: &mut Core, command: &Command) -> Option<Answer> {
    Some(match command.name.as_str() {
        "I" => identity(core),
        "+SPIC" => pin_tries(core),
        "+CICCID" => card_number(core),
        "+SIMEI" => serial_number(core),
        "+CSCLK" => standard::sleep(core, command),
        "+CPSI" => system(core, command),
        "+CNMP" => mode(core, command),
        "+CGSOCKCONT" | "+CSOCKSETPN" | "+CMNB" => Ok(Done::Ok),
        _ => return None,
    })
}

fn identity(core: &mut Core) -> Answer {
    let own = core.personality;
    core.line(format!("Manufacturer: {}", own.manufacturer));
    core.line(format!("Model: {}", own.model));
    core.line(format!("Revision: {}", own.revision));
    core.line(format!("IMEI: {}", core.config.imei));
    core.line("+GCAP: +CGSM,+FCLASS,+DS");
    Ok(Done::Ok)
}

/// PIN, PUK, PIN2, PUK2.
fn pin_tries(core: &mut Core) -> Answer {
    core.card.status()?;
    let (pin, puk) = (core.card.pin_tries, core.card.puk_tries);
    core.line(format!("+SPIC: {pin},{puk},3,10"));
    Ok(Done::Ok)
}

fn card_number(core: &mut Core) -> Answer {
    core.card.status()?;
    core.line(format!("+ICCID: {ICCID}"));
    Ok(Done::Ok)
}

fn serial_number(core: &mut Core) -> Answer {
    core.line(format!("+SIMEI: {}", core.config.imei));
    Ok(Done::Ok)
}

fn system(core: &mut Core, command: &Command) -> Answer {
    if command.op != Op::Read {
        return Err(Refusal::Error);
    }
    let numeric = core.config.operator.numeric.clone();
    let (country, network) = numeric.split_at_checked(3).unwrap_or(("001", "01"));
    match core.network.is_registered() {
        true => core.line(format!(
            "+CPSI: LTE,Online,{country}-{network},0x1A2B,27447236,101,EUTRAN-BAND3,1300,5,5,-90,-900,-610,15"
        )),
        false => core.line("+CPSI: NO SERVICE,Online"),
    }
    Ok(Done::Ok)
}

fn mode(core: &mut Core, command: &Command) -> Answer {
    match command.op {
        Op::Read => core.line("+CNMP: 38"),
        Op::Set if matches!(command.number(0), Some(2 | 13 | 14 | 38 | 39)) => {}
        _ => return Err(Refusal::Error),
    }
    Ok(Done::Ok)
}
