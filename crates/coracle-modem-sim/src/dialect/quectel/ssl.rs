//! TLS: `QSSLCFG`, `QSSLOPEN`, `QSSLSEND`, `QSSLRECV`, `QSSLCLOSE`, `QSSLSTATE`.
//!
//! Facts: "EC2x&EG9x&EG2x-G&EM05 Series SSL Application Note", "BG96 SSL AT Commands
//! Manual". They do not say that the name in the certificate is checked. Newer firmware has
//! `"checkhost"` for that, which public drivers of BG9x and EC2x set; where it is on and
//! the server is verified, the name is. The notes have no code of its own for a server
//! that is refused: it is [`errors::CONNECT_FAILED`].

use super::{MAX_READ, MAX_SEND, Quectel, SOCKETS, errors, files::stored_name};
use crate::{
    answer::{Answer, Done, Refusal},
    command::{Command, Op},
    core::Core,
    dialect::Purpose,
    sockets::{Slot, State},
    standard::cid,
    stream::TlsClient,
    tls::{self, TlsOptions},
};

const CONTEXTS: usize = 6;

/// What `QSSLCFG` sets for a context, as it was written.
#[derive(Debug, Default)]
pub(super) struct Ssl {
    contexts: [Context; CONTEXTS],
}

#[derive(Debug)]
struct Context {
    level: u32,
    ignores_time: bool,
    sni: bool,
    check_host: bool,
    version: u32,
    ca: String,
    cert: String,
    key: String,
}

impl Default for Context {
    fn default() -> Self {
        Self {
            level: 0,
            ignores_time: true,
            sni: false,
            check_host: false,
            version: 4,
            ca: String::new(),
            cert: String::new(),
            key: String::new(),
        }
    }
}

pub(super) fn command(own: &mut Quectel, core: &mut Core, command: &Command) -> Option<Answer> {
    Some(match command.name.as_str() {
        "+QSSLCFG" => configure(own, core, command),
        "+QSSLOPEN" => open(own, core, command),
        "+QSSLSEND" => prompt(own, core, command),
        "+QSSLRECV" => read(own, core, command),
        "+QSSLCLOSE" => close(own, core, command),
        "+QSSLSTATE" => states(core, command),
        _ => return None,
    })
}

/// `QSSLCFG="name",context[,value]`
fn configure(own: &mut Quectel, core: &mut Core, command: &Command) -> Answer {
    let name = command.text(0).unwrap_or_default().to_ascii_lowercase();
    let place = command.number(1).and_then(|id| usize::try_from(id).ok());
    let context = place.and_then(|place| own.ssl.contexts.get_mut(place));
    let (Op::Set, Some(context), Some(place)) = (command.op, context, place) else {
        return Err(own.refuse(errors::INVALID_PARAMETERS));
    };
    if command.args.len() == 2 {
        let value = context.value(&name).ok_or(Refusal::Error)?;
        core.line(format!("+QSSLCFG: \"{name}\",{place},{value}"));
        return Ok(Done::Ok);
    }
    let is_set = context.set(&name, command);
    is_set.ok_or_else(|| own.refuse(errors::INVALID_PARAMETERS))?;
    Ok(Done::Ok)
}

impl Context {
    fn set(&mut self, name: &str, command: &Command) -> Option<()> {
        let number = |most: u32| command.number(2).filter(|value| *value <= most);
        let text = || command.text(2).map(|name| stored_name(name).to_owned());
        match name {
            "seclevel" => self.level = number(2)?,
            "sslversion" => self.version = number(5)?,
            "ignorelocaltime" => self.ignores_time = number(1)? == 1,
            "sni" => self.sni = number(1)? == 1,
            "checkhost" => self.check_host = number(1)? == 1,
            "cacert" => self.ca = text()?,
            "clientcert" => self.cert = text()?,
            "clientkey" => self.key = text()?,
            "ciphersuite" | "negotiatetime" | "session_cache" | "closetimemode"
            | "renegotiation" | "alpn" => {}
            _ => return None,
        }
        Some(())
    }

    fn value(&self, name: &str) -> Option<String> {
        Some(match name {
            "seclevel" => self.level.to_string(),
            "sslversion" => self.version.to_string(),
            "ignorelocaltime" => u8::from(self.ignores_time).to_string(),
            "sni" => u8::from(self.sni).to_string(),
            "checkhost" => u8::from(self.check_host).to_string(),
            "cacert" => format!("\"{}\"", self.ca),
            "clientcert" => format!("\"{}\"", self.cert),
            "clientkey" => format!("\"{}\"", self.key),
            "ciphersuite" => "0XFFFF".into(),
            _ => return None,
        })
    }

    /// `None` if a file that is needed is not there or not usable.
    fn client(&self, core: &Core, host: &str) -> Option<TlsClient> {
        let file = |name: &str| core.files.get(name).map(<[u8]>::to_vec);
        let roots = match self.level {
            0 => None,
            _ => Some(file(&self.ca)?),
        };
        // Level 2 has a certificate of its own for servers that ask.
        let identity = match self.level {
            2 => file(&self.cert).zip(file(&self.key)),
            _ => None,
        };
        let name = |wanted: bool| wanted.then(|| host.to_owned());
        tls::client(TlsOptions {
            roots,
            identity,
            now: (!self.ignores_time).then(|| core.unix_time().unwrap_or(0)),
            expected_name: name(self.check_host),
            sni: name(self.sni),
        })
        .ok()
    }
}

fn slot(own: &mut Quectel, command: &Command, place: usize) -> Result<Slot, Refusal> {
    let id = command.number(place).and_then(|id| u8::try_from(id).ok());
    match id.filter(|id| *id < SOCKETS) {
        Some(id) => Ok(Slot::tls(id)),
        None => Err(own.refuse(errors::INVALID_PARAMETERS)),
    }
}

/// `QSSLOPEN=cid,context,id,host,port[,access mode]`
fn open(own: &mut Quectel, core: &mut Core, command: &Command) -> Answer {
    core.card.require()?;
    let pdp = cid(command, 0).map_err(|_| own.refuse(errors::INVALID_PARAMETERS))?;
    let slot = slot(own, command, 2)?;
    let place = command.number(1).and_then(|id| usize::try_from(id).ok());
    let port = command.number(4).and_then(|port| u16::try_from(port).ok());
    let mode = command
        .number_or(5, 0)
        .and_then(|mode| u8::try_from(mode).ok());
    let (Op::Set, Some(place @ 0..CONTEXTS), Some(host), Some(port @ 1..), Some(mode @ 0..=1)) =
        (command.op, place, command.text(3), port, mode)
    else {
        return Err(own.refuse(errors::INVALID_PARAMETERS));
    };
    if core.sockets.contains_key(&slot) {
        return own.fail_later(core, slot, errors::ID_IN_USE);
    }
    if !core.network.is_active(pdp) {
        return own.fail_later(core, slot, errors::OPEN_PDP);
    }
    let context = own.ssl.contexts.get(place);
    let Some(client) = context.and_then(|context| context.client(core, host)) else {
        return own.fail_later(core, slot, errors::INVALID_PARAMETERS);
    };
    core.connect(slot, host, port, Some(client));
    if let Some(socket) = core.sockets.get_mut(&slot) {
        socket.mode = mode;
    }
    Ok(Done::Ok)
}

fn prompt(own: &mut Quectel, core: &mut Core, command: &Command) -> Answer {
    let slot = slot(own, command, 0)?;
    let len = match command.args.len() {
        1 => None,
        _ => {
            let len = command.number(1).filter(|len| (1..=MAX_SEND).contains(len));
            Some(len.ok_or_else(|| own.refuse(errors::INVALID_PARAMETERS))?)
        }
    };
    let state = core.sockets.get(&slot).map(|socket| socket.state);
    if command.op != Op::Set || state != Some(State::Open) {
        return Err(own.refuse(errors::NOT_ALLOWED));
    }
    let len = len.and_then(|len| usize::try_from(len).ok());
    core.prompt("\r\n> ", len, Purpose::Send(slot))
}

fn read(own: &mut Quectel, core: &mut Core, command: &Command) -> Answer {
    let slot = slot(own, command, 0)?;
    let len = command.number_or(1, MAX_READ);
    let len = len.filter(|len| (1..=MAX_READ).contains(len));
    let len = len.ok_or_else(|| own.refuse(errors::INVALID_PARAMETERS))?;
    let bytes = core.take(slot, usize::try_from(len).unwrap_or(0));
    let bytes = bytes.ok_or_else(|| own.refuse(errors::NOT_ALLOWED))?;
    let tail = if bytes.is_empty() { "" } else { "\r\n" };
    core.block(format!("+QSSLRECV: {}\r\n", bytes.len()), bytes, tail);
    Ok(Done::Ok)
}

fn close(own: &mut Quectel, core: &mut Core, command: &Command) -> Answer {
    let slot = slot(own, command, 0)?;
    core.close(slot);
    Ok(Done::Ok)
}

/// `QSSLSTATE` and `QSSLSTATE=id`
fn states(core: &mut Core, command: &Command) -> Answer {
    let wanted = command.number(0);
    let mut lines = Vec::new();
    for (slot, one) in &core.sockets {
        let id = slot.id;
        if *slot != Slot::tls(id) || wanted.is_some_and(|wanted| wanted != u32::from(id)) {
            continue;
        }
        let state = match one.state {
            State::Opening => 1,
            State::Open => 2,
            State::Ended => 4,
        };
        let (host, port, mode) = (&one.host, one.port, one.mode);
        lines.push(format!(
            "+QSSLSTATE: {id},\"SSLClient\",\"{host}\",{port},0,{state},1,{id},{mode},\"uart1\",1"
        ));
    }
    lines.iter().for_each(|line| core.line(line));
    Ok(Done::Ok)
}
