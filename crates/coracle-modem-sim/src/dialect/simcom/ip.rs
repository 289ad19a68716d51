//! Sockets: `NETOPEN`, `CIPOPEN`, `CIPSEND`, `CIPRXGET`, `CIPCLOSE`.

use super::error;
use crate::{
    answer::{Answer, Done, Refusal},
    command::{Command, Op},
    core::Core,
    dialect::{Purpose, hex},
    fault::FaultKind,
    names::NoRoute,
    network::Network,
    sockets::{OpenError, Slot, SocketEvent, State},
};

/// Link numbers 0 to 9.
const SOCKETS: u8 = 10;
/// Most bytes of one `CIPSEND` and of one `CIPRXGET=2`; half as many in hexadecimal.
const MAX_BLOCK: u32 = 1500;

/// The context that `NETOPEN` opens.
const CID: u8 = 1;

#[derive(Debug, Default)]
pub(super) struct Ip {
    pub(super) is_open: bool,
    /// `CIPRXGET=1`: received bytes wait until they are read.
    is_manual: bool,
}

pub(super) fn command(own: &mut Ip, core: &mut Core, command: &Command) -> Option<Answer> {
    Some(match command.name.as_str() {
        "+NETOPEN" => open_network(own, core, command),
        "+NETCLOSE" => close_network(own, core),
        "+IPADDR" => address(own, core),
        "+CIPRXGET" => receive(own, core, command),
        "+CIPOPEN" => open(own, core, command),
        "+CIPSEND" => prompt(own, core, command),
        "+CIPCLOSE" => close(core, command),
        "+CIPACK" => counters(core, command),
        "+CDNSGIP" => resolve(core, command),
        "+CIPMODE" => transparent(core, command),
        "+CIPTIMEOUT" | "+CIPCCFG" | "+CIPHEAD" | "+CIPSRIP" | "+CIPENPSH" | "+CIPSENDMODE"
        | "+CTCPKA" => Ok(Done::Ok),
        _ => return None,
    })
}

fn slot(command: &Command, place: usize) -> Result<Slot, Refusal> {
    let id = command.number(place).and_then(|id| u8::try_from(id).ok());
    let id = id.filter(|id| *id < SOCKETS);
    id.map(Slot::plain).ok_or(Refusal::Error)
}

/// What the manual calls an IP error: a line, then `ERROR`.
fn ip_error(core: &mut Core, text: &str) -> Answer {
    core.line(format!("+IP ERROR: {text}"));
    Err(Refusal::Error)
}

fn open_network(own: &mut Ip, core: &mut Core, command: &Command) -> Answer {
    if command.op == Op::Read {
        let is_open = u8::from(own.is_open);
        core.line(format!("+NETOPEN: {is_open}"));
        return Ok(Done::Ok);
    }
    core.card.require()?;
    if own.is_open {
        return ip_error(core, "Network is already opened");
    }
    let apn = core.config.apn.clone();
    own.is_open = core.network.activate(CID, apn.as_ref()).is_ok();
    match own.is_open {
        true => core.urc(format!("+NETOPEN: {}", error::OK)),
        false => core.urc(format!("+NETOPEN: {}", error::NETWORK)),
    }
    Ok(Done::Ok)
}

fn close_network(own: &mut Ip, core: &mut Core) -> Answer {
    if !std::mem::take(&mut own.is_open) {
        core.line(format!("+NETCLOSE: {}", error::NOT_OPENED));
        return Err(Refusal::Error);
    }
    let plain: Vec<Slot> = (0..SOCKETS).map(Slot::plain).collect();
    plain.iter().for_each(|slot| core.close(*slot));
    core.network.deactivate(CID);
    core.urc(format!("+NETCLOSE: {}", error::OK));
    Ok(Done::Ok)
}

fn address(own: &Ip, core: &mut Core) -> Answer {
    if !own.is_open {
        return ip_error(core, "Network not opened");
    }
    core.line(format!("+IPADDR: {}", Network::address(CID)));
    Ok(Done::Ok)
}

/// Only the mode that is emulated.
fn transparent(core: &mut Core, command: &Command) -> Answer {
    match (command.op, command.number(0)) {
        (Op::Read, _) => core.line("+CIPMODE: 0"),
        (Op::Set, Some(0)) => {}
        _ => return Err(Refusal::Error),
    }
    Ok(Done::Ok)
}

/// `CIPOPEN=id,"TCP",host,port`
fn open(own: &Ip, core: &mut Core, command: &Command) -> Answer {
    if command.op == Op::Read {
        return list(core);
    }
    let slot = slot(command, 0)?;
    let port = command.number(3).and_then(|port| u16::try_from(port).ok());
    let (Some("TCP"), Some(host), Some(port @ 1..)) = (command.text(1), command.text(2), port)
    else {
        return Err(Refusal::Error);
    };
    if !own.is_open {
        return refused(core, slot, error::NOT_OPENED);
    }
    let state = core.sockets.get(&slot).map(|socket| socket.state);
    if state.is_some_and(|state| state != State::Ended) {
        return refused(core, slot, error::NOT_SUPPORTED);
    }
    core.close(slot);
    core.connect(slot, host, port, None);
    Ok(Done::Ok)
}

fn refused(core: &mut Core, slot: Slot, error: u8) -> Answer {
    core.line(format!("+CIPOPEN: {},{error}", slot.id));
    Err(Refusal::Error)
}

fn list(core: &mut Core) -> Answer {
    for id in 0..SOCKETS {
        let socket = core.sockets.get(&Slot::plain(id));
        let socket = socket.filter(|socket| socket.state == State::Open);
        let text = socket.map(|one| format!("{id},\"TCP\",\"{}\",{},-1", one.host, one.port));
        core.line(format!("+CIPOPEN: {}", text.unwrap_or(id.to_string())));
    }
    Ok(Done::Ok)
}

/// `CIPSEND=id,len`, or `CIPSEND=id,` up to Ctrl-Z.
fn prompt(own: &Ip, core: &mut Core, command: &Command) -> Answer {
    let slot = slot(command, 0)?;
    let len = match command.text(1) {
        None => None,
        Some(_) => {
            let len = command
                .number(1)
                .filter(|len| (1..=MAX_BLOCK).contains(len));
            Some(len.ok_or(Refusal::Error)?)
        }
    };
    let state = core.sockets.get(&slot).map(|socket| socket.state);
    if state != Some(State::Open) {
        let error = match own.is_open {
            true => error::NOT_SUPPORTED,
            false => error::NOT_OPENED,
        };
        core.line(format!("+CIPERROR: {error}"));
        return Err(Refusal::Error);
    }
    let len = len.and_then(|len| usize::try_from(len).ok());
    core.prompt("\r\n>", len, Purpose::Send(slot))
}

/// `+CIPSEND: id,req,cnf`: `cnf` is -1 without a connection, 0 where the buffer is full.
pub(super) fn send(core: &mut Core, slot: Slot, bytes: &[u8]) -> Answer {
    let (id, asked) = (slot.id, bytes.len());
    if core.fires(FaultKind::SendFail) {
        core.urc(format!("+CIPSEND: {id},{asked},0"));
        return Ok(Done::Ok);
    }
    let part = match asked > 1 && core.fires(FaultKind::ShortWrite) {
        true => core.faults.below(asked),
        false => asked,
    };
    let sent = core.send(slot, bytes.get(..part).unwrap_or_default());
    let sent = sent.map_or("-1".to_owned(), |sent| sent.to_string());
    core.urc(format!("+CIPSEND: {id},{asked},{sent}"));
    Ok(Done::Ok)
}

/// `CIPRXGET=0|1`: mode; `=2|3,id,len`: read; `=4,id`: how much there is.
fn receive(own: &mut Ip, core: &mut Core, command: &Command) -> Answer {
    match (command.op, command.number(0)) {
        (Op::Read, _) => {
            let mode = u8::from(own.is_manual);
            core.line(format!("+CIPRXGET: {mode}"));
            Ok(Done::Ok)
        }
        (Op::Set, Some(mode @ (0 | 1))) => {
            own.is_manual = mode == 1;
            Ok(Done::Ok)
        }
        (Op::Set, Some(2)) => read(core, command, false),
        (Op::Set, Some(3)) => read(core, command, true),
        (Op::Set, Some(4)) => {
            let slot = slot(command, 1)?;
            let unread = core.sockets.get(&slot).map_or(0, |socket| socket.unread());
            core.line(format!("+CIPRXGET: 4,{},{unread}", slot.id));
            Ok(Done::Ok)
        }
        _ => Err(Refusal::Error),
    }
}

fn read(core: &mut Core, command: &Command, in_hex: bool) -> Answer {
    let slot = slot(command, 1)?;
    let most = if in_hex { MAX_BLOCK / 2 } else { MAX_BLOCK };
    let len = command.number_or(2, most);
    let len = len.filter(|len| (1..=most).contains(len));
    let len = len.ok_or(Refusal::Error)?;
    let bytes = core.take(slot, usize::try_from(len).unwrap_or(0));
    let Some(bytes) = bytes.filter(|bytes| !bytes.is_empty()) else {
        return ip_error(core, "No data");
    };
    let unread = core.sockets.get(&slot).map_or(0, |socket| socket.unread());
    let (mode, payload) = match in_hex {
        true => (3, hex::encode(&bytes)),
        false => (2, bytes.clone()),
    };
    let head = format!("+CIPRXGET: {mode},{},{},{unread}\r\n", slot.id, bytes.len());
    core.block(head, payload, "\r\n");
    Ok(Done::Ok)
}

/// A socket that the peer has closed is closed already: 4 and `ERROR`.
fn close(core: &mut Core, command: &Command) -> Answer {
    if command.op == Op::Read {
        let open = |id| core.sockets.get(&Slot::plain(id)).map(|one| one.state);
        let states = (0..SOCKETS).map(|id| u8::from(open(id) == Some(State::Open)).to_string());
        let states = states.collect::<Vec<_>>().join(",");
        core.line(format!("+CIPCLOSE: {states}"));
        return Ok(Done::Ok);
    }
    let slot = slot(command, 0)?;
    let state = core.sockets.get(&slot).map(|socket| socket.state);
    core.close(slot);
    if state.is_none_or(|state| state == State::Ended) {
        core.line(format!("+CIPCLOSE: {},{}", slot.id, error::NOT_SUPPORTED));
        return Err(Refusal::Error);
    }
    core.urc(format!("+CIPCLOSE: {},{}", slot.id, error::OK));
    Ok(Done::Ok)
}

fn counters(core: &mut Core, command: &Command) -> Answer {
    let slot = slot(command, 0)?;
    let socket = core.sockets.get(&slot).ok_or(Refusal::Error)?;
    let (sent, waiting) = (socket.sent, socket.unsent() as u64);
    let received = socket.read + socket.unread() as u64;
    let acked = sent.saturating_sub(waiting);
    core.line(format!("+CIPACK: {sent},{acked},{received}"));
    Ok(Done::Ok)
}

/// `CDNSGIP=host`: answered at once.
fn resolve(core: &mut Core, command: &Command) -> Answer {
    let host = command.text(0).ok_or(Refusal::Error)?;
    let fails = core.fires(FaultKind::DnsFailure) || !core.network.is_attached;
    let found = core.config.names.resolve(host).filter(|_| !fails);
    match found {
        Some(address) => {
            core.line(format!("+CDNSGIP: 1,\"{host}\",\"{address}\""));
            Ok(Done::Ok)
        }
        None => {
            core.line("+CDNSGIP: 0,10");
            Err(Refusal::Error)
        }
    }
}

pub(super) fn event(own: &Ip, core: &mut Core, slot: Slot, what: SocketEvent) {
    let id = slot.id;
    match what {
        SocketEvent::Opened => core.urc(format!("+CIPOPEN: {id},{}", error::OK)),
        SocketEvent::Failed(error) => {
            core.close(slot);
            core.urc(format!("+CIPOPEN: {id},{}", open_error(&error)));
        }
        SocketEvent::Readable if own.is_manual => {
            if core.announces(slot) {
                core.urc(format!("+CIPRXGET: 1,{id}"));
            }
        }
        SocketEvent::Readable => push(core, slot),
        SocketEvent::Closed => core.urc(format!("+IPCLOSE: {id},1")),
    }
}

/// Without manual mode the bytes come by themselves, behind two headers.
fn push(core: &mut Core, slot: Slot) {
    let Some(socket) = core.sockets.get(&slot) else {
        return;
    };
    let from = format!("RECV FROM:{}:{}", socket.host, socket.port);
    while let Some(bytes) = core.take_some(slot) {
        core.push(format!("{from}\r\n+IPD{}\r\n", bytes.len()), bytes, "\r\n");
    }
}

const fn open_error(error: &OpenError) -> u8 {
    match error {
        OpenError::Route(NoRoute::Name) => error::DNS,
        OpenError::Route(NoRoute::Unreachable) | OpenError::Timeout => error::TIMEOUT,
        OpenError::Refused | OpenError::Tls(_) => error::SOCKET,
    }
}
