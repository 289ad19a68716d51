//! Sockets: `USOCR`, `USOCO`, `USOWR`, `USORD`, `USOCL`, `USOER`.

use std::collections::BTreeMap;

use super::{NOT_ALLOWED, Ublox};
use crate::{
    answer::{Answer, Done, Refusal},
    command::{Command, Op},
    core::Core,
    dialect::{Purpose, hex},
    fault::FaultKind,
    names::NoRoute,
    sockets::{OpenError, Slot, SocketEvent, State},
};

/// Socket numbers 0 to 6.
const SOCKETS: u8 = 7;
/// Most bytes of one `USOWR` and of one `USORD`.
const MAX_BLOCK: u32 = 1024;

/// Socket errors, as in `errno.h`.
mod error {
    pub(super) const NONE: u8 = 0;
    pub(super) const UNREACHABLE: u8 = 113;
    pub(super) const REFUSED: u8 = 111;
    pub(super) const TIMEOUT: u8 = 110;
    pub(super) const RESET: u8 = 104;
    pub(super) const NOT_CONNECTED: u8 = 107;
}

/// A socket exists from `USOCR` on, and its connection from `USOCO`.
#[derive(Debug, Default)]
pub(super) struct Sockets {
    made: BTreeMap<u8, Made>,
    last_error: u8,
}

#[derive(Debug, Default)]
struct Made {
    /// `USOSEC`: security profile.
    security: Option<usize>,
    /// `USOCO` answers before the connection is there.
    is_async: bool,
    /// The peer closed; said when everything is read.
    has_ended: bool,
    last_error: u8,
}

pub(super) fn command(own: &mut Ublox, core: &mut Core, command: &Command) -> Option<Answer> {
    Some(match command.name.as_str() {
        "+USOCR" => create(own, core, command),
        "+USOSEC" => secure(own, core, command),
        "+USOCO" => connect(own, core, command),
        "+USOWR" => write(own, core, command),
        "+USORD" => read(own, core, command),
        "+USOCL" => close(own, core, command),
        "+USOER" => last_error(own, core),
        "+USOCTL" => control(own, core, command),
        "+USOSO" => Ok(Done::Ok),
        "+UDNSRN" => resolve(core, command),
        _ => return None,
    })
}

fn id(own: &Ublox, command: &Command) -> Result<u8, Refusal> {
    let id = command.number(0).and_then(|id| u8::try_from(id).ok());
    let id = id.filter(|id| own.sockets.made.contains_key(id));
    id.ok_or(NOT_ALLOWED)
}

/// `USOCR=6[,port]`: TCP only.
fn create(own: &mut Ublox, core: &mut Core, command: &Command) -> Answer {
    core.card.require()?;
    if command.op != Op::Set || command.number(0) != Some(6) {
        return Err(NOT_ALLOWED);
    }
    let free = (0..SOCKETS).find(|id| !own.sockets.made.contains_key(id));
    let free = free.ok_or(NOT_ALLOWED)?;
    own.sockets.made.insert(free, Made::default());
    core.line(format!("+USOCR: {free}"));
    Ok(Done::Ok)
}

/// `USOSEC=id,0|1[,profile]`
fn secure(own: &mut Ublox, core: &Core, command: &Command) -> Answer {
    let id = id(own, command)?;
    let profile = command
        .number_or(2, 0)
        .and_then(|one| usize::try_from(one).ok());
    let profile = profile.filter(|profile| *profile < super::security::PROFILES);
    let is_open = core.sockets.contains_key(&Slot::plain(id));
    let security = match (command.number(1), profile, is_open) {
        (Some(0), _, false) => None,
        (Some(1), Some(profile), false) => Some(profile),
        _ => return Err(NOT_ALLOWED),
    };
    own.sockets.made.entry(id).or_default().security = security;
    Ok(Done::Ok)
}

/// `USOCO=id,host,port[,1]`: `OK` when connected, or at once and `+UUSOCO` later.
fn connect(own: &mut Ublox, core: &mut Core, command: &Command) -> Answer {
    let id = id(own, command)?;
    let port = command.number(2).and_then(|port| u16::try_from(port).ok());
    let is_async = command.number_or(3, 0) == Some(1);
    let (Some(host), Some(port @ 1..)) = (command.text(1), port) else {
        return Err(NOT_ALLOWED);
    };
    let slot = Slot::plain(id);
    if core.sockets.contains_key(&slot) || !core.network.is_active(own.profile.cid()) {
        own.sockets.last_error = error::UNREACHABLE;
        return Err(NOT_ALLOWED);
    }
    let made = own.sockets.made.entry(id).or_default();
    made.is_async = is_async;
    let client = match made.security {
        None => None,
        Some(profile) => {
            let client = own.security.client(core, profile, host);
            Some(client.ok_or(NOT_ALLOWED)?)
        }
    };
    core.connect(slot, host, port, client);
    match is_async {
        true => Ok(Done::Ok),
        false => Ok(Done::Wait),
    }
}

/// `USOWR=id,len`: the prompt `@`; `USOWR=id,len,"data"`: at once.
fn write(own: &mut Ublox, core: &mut Core, command: &Command) -> Answer {
    let id = id(own, command)?;
    let slot = Slot::plain(id);
    let len = command
        .number(1)
        .filter(|len| (1..=MAX_BLOCK).contains(len));
    let len = len.and_then(|len| usize::try_from(len).ok());
    let len = len.ok_or(NOT_ALLOWED)?;
    let state = core.sockets.get(&slot).map(|socket| socket.state);
    if state != Some(State::Open) {
        own.sockets.last_error = error::NOT_CONNECTED;
        return Err(NOT_ALLOWED);
    }
    let Some(text) = command.text(2) else {
        return core.prompt("\r\n@", Some(len), Purpose::Send(slot));
    };
    let bytes = match own.hex {
        true => hex::decode(text).ok_or(NOT_ALLOWED)?,
        false => text.as_bytes().to_vec(),
    };
    match bytes.len() == len {
        true => send(own, core, slot, &bytes),
        false => Err(NOT_ALLOWED),
    }
}

/// `+USOWR: id,n`, where `n` may be less than asked.
pub(super) fn send(own: &mut Ublox, core: &mut Core, slot: Slot, bytes: &[u8]) -> Answer {
    if core.fires(FaultKind::SendFail) {
        own.sockets.last_error = error::RESET;
        return Err(NOT_ALLOWED);
    }
    let part = match bytes.len() > 1 && core.fires(FaultKind::ShortWrite) {
        true => core.faults.below(bytes.len()),
        false => bytes.len(),
    };
    let sent = core.send(slot, bytes.get(..part).unwrap_or_default());
    let Some(sent) = sent else {
        own.sockets.last_error = error::NOT_CONNECTED;
        return Err(NOT_ALLOWED);
    };
    core.line(format!("+USOWR: {},{sent}", slot.id));
    Ok(Done::Ok)
}

/// `USORD=id,len`; `USORD=id,0` asks how much there is.
fn read(own: &mut Ublox, core: &mut Core, command: &Command) -> Answer {
    let id = id(own, command)?;
    let len = command.number(1).filter(|len| *len <= MAX_BLOCK);
    let len = len.and_then(|len| usize::try_from(len).ok());
    let len = len.ok_or(NOT_ALLOWED)?;
    let slot = Slot::plain(id);
    let unread = core.sockets.get(&slot).map(|socket| socket.unread());
    let unread = unread.ok_or(NOT_ALLOWED)?;
    if len == 0 {
        core.line(format!("+USORD: {id},{unread}"));
        return Ok(Done::Ok);
    }
    let bytes = core.take(slot, len).unwrap_or_default();
    let head = format!("+USORD: {id},{},\"", bytes.len());
    let payload = match own.hex {
        true => hex::encode(&bytes),
        false => bytes,
    };
    core.block(head, payload, "\"\r\n");
    say_end(own, core, id);
    Ok(Done::Ok)
}

/// The end of a connection is told when nothing is left to read.
fn say_end(own: &mut Ublox, core: &mut Core, id: u8) {
    let slot = Slot::plain(id);
    let unread = core.sockets.get(&slot).map_or(0, |socket| socket.unread());
    let has_ended = own.sockets.made.get(&id).is_some_and(|made| made.has_ended);
    if has_ended && unread == 0 {
        core.close(slot);
        own.sockets.made.remove(&id);
        core.urc(format!("+UUSOCL: {id}"));
    }
}

fn close(own: &mut Ublox, core: &mut Core, command: &Command) -> Answer {
    let id = id(own, command)?;
    core.close(Slot::plain(id));
    own.sockets.made.remove(&id);
    Ok(Done::Ok)
}

fn last_error(own: &Ublox, core: &mut Core) -> Answer {
    core.line(format!("+USOER: {}", own.sockets.last_error));
    Ok(Done::Ok)
}

/// `USOCTL=id,param`
fn control(own: &Ublox, core: &mut Core, command: &Command) -> Answer {
    let id = id(own, command)?;
    let socket = core.sockets.get(&Slot::plain(id));
    let state = socket.map(|socket| socket.state);
    let made = own.sockets.made.get(&id);
    let value = match command.number(1) {
        Some(0) => "6".to_owned(),
        Some(1) => made.map_or(0, |made| made.last_error).to_string(),
        Some(2) => socket.map_or(0, |socket| socket.sent).to_string(),
        Some(3) => socket.map_or(0, |socket| socket.read).to_string(),
        Some(4) => socket.map_or("\"0.0.0.0\",0".into(), |socket| {
            format!("\"{}\",{}", socket.host, socket.port)
        }),
        // TCP states: inactive, SYN sent, established, close wait.
        Some(10) => match state {
            None => "0".to_owned(),
            Some(State::Opening) => "2".to_owned(),
            Some(State::Open) => "4".to_owned(),
            Some(State::Ended) => "7".to_owned(),
        },
        Some(11) => socket.map_or(0, |socket| socket.unsent()).to_string(),
        _ => return Err(NOT_ALLOWED),
    };
    let param = command.number(1).unwrap_or(0);
    core.line(format!("+USOCTL: {id},{param},{value}"));
    Ok(Done::Ok)
}

/// `UDNSRN=0,host`: answered at once.
fn resolve(core: &mut Core, command: &Command) -> Answer {
    let host = command.text(1).filter(|_| command.number(0) == Some(0));
    let host = host.ok_or(NOT_ALLOWED)?;
    let fails = core.fires(FaultKind::DnsFailure) || !core.network.is_attached;
    let found = core.config.names.resolve(host).filter(|_| !fails);
    let address = found.ok_or(NOT_ALLOWED)?;
    core.line(format!("+UDNSRN: \"{address}\""));
    Ok(Done::Ok)
}

pub(super) fn event(own: &mut Ublox, core: &mut Core, slot: Slot, what: SocketEvent) {
    let id = slot.id;
    let Some(made) = own.sockets.made.get_mut(&id) else {
        return;
    };
    match what {
        SocketEvent::Opened if made.is_async => core.urc(format!("+UUSOCO: {id},{}", error::NONE)),
        SocketEvent::Opened => core.unblock(Ok(Done::Ok)),
        SocketEvent::Failed(reason) => {
            let error = errno(&reason);
            made.last_error = error;
            own.sockets.last_error = error;
            core.close(slot);
            match made.is_async {
                true => core.urc(format!("+UUSOCO: {id},{error}")),
                false => core.unblock(Err(NOT_ALLOWED)),
            }
        }
        SocketEvent::Readable => {
            let unread = core.sockets.get(&slot).map_or(0, |socket| socket.unread());
            if core.announces(slot) {
                core.urc(format!("+UUSORD: {id},{unread}"));
            }
        }
        SocketEvent::Closed => {
            made.has_ended = true;
            say_end(own, core, id);
        }
    }
}

/// The network is gone, and every socket with it.
pub(super) fn all_closed(own: &mut Ublox, core: &mut Core) {
    core.close_all();
    let ids: Vec<u8> = own.sockets.made.keys().copied().collect();
    for id in ids {
        own.sockets.made.remove(&id);
        core.urc(format!("+UUSOCL: {id}"));
    }
    core.unblock(Err(NOT_ALLOWED));
}

const fn errno(error: &OpenError) -> u8 {
    match error {
        OpenError::Route(NoRoute::Name | NoRoute::Unreachable) => error::UNREACHABLE,
        OpenError::Refused => error::REFUSED,
        OpenError::Timeout => error::TIMEOUT,
        OpenError::Tls(_) => error::RESET,
    }
}
