//! Sockets: `QIOPEN`, `QISEND`, `QIRD`, `QICLOSE`, `QISTATE`.

use super::{MAX_READ, MAX_SEND, Quectel, SOCKETS, errors, notice};
use crate::{
    answer::{Answer, Done, Refusal},
    command::{Command, Op},
    core::Core,
    dialect::{Purpose, hex},
    fault::FaultKind,
    sockets::{Slot, Socket, State},
    standard::cid,
};

/// Access modes: buffered, pushed.
const BUFFERED: u8 = 0;
const PUSHED: u8 = 1;

pub(super) fn command(own: &mut Quectel, core: &mut Core, command: &Command) -> Option<Answer> {
    Some(match command.name.as_str() {
        "+QIOPEN" => open(own, core, command),
        "+QICLOSE" => close(own, core, command),
        "+QISTATE" => states(core, command),
        "+QISEND" => prompt(own, core, command),
        "+QISENDEX" => send_hex(own, core, command),
        "+QIRD" => read(own, core, command),
        _ => return None,
    })
}

fn slot(own: &mut Quectel, command: &Command, place: usize) -> Result<Slot, Refusal> {
    let id = command.number(place).and_then(|id| u8::try_from(id).ok());
    match id.filter(|id| *id < SOCKETS) {
        Some(id) => Ok(Slot::plain(id)),
        None => Err(own.refuse(errors::INVALID_PARAMETERS)),
    }
}

/// `QIOPEN=cid,id,"TCP",host,port[,local port[,access mode]]`
fn open(own: &mut Quectel, core: &mut Core, command: &Command) -> Answer {
    if command.op != Op::Set {
        return Err(Refusal::Error);
    }
    core.card.require()?;
    let context = cid(command, 0).map_err(|_| own.refuse(errors::INVALID_PARAMETERS))?;
    let slot = slot(own, command, 1)?;
    let port = command.number(4).and_then(|port| u16::try_from(port).ok());
    let mode = command.number_or(6, 0);
    let (Some("TCP"), Some(host), Some(port @ 1..), Some(mode @ (0 | 1))) =
        (command.text(2), command.text(3), port, mode)
    else {
        return Err(own.refuse(errors::INVALID_PARAMETERS));
    };
    if core.sockets.contains_key(&slot) {
        return own.fail_later(core, slot, errors::ID_IN_USE);
    }
    if !core.network.is_active(context) {
        return own.fail_later(core, slot, errors::OPEN_PDP);
    }
    core.connect(slot, host, port, None);
    if let Some(socket) = core.sockets.get_mut(&slot) {
        socket.mode = if mode == 1 { PUSHED } else { BUFFERED };
    }
    Ok(Done::Ok)
}

fn close(own: &mut Quectel, core: &mut Core, command: &Command) -> Answer {
    if command.op != Op::Set {
        return Err(Refusal::Error);
    }
    let slot = slot(own, command, 0)?;
    core.close(slot);
    Ok(Done::Ok)
}

/// `QISTATE?`, `QISTATE=0,cid` and `QISTATE=1,id`
fn states(core: &mut Core, command: &Command) -> Answer {
    let wanted = match (command.op, command.number(0)) {
        (Op::Read | Op::Run, _) | (Op::Set, Some(0)) => None,
        (Op::Set, Some(1)) => Some(command.number(1).ok_or(Refusal::Error)?),
        _ => return Err(Refusal::Error),
    };
    let plain = core.sockets.iter();
    let plain = plain.filter(|(slot, _)| **slot == Slot::plain(slot.id));
    let wanted = plain.filter(|(slot, _)| wanted.is_none_or(|id| id == u32::from(slot.id)));
    let lines: Vec<String> = wanted.map(|(slot, one)| state(slot.id, one)).collect();
    lines.iter().for_each(|line| core.line(line));
    Ok(Done::Ok)
}

fn state(id: u8, socket: &Socket) -> String {
    let state = match socket.state {
        State::Opening => 1,
        State::Open => 2,
        State::Ended => 4,
    };
    let Socket {
        host, port, mode, ..
    } = socket;
    format!("+QISTATE: {id},\"TCP\",\"{host}\",{port},0,{state},1,{id},{mode},\"uart1\"")
}

/// `QISEND=id` up to Ctrl-Z, `QISEND=id,len`; `QISEND=id,0` asks how much went.
fn prompt(own: &mut Quectel, core: &mut Core, command: &Command) -> Answer {
    if command.op != Op::Set {
        return Err(Refusal::Error);
    }
    let slot = slot(own, command, 0)?;
    let len = match command.args.len() {
        1 => None,
        2 => Some(command.number(1).ok_or(Refusal::Error)?),
        _ => return Err(own.refuse(errors::INVALID_PARAMETERS)),
    };
    let Some(socket) = core.sockets.get(&slot) else {
        return Err(own.refuse(errors::NOT_ALLOWED));
    };
    match len {
        Some(0) => {
            let (sent, waiting) = (socket.sent, socket.unsent() as u64);
            let acked = sent.saturating_sub(waiting);
            core.line(format!("+QISEND: {sent},{acked},{waiting}"));
            Ok(Done::Ok)
        }
        Some(MAX_TOO_LONG..) => Err(own.refuse(errors::INVALID_PARAMETERS)),
        _ if socket.state != State::Open => Err(own.refuse(errors::NOT_ALLOWED)),
        len => {
            let len = len.and_then(|len| usize::try_from(len).ok());
            core.prompt("\r\n> ", len, Purpose::Send(slot))
        }
    }
}

const MAX_TOO_LONG: u32 = MAX_SEND + 1;

/// `QISENDEX=id,"hex"`, 512 bytes at most.
fn send_hex(own: &mut Quectel, core: &mut Core, command: &Command) -> Answer {
    let slot = slot(own, command, 0)?;
    let bytes = command.text(1).and_then(hex::decode);
    match bytes {
        Some(bytes) if bytes.len() <= 512 => send(core, slot, &bytes),
        _ => Err(own.refuse(errors::INVALID_PARAMETERS)),
    }
}

/// All or nothing: what does not fit into the modem's buffer is not sent in part.
pub(super) fn send(core: &mut Core, slot: Slot, bytes: &[u8]) -> Answer {
    let has_room = core
        .sockets
        .get(&slot)
        .is_some_and(|socket| socket.state == State::Open && socket.has_room(bytes.len()));
    let fails = core.fires(FaultKind::SendFail);
    if !has_room || fails || core.send(slot, bytes).is_none() {
        core.line("SEND FAIL");
        return Ok(Done::Said);
    }
    core.line("SEND OK");
    Ok(Done::Said)
}

/// `QIRD=id[,len]`; `QIRD=id,0` asks how much there is.
fn read(own: &mut Quectel, core: &mut Core, command: &Command) -> Answer {
    if command.op != Op::Set {
        return Err(Refusal::Error);
    }
    let slot = slot(own, command, 0)?;
    let len = command
        .number_or(1, MAX_READ)
        .filter(|len| *len <= MAX_READ);
    let len = len.ok_or_else(|| own.refuse(errors::INVALID_PARAMETERS))?;
    let Some(socket) = core.sockets.get(&slot) else {
        return Err(own.refuse(errors::NOT_ALLOWED));
    };
    if len == 0 {
        let (read, unread) = (socket.read, socket.unread() as u64);
        let total = read + unread;
        core.line(format!("+QIRD: {total},{read},{unread}"));
        return Ok(Done::Ok);
    }
    let len = usize::try_from(len).unwrap_or(0);
    let bytes = core.take(slot, len).unwrap_or_default();
    let head = format!("+QIRD: {}\r\n", bytes.len());
    let payload = own.received_form(bytes);
    let tail = if payload.is_empty() { "" } else { "\r\n" };
    core.block(head, payload, tail);
    Ok(Done::Ok)
}

/// Announces what came, or pushes it.
pub(super) fn received(own: &Quectel, core: &mut Core, slot: Slot) {
    let Slot { family, id } = slot;
    let mode = core.sockets.get(&slot).map(|socket| socket.mode);
    if mode != Some(PUSHED) {
        if core.announces(slot) {
            core.urc(format!("{}: \"recv\",{id}", notice(family)));
        }
        return;
    }
    while let Some(bytes) = core.take_some(slot) {
        let head = format!("{}: \"recv\",{id},{}\r\n", notice(family), bytes.len());
        core.push(head, own.received_form(bytes), "\r\n");
    }
}

impl Quectel {
    /// As bytes or in hexadecimal; the announced length is that of the bytes.
    fn received_form(&self, bytes: Vec<u8>) -> Vec<u8> {
        match self.hex.1 {
            true => hex::encode(&bytes),
            false => bytes,
        }
    }
}
