//! TLS sessions: `CCHSTART`, `CCHOPEN`, `CCHSEND`, `CCHRECV`, `CSSLCFG`.
//!
//! The manuals do not say that the name in the certificate is checked. Here it is, where
//! the server is verified and SNI is on: mbed TLS, which these parts are built on, takes
//! one name for both.

use crate::{
    answer::{Answer, Done, Refusal},
    command::{Command, Op},
    core::Core,
    dialect::Purpose,
    fault::FaultKind,
    names::NoRoute,
    network::Network,
    sockets::{OpenError, Slot, SocketEvent, State},
    stream::TlsClient,
    tls::{self, TlsOptions},
};

/// Sessions 0 and 1, contexts 0 to 9.
const SESSIONS: u8 = 2;
const CONTEXTS: u32 = 10;
const MAX_BLOCK: u32 = 2048;
const CID: u8 = 1;

/// `<err>` of the CCH commands.
mod error {
    pub(super) const NOT_CONNECTED: u8 = 11;
    pub(super) const TIMEOUT: u8 = 5;
    pub(super) const TRANSFER: u8 = 6;
    pub(super) const NETWORK: u8 = 9;
    pub(super) const DNS: u8 = 13;
    pub(super) const CONNECT: u8 = 14;
    pub(super) const HANDSHAKE: u8 = 15;
    pub(super) const NO_CERTIFICATES: u8 = 19;
}

#[derive(Debug, Default)]
pub(super) struct Ssl {
    is_started: bool,
    /// `CCHSET`: `+CCHSEND` is reported; received bytes wait until they are read.
    reports_send: bool,
    is_manual: bool,
    /// Which context each session uses.
    sessions: [usize; SESSIONS as usize],
    contexts: [Context; CONTEXTS as usize],
}

#[derive(Clone, Debug)]
struct Context {
    auth_mode: u32,
    ignores_time: bool,
    sni: bool,
    ca: String,
    cert: String,
    key: String,
}

impl Default for Context {
    fn default() -> Self {
        Self {
            auth_mode: 0,
            ignores_time: true,
            sni: false,
            ca: String::new(),
            cert: String::new(),
            key: String::new(),
        }
    }
}

impl Ssl {
    /// The service ends; false if it was not started.
    pub(super) fn stop(&mut self) -> bool {
        std::mem::take(&mut self.is_started)
    }
}

pub(super) fn command(own: &mut Ssl, core: &mut Core, command: &Command) -> Option<Answer> {
    Some(match command.name.as_str() {
        "+CSSLCFG" => configure(own, core, command),
        "+CCHSSLCFG" => choose(own, command),
        "+CCHSET" => reports(own, core, command),
        "+CCHSTART" => start(own, core),
        "+CCHSTOP" => stop(own, core),
        "+CCHADDR" => address(own, core),
        "+CCHOPEN" => open(own, core, command),
        "+CCHSEND" => prompt(own, core, command),
        "+CCHRECV" => receive(core, command),
        "+CCHCLOSE" => close(core, command),
        "+CCHCFG" | "+CCHMODE" => Ok(Done::Ok),
        _ => return None,
    })
}

fn session(command: &Command, place: usize) -> Result<Slot, Refusal> {
    let id = command.number(place).and_then(|id| u8::try_from(id).ok());
    let id = id.filter(|id| *id < SESSIONS);
    id.map(Slot::tls).ok_or(Refusal::Error)
}

/// `CSSLCFG="name",context,value`
fn configure(own: &mut Ssl, core: &Core, command: &Command) -> Answer {
    let name = command.text(0).unwrap_or_default().to_ascii_lowercase();
    let place = command.number(1).and_then(|id| usize::try_from(id).ok());
    let context = place.and_then(|place| own.contexts.get_mut(place));
    let (Op::Set, Some(context)) = (command.op, context) else {
        return Err(Refusal::Error);
    };
    let number = command.number(2);
    let file = command
        .text(2)
        .filter(|name| core.files.get(name).is_some());
    let flag = number.filter(|value| *value <= 1).map(|value| value == 1);
    match name.as_str() {
        "authmode" => {
            let mode = number.filter(|mode| *mode <= 3);
            context.auth_mode = mode.ok_or(Refusal::Error)?;
        }
        "ignorelocaltime" | "ignorlocaltime" => {
            context.ignores_time = flag.ok_or(Refusal::Error)?;
        }
        "enablesni" => context.sni = flag.ok_or(Refusal::Error)?,
        "cacert" => file.ok_or(Refusal::Error)?.clone_into(&mut context.ca),
        "clientcert" => file.ok_or(Refusal::Error)?.clone_into(&mut context.cert),
        "clientkey" => file.ok_or(Refusal::Error)?.clone_into(&mut context.key),
        "sslversion" | "negotiatetime" | "ciphersuites" => {}
        _ => return Err(Refusal::Error),
    }
    Ok(Done::Ok)
}

/// `CCHSSLCFG=session,context`
fn choose(own: &mut Ssl, command: &Command) -> Answer {
    let session = session(command, 0)?;
    let context = command.number(1).filter(|context| *context < CONTEXTS);
    let context = context.and_then(|context| usize::try_from(context).ok());
    let place = own.sessions.get_mut(usize::from(session.id));
    *place.ok_or(Refusal::Error)? = context.ok_or(Refusal::Error)?;
    Ok(Done::Ok)
}

fn reports(own: &mut Ssl, core: &mut Core, command: &Command) -> Answer {
    if command.op == Op::Read {
        let (send, manual) = (u8::from(own.reports_send), u8::from(own.is_manual));
        core.line(format!("+CCHSET: {send},{manual}"));
        return Ok(Done::Ok);
    }
    let (Some(send @ (0 | 1)), Some(manual @ (0 | 1))) =
        (command.number(0), command.number_or(1, 0))
    else {
        return Err(Refusal::Error);
    };
    (own.reports_send, own.is_manual) = (send == 1, manual == 1);
    Ok(Done::Ok)
}

fn start(own: &mut Ssl, core: &mut Core) -> Answer {
    core.card.require()?;
    if own.is_started {
        return Err(Refusal::Error);
    }
    let apn = core.config.apn.clone();
    own.is_started = core.network.activate(CID, apn.as_ref()).is_ok();
    let error = if own.is_started { 0 } else { error::NETWORK };
    core.urc(format!("+CCHSTART: {error}"));
    Ok(Done::Ok)
}

fn stop(own: &mut Ssl, core: &mut Core) -> Answer {
    if !own.stop() {
        return Err(Refusal::Error);
    }
    (0..SESSIONS).for_each(|id| core.close(Slot::tls(id)));
    core.urc("+CCHSTOP: 0");
    Ok(Done::Ok)
}

fn address(own: &Ssl, core: &mut Core) -> Answer {
    if !own.is_started {
        return Err(Refusal::Error);
    }
    core.line(format!("+CCHADDR: 0,{}", Network::address(CID)));
    Ok(Done::Ok)
}

/// `CCHOPEN=session,host,port[,type]`: 1 TCP, 2 TLS.
fn open(own: &Ssl, core: &mut Core, command: &Command) -> Answer {
    if command.op == Op::Read {
        return list(core);
    }
    let slot = session(command, 0)?;
    let port = command.number(2).and_then(|port| u16::try_from(port).ok());
    let (Some(host), Some(port @ 1..), Some(kind @ (1 | 2))) =
        (command.text(1), port, command.number_or(3, 2))
    else {
        return Err(Refusal::Error);
    };
    let state = core.sockets.get(&slot).map(|socket| socket.state);
    if !own.is_started || state.is_some_and(|state| state != State::Ended) {
        return Err(Refusal::Error);
    }
    let tls = match kind {
        1 => None,
        _ => match own.client(core, slot, host) {
            Some(client) => Some(client),
            None => {
                core.urc(format!("+CCHOPEN: {},{}", slot.id, error::NO_CERTIFICATES));
                return Ok(Done::Ok);
            }
        },
    };
    core.close(slot);
    core.connect(slot, host, port, tls);
    Ok(Done::Ok)
}

fn list(core: &mut Core) -> Answer {
    for id in 0..SESSIONS {
        let socket = core.sockets.get(&Slot::tls(id));
        let socket = socket.filter(|socket| socket.state == State::Open);
        let text = socket.map(|one| format!("{id},\"{}\",{},2,0", one.host, one.port));
        core.line(format!(
            "+CCHOPEN: {}",
            text.unwrap_or(format!("{id},\"\",,,"))
        ));
    }
    Ok(Done::Ok)
}

impl Ssl {
    fn client(&self, core: &Core, slot: Slot, host: &str) -> Option<TlsClient> {
        let context = self.sessions.get(usize::from(slot.id)).copied();
        let context = self.contexts.get(context?)?;
        let file = |name: &str| core.files.get(name).map(<[u8]>::to_vec);
        let verifies = matches!(context.auth_mode, 1 | 2);
        let identifies = matches!(context.auth_mode, 2 | 3);
        let roots = match verifies {
            true => Some(file(&context.ca)?),
            false => None,
        };
        let identity = match identifies {
            true => Some((file(&context.cert)?, file(&context.key)?)),
            false => None,
        };
        let name = context.sni.then(|| host.to_owned());
        tls::client(TlsOptions {
            roots,
            identity,
            now: (!context.ignores_time).then(|| core.unix_time().unwrap_or(0)),
            expected_name: name.clone(),
            sni: name,
        })
        .ok()
    }
}

fn prompt(own: &Ssl, core: &mut Core, command: &Command) -> Answer {
    let slot = session(command, 0)?;
    let len = command
        .number(1)
        .filter(|len| (1..=MAX_BLOCK).contains(len));
    let len = len.ok_or(Refusal::Error)?;
    let state = core.sockets.get(&slot).map(|socket| socket.state);
    if !own.is_started || state != Some(State::Open) {
        core.line(format!("+CCHSEND: {},{}", slot.id, error::NOT_CONNECTED));
        return Err(Refusal::Error);
    }
    let len = usize::try_from(len).ok();
    core.prompt("\r\n>", len, Purpose::Send(slot))
}

pub(super) fn send(own: &Ssl, core: &mut Core, slot: Slot, bytes: &[u8]) -> Answer {
    let socket = core.sockets.get(&slot);
    let has_room = socket.is_some_and(|socket| socket.has_room(bytes.len()));
    let fails = core.fires(FaultKind::SendFail) || !has_room;
    let sent = if fails { None } else { core.send(slot, bytes) };
    let error = if sent.is_some() { 0 } else { error::TRANSFER };
    if own.reports_send || error != 0 {
        core.urc(format!("+CCHSEND: {},{error}", slot.id));
    }
    Ok(Done::Ok)
}

/// `CCHRECV?`: how much there is; `CCHRECV=session[,len]`: `OK`, then the data, then the
/// result.
fn receive(core: &mut Core, command: &Command) -> Answer {
    let unread = |id| {
        core.sockets
            .get(&Slot::tls(id))
            .map_or(0, |one| one.unread())
    };
    if command.op == Op::Read {
        let (first, second) = (unread(0), unread(1));
        core.line(format!("+CCHRECV: LEN,{first},{second}"));
        return Ok(Done::Ok);
    }
    let slot = session(command, 0)?;
    let len = command.number_or(1, MAX_BLOCK);
    let len = len.filter(|len| (1..=MAX_BLOCK).contains(len));
    let len = len.ok_or(Refusal::Error)?;
    if !core.sockets.contains_key(&slot) {
        core.line(format!("+CCHRECV: {},{}", slot.id, error::NOT_CONNECTED));
        return Err(Refusal::Error);
    }
    let bytes = core.take(slot, usize::try_from(len).unwrap_or(0));
    let bytes = bytes.unwrap_or_default();
    core.finish(Ok(Done::Ok));
    if !bytes.is_empty() {
        let head = format!("+CCHRECV: DATA,{},{}\r\n", slot.id, bytes.len());
        core.block(head, bytes, "");
    }
    core.line(format!("+CCHRECV: {},0", slot.id));
    Ok(Done::Said)
}

fn close(core: &mut Core, command: &Command) -> Answer {
    let slot = session(command, 0)?;
    let state = core.sockets.get(&slot).map(|socket| socket.state);
    core.close(slot);
    if state.is_none_or(|state| state == State::Ended) {
        core.line(format!("+CCHCLOSE: {},{}", slot.id, error::NOT_CONNECTED));
        return Err(Refusal::Error);
    }
    core.urc(format!("+CCHCLOSE: {},0", slot.id));
    Ok(Done::Ok)
}

pub(super) fn event(own: &Ssl, core: &mut Core, slot: Slot, what: SocketEvent) {
    let id = slot.id;
    match what {
        SocketEvent::Opened => core.urc(format!("+CCHOPEN: {id},0")),
        SocketEvent::Failed(error) => {
            core.close(slot);
            core.urc(format!("+CCHOPEN: {id},{}", open_error(&error)));
        }
        SocketEvent::Readable if own.is_manual => {
            if core.announces(slot) {
                core.urc(format!("+CCHEVENT: {id},RECV EVENT"));
            }
        }
        SocketEvent::Readable => {
            while let Some(bytes) = core.take_some(slot) {
                let head = format!("+CCHRECV: DATA,{id},{}\r\n", bytes.len());
                core.push(head, bytes, "\r\n");
            }
        }
        SocketEvent::Closed => core.urc(format!("+CCH_PEER_CLOSED: {id}")),
    }
}

const fn open_error(error: &OpenError) -> u8 {
    match error {
        OpenError::Route(NoRoute::Name) => error::DNS,
        OpenError::Route(NoRoute::Unreachable) | OpenError::Refused => error::CONNECT,
        OpenError::Timeout => error::TIMEOUT,
        OpenError::Tls(_) => error::HANDSHAKE,
    }
}
