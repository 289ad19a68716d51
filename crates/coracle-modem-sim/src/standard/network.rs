//! Registration, signal, contexts, power saving: 27.007 sections 7, 8 and 10.

use crate::{
    answer::{Answer, Done, Refusal},
    command::{Command, Op},
    config::Dialect,
    core::Core,
    network::{Context, Network, REGISTRATIONS},
    standard::number,
};

/// Largest context id.
const MAX_CID: u32 = 16;

pub(super) fn command(core: &mut Core, command: &Command) -> Option<Answer> {
    let name = command.name.as_str();
    if let Some(which) = REGISTRATIONS.iter().position(|known| *known == name) {
        return Some(registration(core, command, which));
    }
    Some(match name {
        "+CSQ" => signal(core, command),
        "+CFUN" => functionality(core, command),
        "+COPS" => operator(core, command),
        "+CGATT" => attach(core, command),
        "+CGDCONT" => define(core, command),
        "+CGAUTH" => authenticate(core, command),
        "+CGACT" => activate(core, command),
        "+CGPADDR" => addresses(core, command),
        "+CGCONTRDP" => details(core, command),
        "+CPSMS" => power_saving(core, command),
        "+CEDRXS" => paging(core, command),
        _ => return None,
    })
}

fn registration(core: &mut Core, command: &Command, which: usize) -> Answer {
    match command.op {
        Op::Read => {
            let mode = core.network.modes.get(which).copied().unwrap_or(0);
            let words = core.registration_words(which);
            core.line(format!("{}: {mode},{words}", command.name));
            Ok(Done::Ok)
        }
        _ => {
            let most = if which == 2 { 5 } else { 2 };
            number(core, command, most, |core| {
                &mut core.network.modes[which.min(2)]
            })
        }
    }
}

fn signal(core: &mut Core, command: &Command) -> Answer {
    if command.op != Op::Run {
        return Err(Refusal::Error);
    }
    let signal = core.config.signal;
    match core.network.fun {
        1 => core.line(format!("+CSQ: {},{}", signal.rssi, signal.ber)),
        _ => core.line("+CSQ: 99,99"),
    }
    Ok(Done::Ok)
}

/// `CFUN=n`; `CFUN=n,1` restarts and is handled before.
fn functionality(core: &mut Core, command: &Command) -> Answer {
    match (command.op, command.number(0)) {
        (Op::Read, _) => {
            let fun = core.network.fun;
            core.line(format!("+CFUN: {fun}"));
        }
        (Op::Test, _) => core.line("+CFUN: (0,1,4),(0,1)"),
        (Op::Set, Some(fun @ (0 | 1 | 4))) => {
            core.network.fun = u8::try_from(fun).unwrap_or(1);
            core.search();
        }
        _ => return Err(Refusal::PARAMETERS),
    }
    Ok(Done::Ok)
}

fn operator(core: &mut Core, command: &Command) -> Answer {
    core.card.require()?;
    match (command.op, command.number(0)) {
        (Op::Read, _) => {
            let text = operator_words(core);
            core.line(format!("+COPS: {text}"));
        }
        (Op::Test, _) => {
            let one = core.config.operator.clone();
            let access = core.config.registration.access;
            let (long, short, numeric) = (one.long, one.short, one.numeric);
            core.line(format!(
                "+COPS: (2,\"{long}\",\"{short}\",\"{numeric}\",{access}),,(0-4),(0-2)"
            ));
        }
        (Op::Set, Some(3)) => {
            let format = command.number(1).filter(|format| *format <= 2);
            let format = format.ok_or(Refusal::PARAMETERS)?;
            core.network.cops.1 = u8::try_from(format).unwrap_or(0);
        }
        (Op::Set, Some(mode @ (0..=2 | 4))) => {
            if mode == 1 && !names_operator(core, command) {
                return Err(Refusal::NO_NETWORK);
            }
            core.network.cops.0 = u8::try_from(mode).unwrap_or(0);
            core.search();
        }
        _ => return Err(Refusal::PARAMETERS),
    }
    Ok(Done::Ok)
}

fn names_operator(core: &Core, command: &Command) -> bool {
    let one = &core.config.operator;
    let names = [&one.long, &one.short, &one.numeric];
    command
        .text(2)
        .is_some_and(|name| names.iter().any(|known| *known == name))
}

fn operator_words(core: &Core) -> String {
    let (mode, format) = core.network.cops;
    if !core.network.is_registered() {
        return mode.to_string();
    }
    let one = &core.config.operator;
    let name = match format {
        0 => &one.long,
        1 => &one.short,
        _ => &one.numeric,
    };
    let access = core.config.registration.access;
    format!("{mode},{format},\"{name}\",{access}")
}

fn attach(core: &mut Core, command: &Command) -> Answer {
    core.card.require()?;
    match (command.op, command.number(0)) {
        (Op::Read, _) => {
            let is_attached = u8::from(core.network.is_attached);
            core.line(format!("+CGATT: {is_attached}"));
        }
        (Op::Set, Some(0)) => core.drop_contexts(),
        (Op::Set, Some(1)) if core.network.is_registered() => core.network.is_attached = true,
        (Op::Set, Some(1)) => return Err(Refusal::NO_NETWORK),
        (Op::Test, _) => core.line("+CGATT: (0,1)"),
        _ => return Err(Refusal::PARAMETERS),
    }
    Ok(Done::Ok)
}

/// The context id at `place`.
pub(crate) fn cid(command: &Command, place: usize) -> Result<u8, Refusal> {
    let id = command.number(place);
    let id = id.filter(|id| (1..=MAX_CID).contains(id));
    id.and_then(|id| id.try_into().ok())
        .ok_or(Refusal::PARAMETERS)
}

fn define(core: &mut Core, command: &Command) -> Answer {
    match command.op {
        Op::Read => {
            let mut lines = Vec::new();
            for (id, one) in &core.network.contexts {
                let address = address(core, *id).unwrap_or_else(|| "0.0.0.0".into());
                let (kind, apn) = (&one.kind, &one.apn);
                lines.push(format!(
                    "+CGDCONT: {id},\"{kind}\",\"{apn}\",\"{address}\",0,0,0,0"
                ));
            }
            lines.iter().for_each(|line| core.line(line));
        }
        Op::Set => {
            let id = cid(command, 0)?;
            let Some(kind) = command.text(1) else {
                core.network.contexts.remove(&id);
                return Ok(Done::Ok);
            };
            let kind = kind.to_ascii_uppercase();
            if !matches!(kind.as_str(), "IP" | "IPV6" | "IPV4V6") {
                return Err(Refusal::PARAMETERS);
            }
            let context = core.network.contexts.entry(id).or_default();
            context.kind = kind;
            context.apn = command.text(2).unwrap_or_default().to_owned();
        }
        Op::Test => core.line("+CGDCONT: (1-16),\"IP\",,,(0-2),(0-4),(0-1),(0-1)"),
        Op::Run => return Err(Refusal::Error),
    }
    Ok(Done::Ok)
}

/// `CGAUTH=cid,method,user,password`; SIM7600 has the password first, and A76xx firmware
/// is not of one mind, so SIMCom may do either.
fn authenticate(core: &mut Core, command: &Command) -> Answer {
    if command.op != Op::Set {
        return Err(Refusal::NOT_SUPPORTED);
    }
    let id = cid(command, 0)?;
    let login = match command.number_or(1, 0) {
        Some(0) => None,
        Some(1..=3) => {
            let user = command.text(2).ok_or(Refusal::PARAMETERS)?;
            let password = command.text(3).unwrap_or_default();
            Some(in_order(core, user, password))
        }
        _ => return Err(Refusal::PARAMETERS),
    };
    core.network.contexts.entry(id).or_default().login = login;
    Ok(Done::Ok)
}

fn in_order(core: &Core, first: &str, second: &str) -> (String, String) {
    let wanted = core.config.apn.as_ref().and_then(|apn| apn.login.as_ref());
    let is_swapped = core.config.dialect == Dialect::Simcom
        && wanted.is_some_and(|(user, password)| user == second && password == first);
    match is_swapped {
        true => (second.to_owned(), first.to_owned()),
        false => (first.to_owned(), second.to_owned()),
    }
}

fn activate(core: &mut Core, command: &Command) -> Answer {
    core.card.require()?;
    match (command.op, command.number(0)) {
        (Op::Read, _) => {
            let ids: Vec<u8> = core.network.contexts.keys().copied().collect();
            for id in ids {
                let is_active = u8::from(address(core, id).is_some());
                core.line(format!("+CGACT: {id},{is_active}"));
            }
        }
        (Op::Set, Some(1)) => {
            let id = cid(command, 1)?;
            let apn = core.config.apn.clone();
            core.network.activate(id, apn.as_ref())?;
        }
        (Op::Set, Some(0)) => {
            let id = cid(command, 1)?;
            core.network.deactivate(id);
        }
        (Op::Test, _) => core.line("+CGACT: (0,1)"),
        _ => return Err(Refusal::PARAMETERS),
    }
    Ok(Done::Ok)
}

/// The address of a context: LTE gives the first one an address at attach.
fn address(core: &Core, id: u8) -> Option<String> {
    let at_attach = id == 1 && core.network.is_attached;
    (at_attach || core.network.is_active(id)).then(|| Network::address(id))
}

fn addresses(core: &mut Core, command: &Command) -> Answer {
    let ids: Vec<u8> = match command.op {
        Op::Set => vec![cid(command, 0)?],
        Op::Run => core.network.contexts.keys().copied().collect(),
        Op::Read | Op::Test => return Err(Refusal::Error),
    };
    for id in ids {
        match address(core, id) {
            Some(address) => core.line(format!("+CGPADDR: {id},\"{address}\"")),
            None => core.line(format!("+CGPADDR: {id}")),
        }
    }
    Ok(Done::Ok)
}

fn details(core: &mut Core, command: &Command) -> Answer {
    let id = match command.op {
        Op::Set => cid(command, 0)?,
        _ => 1,
    };
    if let Some(address) = address(core, id) {
        let context = core.network.contexts.get(&id);
        let Context { apn, .. } = context.cloned().unwrap_or_default();
        core.line(format!("+CGCONTRDP: {id},5,\"{apn}\",\"{address}\""));
    }
    Ok(Done::Ok)
}

fn power_saving(core: &mut Core, command: &Command) -> Answer {
    match (command.op, command.number(0)) {
        (Op::Read, _) => match core.network.psm.clone() {
            Some((tau, active)) => core.line(format!("+CPSMS: 1,,,\"{tau}\",\"{active}\"")),
            None => core.line("+CPSMS: 0"),
        },
        (Op::Set, Some(0 | 2)) => core.network.psm = None,
        (Op::Set, Some(1)) => {
            let default = |place, bits: &str| command.text(place).unwrap_or(bits).to_owned();
            let (tau, active) = (default(3, "00100001"), default(4, "00000101"));
            if !is_bits(&tau, 8) || !is_bits(&active, 8) {
                return Err(Refusal::PARAMETERS);
            }
            core.network.psm = Some((tau, active));
        }
        (Op::Test, _) => {}
        _ => return Err(Refusal::PARAMETERS),
    }
    Ok(Done::Ok)
}

fn paging(core: &mut Core, command: &Command) -> Answer {
    match (command.op, command.number(0)) {
        (Op::Read, _) => {
            if let Some((access, value)) = core.network.edrx.clone() {
                core.line(format!("+CEDRXS: {access},\"{value}\""));
            }
        }
        (Op::Set, Some(0 | 3)) => core.network.edrx = None,
        (Op::Set, Some(1 | 2)) => {
            let access = command.number(1).filter(|access| (1..=5).contains(access));
            let access = access.ok_or(Refusal::PARAMETERS)?;
            let value = command.text(2).unwrap_or("0101").to_owned();
            if !is_bits(&value, 4) {
                return Err(Refusal::PARAMETERS);
            }
            core.network.edrx = Some((u8::try_from(access).unwrap_or(4), value));
        }
        (Op::Test, _) => {}
        _ => return Err(Refusal::PARAMETERS),
    }
    Ok(Done::Ok)
}

fn is_bits(text: &str, len: usize) -> bool {
    text.len() == len && text.bytes().all(|byte| matches!(byte, b'0' | b'1'))
}
