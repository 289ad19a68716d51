//! Data contexts and names: `QICSGP`, `QIACT`, `QIDEACT`, `QIDNSGIP`.

use super::{Quectel, errors};
use crate::{
    answer::{Answer, Done, Refusal},
    command::{Command, Op},
    core::Core,
    fault::FaultKind,
    network::Network,
    standard::cid,
};

pub(super) fn command(own: &mut Quectel, core: &mut Core, command: &Command) -> Option<Answer> {
    Some(match command.name.as_str() {
        "+QICSGP" => define(own, core, command),
        "+QIACT" => activate(own, core, command),
        "+QIDEACT" => deactivate(own, core, command),
        "+QIDNSGIP" => resolve(own, core, command),
        "+QIDNSCFG" => servers(core, command),
        _ => return None,
    })
}

/// `QICSGP=cid[,type,apn[,user,password[,authentication]]]`
fn define(own: &mut Quectel, core: &mut Core, command: &Command) -> Answer {
    match command.op {
        Op::Test => {
            core.line("+QICSGP: (1-16),(1-3),<APN>,<username>,<password>,(0-3)");
            return Ok(Done::Ok);
        }
        Op::Set => {}
        Op::Run | Op::Read => return Err(Refusal::Error),
    }
    let id = cid(command, 0).map_err(|_| own.refuse(errors::INVALID_PARAMETERS))?;
    let Some(kind) = command.number(1) else {
        return show(core, id);
    };
    let kind = match kind {
        1 => "IP",
        2 => "IPV6",
        3 => "IPV4V6",
        _ => return Err(own.refuse(errors::INVALID_PARAMETERS)),
    };
    let text = |place| command.text(place).unwrap_or_default().to_owned();
    let wants_login = command.number_or(5, 0).unwrap_or(0) > 0;
    let context = core.network.contexts.entry(id).or_default();
    context.kind = kind.to_owned();
    context.apn = text(2);
    context.login = wants_login.then(|| (text(3), text(4)));
    Ok(Done::Ok)
}

fn show(core: &mut Core, id: u8) -> Answer {
    let context = core.network.contexts.get(&id).cloned().unwrap_or_default();
    let kind = match context.kind.as_str() {
        "IPV6" => 2,
        "IPV4V6" => 3,
        _ => 1,
    };
    let (user, password) = context.login.clone().unwrap_or_default();
    let method = u8::from(context.login.is_some());
    let apn = context.apn;
    core.line(format!(
        "+QICSGP: {kind},\"{apn}\",\"{user}\",\"{password}\",{method}"
    ));
    Ok(Done::Ok)
}

fn activate(own: &mut Quectel, core: &mut Core, command: &Command) -> Answer {
    core.card.require()?;
    match command.op {
        Op::Read => {
            let active = core
                .network
                .contexts
                .iter()
                .filter(|(_, one)| one.is_active);
            let ids: Vec<u8> = active.map(|(id, _)| *id).collect();
            for id in ids {
                let address = Network::address(id);
                core.line(format!("+QIACT: {id},1,1,\"{address}\""));
            }
            Ok(Done::Ok)
        }
        Op::Set => {
            let id = cid(command, 0).map_err(|_| own.refuse(errors::INVALID_PARAMETERS))?;
            // A context that was lost has to be given up first.
            let context = core.network.contexts.get(&id);
            if context.is_some_and(|one| one.is_active || one.is_lost) {
                return Err(own.refuse(errors::NOT_ALLOWED));
            }
            let apn = core.config.apn.clone();
            let active = core.network.activate(id, apn.as_ref());
            active.map_err(|_| own.refuse(errors::OPEN_PDP))?;
            Ok(Done::Ok)
        }
        Op::Test => {
            core.line("+QIACT: (1-16)");
            Ok(Done::Ok)
        }
        Op::Run => Err(Refusal::Error),
    }
}

/// Ends the context's connections without a word about each.
fn deactivate(own: &mut Quectel, core: &mut Core, command: &Command) -> Answer {
    if command.op != Op::Set {
        return Err(Refusal::Error);
    }
    let id = cid(command, 0).map_err(|_| own.refuse(errors::INVALID_PARAMETERS))?;
    core.network.deactivate(id);
    core.close_all();
    Ok(Done::Ok)
}

/// `QIDNSGIP=cid,host`: `OK`, then the addresses as unsolicited lines.
fn resolve(own: &mut Quectel, core: &mut Core, command: &Command) -> Answer {
    let id = cid(command, 0).map_err(|_| own.refuse(errors::INVALID_PARAMETERS))?;
    let host = command.text(1);
    let host = host.ok_or_else(|| own.refuse(errors::INVALID_PARAMETERS))?;
    if !core.network.is_active(id) {
        return Err(own.refuse(errors::OPEN_PDP));
    }
    let found = match core.fires(FaultKind::DnsFailure) {
        true => None,
        false => core.config.names.resolve(host),
    };
    match found {
        Some(address) => {
            core.urc("+QIURC: \"dnsgip\",0,1,600");
            core.urc(format!("+QIURC: \"dnsgip\",\"{address}\""));
        }
        None => {
            own.last_error = errors::DNS_FAILED;
            core.urc(format!("+QIURC: \"dnsgip\",{}", errors::DNS_FAILED));
        }
    }
    Ok(Done::Ok)
}

fn servers(core: &mut Core, command: &Command) -> Answer {
    let id = cid(command, 0)?;
    if command.args.len() == 1 {
        core.line(format!("+QIDNSCFG: {id},\"198.18.255.1\",\"198.18.255.2\""));
    }
    Ok(Done::Ok)
}
