//! What all dialects of the small modem share: the line, 27.007, faults.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use embedded_io_async::{ErrorKind, ErrorType, Read, Write};

use super::clock::Clock;

/// A token: what no other output gets into.
pub type Token = Vec<u8>;

pub fn line(text: &str) -> Token {
    format!("\r\n{text}\r\n").into_bytes()
}

pub fn ok() -> Token {
    line("OK")
}

/// What a socket of the modem is.
#[derive(Default)]
pub struct Peer {
    /// Numbered, where that comes before it is open.
    pub made: bool,
    pub open: bool,
    /// What the other side sent and the modem still has.
    pub inbox: VecDeque<u8>,
    /// What the device sent.
    pub outbox: Vec<u8>,
    pub closed: bool,
    /// News of data were given and the inbox was not found empty since.
    pub announced: bool,
}

/// What the other side does with what it gets.
pub type Service = fn(&mut Peer);

/// Gives everything back.
pub fn echo(peer: &mut Peer) {
    let sent = std::mem::take(&mut peer.outbox);
    peer.inbox.extend(sent);
}

/// How one dialect behaves.
pub trait Behaviour {
    /// A command without `AT`; `None` for one that is unknown.
    fn command(&mut self, fake: &mut State, command: &str) -> Option<Vec<Token>>;
    /// Payload that was asked for by [`State::want`].
    fn payload(&mut self, fake: &mut State, payload: Vec<u8>) -> Vec<Token>;
    /// News about a socket.
    fn news(&mut self, fake: &mut State) -> Vec<Token>;
}

/// What goes wrong, once, at the command of that number.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// No answer, the command is not run.
    Silence,
    /// No answer, the command is run.
    Mute,
    /// This instead of an answer.
    Instead(Vec<u8>),
    /// The modem restarts.
    Restart,
    /// Deaf until it is restarted by a pin.
    Hang,
}

pub struct State {
    pub peers: Vec<Peer>,
    pub service: Service,
    pub cpin: &'static str,
    pub pin: &'static str,
    pub pin_tries: u8,
    pub creg: [u8; 3],
    /// Registers after so many questions.
    pub searching: u32,
    pub cfun: u8,
    pub active: bool,
    pub ignore_activation: bool,
    /// Length and tag of awaited payload.
    pub wanted: Option<usize>,
    pub tag: String,
    pub dns: &'static str,
    /// How many bytes of a send are taken.
    pub takes: usize,
    pub csq: &'static str,
    pub cops: &'static str,
    pub cclk: &'static str,
    pub model: &'static str,
}

impl State {
    /// Asks for payload.
    pub fn want(&mut self, len: usize, tag: String) {
        self.wanted = Some(len);
        self.tag = tag;
    }
}

pub struct Fake {
    pub state: State,
    behaviour: Box<dyn Behaviour>,
    out: VecDeque<u8>,
    input: Vec<u8>,
    pub echo: bool,
    pub echo_stays: bool,
    pub log: Vec<String>,
    pub faults: Vec<(usize, Fault)>,
    /// Counts places between tokens, from 0.
    pub boundary: usize,
    pub inject: Option<(usize, Vec<u8>)>,
    pub on_inject: Option<fn(&mut State)>,
    /// A data connection comes about by itself at this command.
    pub activate_at: Option<usize>,
    /// Outcomes before `OK`.
    pub swap_results: bool,
    pub line_end: &'static str,
    pub hung: bool,
    /// Answers nothing, but hears.
    pub mute: bool,
    pub on: bool,
    /// How many bytes a read gives, and whether it waits before each.
    pub read_len: usize,
    pub lazy: bool,
    pub pins: Vec<String>,
    pub restarts: u32,
    /// So many prompts are not said, and the payload is waited for.
    pub lost_prompts: u32,
    pub flood: bool,
    waited: bool,
}

impl Fake {
    pub fn new(behaviour: impl Behaviour + 'static) -> Self {
        Self {
            state: State {
                peers: (0..12).map(|_| Peer::default()).collect(),
                service: echo,
                cpin: "READY",
                pin: "1234",
                pin_tries: 3,
                creg: [1, 1, 1],
                searching: 0,
                cfun: 1,
                active: false,
                ignore_activation: false,
                wanted: None,
                tag: String::new(),
                dns: "192.0.2.7",
                takes: usize::MAX,
                csq: "+CSQ: 23,99",
                cops: "+COPS: 0,0,\"Fake\",7",
                cclk: "+CCLK: \"26/11/22,10:30:00+04\"",
                model: "FAKE-1",
            },
            behaviour: Box::new(behaviour),
            out: VecDeque::new(),
            input: Vec::new(),
            echo: true,
            echo_stays: false,
            log: Vec::new(),
            faults: Vec::new(),
            boundary: 0,
            inject: None,
            on_inject: None,
            activate_at: None,
            swap_results: false,
            line_end: "\r\n",
            hung: false,
            mute: false,
            on: true,
            read_len: 1,
            lazy: false,
            pins: Vec::new(),
            restarts: 0,
            lost_prompts: 0,
            flood: false,
            waited: false,
        }
    }

    pub fn now(&mut self, _ms: u64) {
        self.say_news();
    }

    /// Writes raw bytes to the device.
    pub fn say(&mut self, bytes: &[u8]) {
        self.out.extend(bytes);
    }

    fn emit(&mut self, tokens: Vec<Token>) {
        for token in tokens {
            self.place();
            let token = match self.line_end {
                "\r\n" => token,
                end => with_line_end(&token, end),
            };
            self.out.extend(token);
        }
        self.place();
    }

    /// A place between tokens.
    fn place(&mut self) {
        if let Some((at, bytes)) = &self.inject
            && *at == self.boundary
        {
            self.out.extend(bytes.iter());
            if let Some(then) = self.on_inject.take() {
                then(&mut self.state);
            }
        }
        self.boundary += 1;
    }

    fn say_news(&mut self) {
        let news = self.behaviour.news(&mut self.state);
        if !news.is_empty() {
            self.emit(news);
        }
    }

    fn input(&mut self, byte: u8) {
        if self.hung || !self.on {
            return;
        }
        if let Some(len) = self.state.wanted {
            self.input.push(byte);
            if self.input.len() == len {
                self.state.wanted.take();
                let payload = std::mem::take(&mut self.input);
                let tokens = self.behaviour.payload(&mut self.state, payload);
                self.emit(tokens);
                self.serve();
            }
            return;
        }
        if byte != b'\r' {
            self.input.push(byte);
            return;
        }
        let text: String = std::mem::take(&mut self.input)
            .iter()
            .map(|c| char::from(*c))
            .collect();
        self.command(text);
    }

    fn serve(&mut self) {
        for peer in &mut self.state.peers {
            if peer.open {
                (self.state.service)(peer);
            }
        }
        self.say_news();
    }

    fn command(&mut self, text: String) {
        let number = self.log.len();
        self.log.push(text.clone());
        self.state.active |= self.activate_at == Some(number);
        let Some(at) = text
            .find("AT")
            .filter(|at| text[..*at].bytes().all(|c| !c.is_ascii_alphanumeric()))
        else {
            return;
        };
        let fault = self.faults.iter().position(|(at, _)| *at == number);
        let fault = fault.map(|place| self.faults.remove(place).1);
        if fault == Some(Fault::Silence) {
            return;
        }
        if fault == Some(Fault::Hang) {
            self.hung = true;
            return;
        }
        if fault == Some(Fault::Restart) {
            self.restart();
            return;
        }
        if self.echo {
            self.emit(vec![format!("{text}\r").into_bytes()]);
        }
        if let Some(Fault::Instead(bytes)) = &fault {
            self.emit(vec![bytes.clone()]);
            return;
        }
        let mut tokens = self.common(&text[at + 2..]);
        if self.swap_results {
            tokens.sort_by_key(|token| token == b"\r\nOK\r\n");
        }
        if self.lost_prompts > 0 && self.state.wanted.is_some() {
            self.lost_prompts -= 1;
            return;
        }
        if fault != Some(Fault::Mute) && !self.mute {
            self.emit(tokens);
        }
        self.serve();
    }

    pub fn restart(&mut self) {
        self.restarts += 1;
        self.hung = false;
        self.on = true;
        self.echo = true;
        self.input.clear();
        self.state.wanted = None;
        self.state.active = false;
        self.state.cfun = 1;
        for peer in &mut self.state.peers {
            *peer = Peer::default();
        }
        self.emit(vec![b"\0\xff\xfe~".to_vec(), line("RDY"), line("+CFUN: 1")]);
    }

    fn common(&mut self, command: &str) -> Vec<Token> {
        let state = &mut self.state;
        let registration = |name: &str, state: &mut State, place: usize| {
            state.searching = state.searching.saturating_sub(1);
            let stat = match state.searching {
                0 => state.creg[place],
                _ => 2,
            };
            vec![line(&format!("{name}: 0,{stat}")), ok()]
        };
        match command {
            "" | "+CMEE=1" | "+IFC=0,0" | "+IFC=2,2" => vec![ok()],
            "E0" => {
                self.echo = self.echo_stays;
                vec![ok()]
            }
            "+CFUN?" => vec![line(&format!("+CFUN: {}", state.cfun)), ok()],
            "+CFUN=1" => {
                state.cfun = 1;
                vec![ok()]
            }
            "+CFUN=1,1" => {
                self.restart();
                vec![]
            }
            "+CPIN?" if state.cpin.is_empty() => vec![line("+CME ERROR: 10")],
            "+CPIN?" => vec![line(&format!("+CPIN: {}", state.cpin)), ok()],
            "+CEREG?" => registration("+CEREG", state, 0),
            "+CREG?" => registration("+CREG", state, 1),
            "+CGREG?" => registration("+CGREG", state, 2),
            "+CSQ" => vec![line(state.csq), ok()],
            "+COPS?" => vec![line(state.cops), ok()],
            "+CCLK?" => vec![line(state.cclk), ok()],
            "+CGMM" => vec![line(state.model), ok()],
            "+CGMR" => vec![line("FAKE-1 R01"), ok()],
            "+CGSN" => vec![line("490154203237518"), ok()],
            "+QSCLK=1" | "+CPSMS=0" | "+CEDRXS=0" => vec![ok()],
            _ if command.starts_with("+CPSMS=") || command.starts_with("+CEDRXS=") => vec![ok()],
            _ if command.starts_with("+CPIN=") => self.enter_pin(command),
            _ if command.starts_with("+CGDCONT=") => vec![ok()],
            _ => self
                .behaviour
                .command(&mut self.state, command)
                .unwrap_or_else(|| vec![line("ERROR")]),
        }
    }

    fn enter_pin(&mut self, command: &str) -> Vec<Token> {
        let state = &mut self.state;
        let digits = command.strip_prefix("+CPIN=\"").unwrap_or_default();
        let digits = digits.strip_suffix('"').unwrap_or(digits);
        // Unkind: a PIN cut short counts.
        if digits.is_empty() || !digits.bytes().all(|c| c.is_ascii_digit()) {
            return vec![line("ERROR")];
        }
        if digits == state.pin && state.pin_tries > 0 {
            state.cpin = "READY";
            return vec![ok()];
        }
        state.pin_tries = state.pin_tries.saturating_sub(1);
        if state.pin_tries == 0 {
            state.cpin = "SIM PUK";
        }
        vec![line("+CME ERROR: 16")]
    }

    pub fn pin(&mut self, name: &str, asserted: bool) {
        self.pins.push(format!("{name} {asserted}"));
        match (name, asserted) {
            ("reset", false) if self.on => self.restart(),
            ("pwrkey", false) if self.on => self.on = false,
            ("pwrkey", false) => self.restart(),
            _ => {}
        }
    }
}

/// Another end for the lines of a token, but not for its payload.
fn with_line_end(token: &[u8], end: &str) -> Token {
    let Some(rest) = token.strip_prefix(b"\r\n") else {
        return token.to_vec();
    };
    if rest.starts_with(b"+USORD") {
        return [end.as_bytes(), rest].concat();
    }
    let len = rest.windows(2).position(|two| two == b"\r\n");
    let (head, rest) = rest.split_at(len.unwrap_or(rest.len()));
    let rest = rest
        .strip_prefix(b"\r\n")
        .map(|rest| [end.as_bytes(), rest].concat());
    [end.as_bytes(), head, &rest.unwrap_or_default()].concat()
}

/// The fields of a command, without quotes; `None` where one is not as it should be.
pub fn fields(text: &str) -> Vec<&str> {
    text.split(',')
        .map(|field| field.trim_matches('"'))
        .collect()
}

/// Whether these fields are all there and are numbers.
pub fn are_numbers(fields: &[&str], places: &[usize]) -> bool {
    places.iter().all(|place| {
        fields
            .get(*place)
            .is_some_and(|field| field.parse::<usize>().is_ok())
    })
}

/// The device's end of the line.
pub struct Wire {
    fake: Rc<RefCell<Fake>>,
    clock: Clock,
}

impl Wire {
    pub fn new(fake: &Rc<RefCell<Fake>>, clock: &Clock) -> Self {
        Self {
            fake: fake.clone(),
            clock: clock.clone(),
        }
    }
}

impl ErrorType for Wire {
    type Error = ErrorKind;
}

impl Read for Wire {
    async fn read(&mut self, buf: &mut [u8]) -> Result<usize, ErrorKind> {
        poll_fn(|_| {
            let mut fake = self.fake.borrow_mut();
            if fake.flood && fake.out.is_empty() {
                fake.out.extend(b"\r\n+CREG: 1\r\n");
            }
            if fake.out.is_empty() {
                return Poll::Pending;
            }
            if fake.lazy && !fake.waited {
                fake.waited = true;
                self.clock.progress();
                return Poll::Pending;
            }
            fake.waited = false;
            let len = buf.len().min(fake.read_len).min(fake.out.len());
            for (to, from) in buf.iter_mut().zip(fake.out.drain(..len)) {
                *to = from;
            }
            Poll::Ready(Ok(len))
        })
        .await
    }
}

impl Write for Wire {
    async fn write(&mut self, buf: &[u8]) -> Result<usize, ErrorKind> {
        let mut first = true;
        poll_fn(|_| {
            let mut fake = self.fake.borrow_mut();
            if fake.lazy && std::mem::take(&mut first) {
                self.clock.progress();
                return Poll::Pending;
            }
            fake.input(buf[0]);
            Poll::Ready(Ok(1))
        })
        .await
    }

    async fn flush(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }
}

/// A control pin of the fake.
pub struct TestPin(Rc<RefCell<Fake>>, &'static str);

impl TestPin {
    pub fn new(fake: &Rc<RefCell<Fake>>, name: &'static str) -> Self {
        Self(fake.clone(), name)
    }
}

impl embedded_hal::digital::ErrorType for TestPin {
    type Error = Infallible;
}

impl embedded_hal::digital::OutputPin for TestPin {
    fn set_low(&mut self) -> Result<(), Infallible> {
        self.0.borrow_mut().pin(self.1, false);
        Ok(())
    }

    fn set_high(&mut self) -> Result<(), Infallible> {
        self.0.borrow_mut().pin(self.1, true);
        Ok(())
    }
}
