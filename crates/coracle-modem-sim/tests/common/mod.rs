//! A firmware by hand: writes command lines, reads until what it waits for.

#![allow(dead_code, reason = "each test takes what it needs")]

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    thread::{self, JoinHandle},
    time::Duration,
};

use coracle_modem_sim::{Config, Dialect, Handle, ModemSim, Name};

/// Far longer than anything here takes: only a test that fails waits so long.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Uart {
    stream: TcpStream,
    /// Everything that came and was not consumed.
    pub(crate) seen: Vec<u8>,
    /// What `%PORT%` stands for in [`Uart::try_ask`].
    pub(crate) port: u16,
}

impl Uart {
    pub(crate) fn connect(addr: SocketAddr) -> Self {
        let stream = TcpStream::connect(addr).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self {
            stream,
            seen: Vec::new(),
            port: 0,
        }
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// Takes everything up to and with the first `end`.
    pub(crate) fn until(&mut self, end: &str) -> String {
        String::from_utf8_lossy(&self.until_bytes(end.as_bytes())).into_owned()
    }

    pub(crate) fn until_bytes(&mut self, end: &[u8]) -> Vec<u8> {
        loop {
            let mut windows = self.seen.windows(end.len());
            if let Some(place) = windows.position(|window| window == end) {
                let rest = self.seen.split_off(place + end.len());
                return std::mem::replace(&mut self.seen, rest);
            }
            self.more(&String::from_utf8_lossy(end));
        }
    }

    /// Takes so many bytes.
    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        while self.seen.len() < count {
            self.more("bytes");
        }
        let rest = self.seen.split_off(count);
        std::mem::replace(&mut self.seen, rest)
    }

    fn more(&mut self, what: &str) {
        let mut buf = [0; 4096];
        match self.stream.read(&mut buf) {
            Ok(count @ 1..) => self.seen.extend_from_slice(&buf[..count]),
            other => panic!(
                "{other:?} while waiting for {what:?}; got {:?}",
                String::from_utf8_lossy(&self.seen)
            ),
        }
    }

    /// Sends a line and takes its answer up to the final result.
    pub(crate) fn ask(&mut self, line: &str) -> String {
        self.write(format!("{line}\r").as_bytes());
        let mut answer = String::new();
        loop {
            answer.push_str(&self.until("\r\n"));
            let last = answer.trim_end().rsplit("\r\n").next().unwrap_or("");
            let is_final = matches!(last, "OK" | "ERROR" | "SEND OK" | "SEND FAIL")
                || last.starts_with("+CME ERROR");
            if is_final {
                return answer;
            }
        }
    }

    /// Sends a line; gives up when `end` does not come soon.
    pub(crate) fn try_ask(&mut self, line: &str, end: &str) -> Option<()> {
        let line = line.replace("%PORT%", &self.port.to_string());
        self.stream.write_all(format!("{line}\r").as_bytes()).ok()?;
        let soon = Some(Duration::from_millis(60));
        self.stream.set_read_timeout(soon).unwrap();
        let mut buf = [0; 4096];
        loop {
            let windows = self.seen.windows(end.len());
            if windows.into_iter().any(|window| window == end.as_bytes()) {
                self.seen.clear();
                return Some(());
            }
            match self.stream.read(&mut buf) {
                Ok(count @ 1..) => self.seen.extend_from_slice(&buf[..count]),
                _ => return None,
            }
        }
    }

    /// Forgets what came and comes at once.
    pub(crate) fn drain(&mut self) {
        let soon = Some(Duration::from_millis(10));
        self.stream.set_read_timeout(soon).unwrap();
        let mut buf = [0; 4096];
        while let Ok(count @ 1..) = self.stream.read(&mut buf) {
            self.seen.extend_from_slice(&buf[..count]);
        }
        self.seen.clear();
    }

    /// Sends a line that must end in `OK`; gives the answer without it.
    pub(crate) fn ok(&mut self, line: &str) -> String {
        let answer = self.ask(line);
        let Some(lines) = answer.strip_suffix("\r\nOK\r\n") else {
            panic!("{line}: {answer:?}");
        };
        lines.trim().to_owned()
    }
}

/// A modem whose banner is over and whose echo is off.
pub(crate) fn ready(config: Config) -> (Handle, Uart) {
    let modem = ModemSim::start(config).unwrap();
    let mut uart = Uart::connect(modem.tcp().unwrap());
    wait_for_answer(&mut uart);
    uart.ok("ATE0");
    (modem, uart)
}

/// Commands are lost until the modem is up.
pub(crate) fn wait_for_answer(uart: &mut Uart) {
    let short = Some(Duration::from_millis(20));
    uart.stream.set_read_timeout(short).unwrap();
    loop {
        uart.write(b"AT\r");
        let mut buf = [0; 512];
        while let Ok(count @ 1..) = uart.stream.read(&mut buf) {
            uart.seen.extend_from_slice(&buf[..count]);
        }
        if uart.seen.windows(4).any(|window| window == b"OK\r\n") {
            break;
        }
    }
    uart.stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // What is answered last is not answered twice.
    uart.write(b"AT+GSN\r");
    uart.until("490154203237518\r\n\r\nOK\r\n");
}

/// Waits until the network is there.
pub(crate) fn register(uart: &mut Uart) {
    uart.ok("AT+CEREG=1");
    if !uart.ok("AT+CEREG?").ends_with(",1") {
        uart.until("+CEREG: 1\r\n");
    }
}

pub(crate) fn config(dialect: Dialect) -> Config {
    Config::local(dialect)
}

/// A peer that does with one connection what it is told, then closes it.
pub(crate) struct Peer {
    pub(crate) addr: SocketAddr,
    thread: Option<JoinHandle<()>>,
}

impl Peer {
    pub(crate) fn start(serve: impl FnOnce(TcpStream) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let thread = thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            serve(stream);
        });
        Self {
            addr,
            thread: Some(thread),
        }
    }

    /// Sends back what comes.
    pub(crate) fn echo() -> Self {
        Self::start(|mut stream| {
            let mut buf = [0; 4096];
            while let Ok(count @ 1..) = stream.read(&mut buf) {
                if stream.write_all(&buf[..count]).is_err() {
                    return;
                }
            }
        })
    }

    /// Sends `bytes` and closes.
    pub(crate) fn say(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        Self::start(move |mut stream| stream.write_all(&bytes).unwrap())
    }

    pub(crate) fn named(&self, name: &str) -> Name {
        Name::new(name, None, self.addr).unwrap()
    }

    /// Waits for the peer; its panic is the test's.
    pub(crate) fn join(mut self) {
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}
