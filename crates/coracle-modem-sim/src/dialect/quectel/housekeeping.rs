//! The rest: settings, the card, time, errors.

use super::{Quectel, errors};
use crate::{
    answer::{Answer, Done, Refusal},
    clock,
    command::{Command, Op},
    core::Core,
    standard::{self, ICCID},
};

pub(super) fn command(own: &mut Quectel, core: &mut Core, command: &Command) -> Option<Answer> {
    Some(match command.name.as_str() {
        "+QIGETERROR" => last_error(own, core),
        "+QICFG" => configure(own, core, command),
        "+QISDE" => echo_data(own, core, command),
        "+QPINC" => pin_tries(core, command),
        "+QCCID" => card_number(core),
        "+QLTS" => network_time(core, command),
        "+QSCLK" => standard::sleep(core, command),
        "+QNWINFO" => network_info(core),
        "+QCSQ" => signal(core),
        "+QCFG" | "+QURCCFG" | "+QINDCFG" | "+QINISTAT" => accepted(core, command),
        _ => return None,
    })
}

fn last_error(own: &Quectel, core: &mut Core) -> Answer {
    let error = own.last_error;
    core.line(format!("+QIGETERROR: {error},{}", errors::words(error)));
    Ok(Done::Ok)
}

/// `QICFG="dataformat"` counts; the others are taken and not kept.
fn configure(own: &mut Quectel, core: &mut Core, command: &Command) -> Answer {
    let name = command.text(0).unwrap_or_default().to_ascii_lowercase();
    if command.op != Op::Set || name.is_empty() {
        return Err(own.refuse(errors::INVALID_PARAMETERS));
    }
    if name != "dataformat" {
        return Ok(Done::Ok);
    }
    match (command.number(1), command.number(2)) {
        (Some(send @ (0 | 1)), Some(receive @ (0 | 1))) => own.hex = (send == 1, receive == 1),
        (None, None) => {
            let (send, receive) = (u8::from(own.hex.0), u8::from(own.hex.1));
            core.line(format!("+QICFG: \"dataformat\",{send},{receive}"));
        }
        _ => return Err(own.refuse(errors::INVALID_PARAMETERS)),
    }
    Ok(Done::Ok)
}

fn echo_data(own: &mut Quectel, core: &mut Core, command: &Command) -> Answer {
    match (command.op, command.number(0)) {
        (Op::Set, Some(value @ (0 | 1))) => own.echoes_data = value == 1,
        (Op::Read, _) => {
            let value = u8::from(own.echoes_data);
            core.line(format!("+QISDE: {value}"));
        }
        _ => return Err(Refusal::Error),
    }
    Ok(Done::Ok)
}

fn pin_tries(core: &mut Core, command: &Command) -> Answer {
    core.card.status()?;
    let (pin, puk) = (core.card.pin_tries, core.card.puk_tries);
    if command.text(0) != Some("P2") {
        core.line(format!("+QPINC: \"SC\",{pin},{puk}"));
    }
    if command.text(0) != Some("SC") {
        core.line("+QPINC: \"P2\",3,10");
    }
    Ok(Done::Ok)
}

fn card_number(core: &mut Core) -> Answer {
    core.card.status()?;
    core.line(format!("+QCCID: {ICCID}"));
    Ok(Done::Ok)
}

/// `QLTS` and `QLTS=0`: time of the last synchronisation; `=1`: now, UTC; `=2`: now,
/// local. The zone is in quarters of an hour, then comes daylight saving.
fn network_time(core: &mut Core, command: &Command) -> Answer {
    let mode = command.number_or(0, 0).filter(|mode| *mode <= 2);
    let mode = mode.ok_or(Refusal::PARAMETERS)?;
    let zone = core.config.zone_quarters;
    let Some(unix) = core.unix_time() else {
        core.line("+QLTS: \"\"");
        return Ok(Done::Ok);
    };
    let shift = if mode == 2 { i64::from(zone) * 900 } else { 0 };
    let time = clock::civil_long(unix + shift);
    core.line(format!("+QLTS: \"{time}{zone:+03},0\""));
    Ok(Done::Ok)
}

fn network_info(core: &mut Core) -> Answer {
    let numeric = core.config.operator.numeric.clone();
    match core.network.is_registered() {
        true => core.line(format!(
            "+QNWINFO: \"FDD LTE\",\"{numeric}\",\"LTE BAND 3\",1300"
        )),
        false => core.line("+QNWINFO: No Service"),
    }
    Ok(Done::Ok)
}

fn signal(core: &mut Core) -> Answer {
    match core.network.is_registered() {
        true => core.line("+QCSQ: \"LTE\",-61,-90,120,-9"),
        false => core.line("+QCSQ: \"NOSERVICE\""),
    }
    Ok(Done::Ok)
}

fn accepted(core: &mut Core, command: &Command) -> Answer {
    match command.op {
        Op::Set => Ok(Done::Ok),
        Op::Run | Op::Read if command.name == "+QINISTAT" => {
            core.line("+QINISTAT: 7");
            Ok(Done::Ok)
        }
        _ => Err(Refusal::Error),
    }
}
