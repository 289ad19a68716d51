//! Packet switched data profiles: `UPSD`, `UPSDA`, `UPSND`.

use super::NOT_ALLOWED;
use crate::{
    answer::{Answer, Done},
    command::{Command, Op},
    core::Core,
    network::Network,
};

/// Profile 0, mapped on a context.
#[derive(Debug, Default)]
pub(super) struct PsdProfile {
    cid: Option<u8>,
}

impl PsdProfile {
    pub(super) fn cid(&self) -> u8 {
        self.cid.unwrap_or(1)
    }
}

pub(super) fn command(own: &mut PsdProfile, core: &mut Core, command: &Command) -> Option<Answer> {
    Some(match command.name.as_str() {
        "+UPSD" => define(own, core, command),
        "+UPSDA" => action(own, core, command),
        "+UPSND" => status(own, core, command),
        "+UAUTHREQ" => authenticate(core, command),
        _ => return None,
    })
}

/// `UPSD=0,param,value`: 0 protocol, 1 APN, 2 user, 3 password, 100 context.
fn define(own: &mut PsdProfile, core: &mut Core, command: &Command) -> Answer {
    if command.op != Op::Set || command.number(0) != Some(0) {
        return Err(NOT_ALLOWED);
    }
    let value = command.text(2).unwrap_or_default().to_owned();
    let id = own.cid();
    let context = core.network.contexts.entry(id).or_default();
    match command.number(1) {
        Some(0 | 4..=7) => {}
        Some(1) => context.apn = value,
        Some(2) => context.login = Some((value, String::new())),
        Some(3) => {
            let user = context.login.take().map(|(user, _)| user);
            context.login = Some((user.unwrap_or_default(), value));
        }
        Some(100) => {
            let id = command.number(2).and_then(|id| u8::try_from(id).ok());
            own.cid = Some(id.filter(|id| (1..=8).contains(id)).ok_or(NOT_ALLOWED)?);
        }
        _ => return Err(NOT_ALLOWED),
    }
    Ok(Done::Ok)
}

/// `UAUTHREQ=cid,type,user,password`; a SARA-R4 takes the two the other way round.
fn authenticate(core: &mut Core, command: &Command) -> Answer {
    let id = crate::standard::cid(command, 0)?;
    let text = |place| command.text(place).unwrap_or_default().to_owned();
    let login = match command.number(1) {
        Some(0) => None,
        Some(1..=3) => Some((text(2), text(3))),
        _ => return Err(NOT_ALLOWED),
    };
    core.network.contexts.entry(id).or_default().login = login;
    Ok(Done::Ok)
}

/// `UPSDA=0,3` activates: `OK`, then `+UUPSDA: 0,address`; `=0,4` deactivates.
fn action(own: &PsdProfile, core: &mut Core, command: &Command) -> Answer {
    core.card.require()?;
    let id = own.cid();
    match (command.number(0), command.number(1)) {
        (Some(0), Some(0)) => {
            core.network.contexts.remove(&id);
        }
        (Some(0), Some(1 | 2)) => {}
        (Some(0), Some(3)) => {
            let apn = core.config.apn.clone();
            core.network
                .activate(id, apn.as_ref())
                .map_err(|_| NOT_ALLOWED)?;
            core.urc(format!("+UUPSDA: 0,\"{}\"", Network::address(id)));
        }
        (Some(0), Some(4)) => core.network.deactivate(id),
        _ => return Err(NOT_ALLOWED),
    }
    Ok(Done::Ok)
}

/// `UPSND=0,0` address, `=0,8` whether active.
fn status(own: &PsdProfile, core: &mut Core, command: &Command) -> Answer {
    let id = own.cid();
    let is_active = core.network.is_active(id);
    let value = match (command.number(0), command.number(1)) {
        (Some(0), Some(0)) if is_active => format!("\"{}\"", Network::address(id)),
        (Some(0), Some(0)) => "\"0.0.0.0\"".into(),
        (Some(0), Some(8)) => u8::from(is_active).to_string(),
        _ => return Err(NOT_ALLOWED),
    };
    let param = command.number(1).unwrap_or(0);
    core.line(format!("+UPSND: 0,{param},{value}"));
    Ok(Done::Ok)
}
