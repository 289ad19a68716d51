//! A board in QEMU, with its log decoded while it runs.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::error::{Error, Result};
use super::image::Image;
use super::log::{Decoder, Line};
use super::machine;

/// Where a UART of the board ends on the host. QEMU connects as a client.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Link {
    /// A listening TCP port of this machine.
    Tcp(SocketAddr),
    /// A listening Unix socket.
    Unix(PathBuf),
}

/// Where the bytes of the console UART go.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Console {
    /// Nowhere.
    #[default]
    Discarded,
    /// Into a file, from its beginning.
    File(PathBuf),
    /// To somebody who listens.
    Link(Link),
}

/// What is attached to the board.
#[derive(Clone, Debug)]
pub struct Config {
    /// The modem UART.
    pub modem: Option<Link>,
    /// The UART that carries edges of the modem's control pins.
    pub control: Option<Link>,
    /// The console UART.
    pub console: Console,
    /// A file that keeps the flash; created where there is none. Without it the flash is
    /// blank at each start.
    pub flash: Option<PathBuf>,
    /// Where QEMU listens for a [`Qmp`](super::Qmp): a Unix socket that it makes.
    pub qmp: Option<PathBuf>,
    /// What the firmware finds on its command line.
    pub args: Vec<String>,
    /// Virtual time: one instruction takes 2 to this power nanoseconds. Only for runs
    /// without a peer, whose time would still be the host's.
    pub icount: Option<u8>,
    /// How long it may run by the host's clock.
    pub limit: Duration,
}

impl Config {
    /// Nothing attached.
    pub fn closed(limit: Duration) -> Self {
        Self {
            modem: None,
            control: None,
            console: Console::Discarded,
            flash: None,
            qmp: None,
            args: Vec::new(),
            icount: None,
            limit,
        }
    }
}

/// How a run ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ended {
    /// The firmware said so, with this code; 0 is success.
    Exited(i32),
    /// The limit was reached, and the board switched off.
    TimedOut,
}

/// A run that is over.
#[derive(Debug)]
pub struct Outcome {
    /// How it ended.
    pub ended: Ended,
    /// Lines that had not been taken yet.
    pub rest: Vec<Line>,
    /// How long it took by the host's clock.
    pub took: Duration,
}

/// A running board; switched off when dropped.
#[derive(Debug)]
pub struct Qemu {
    child: Child,
    lines: Receiver<Line>,
    started: Instant,
    limit: Duration,
}

impl Qemu {
    /// Switches the board on.
    ///
    /// # Errors
    ///
    /// QEMU does not start, or the image has no log.
    pub fn start(image: &Image, config: &Config) -> Result<Self> {
        let decoder = Decoder::new(image)?;
        let mut command = machine::command(image, config)?;
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| Error::at("QEMU, which `cargo xtask setup` installs", error))?;
        let log = child.stdout.take().ok_or("no pipe to QEMU")?;
        let (sender, lines) = channel();
        thread::spawn(move || decoder.run(log, &sender));
        Ok(Self {
            child,
            lines,
            started: Instant::now(),
            limit: config.limit,
        })
    }

    /// Waits for the next line; none once the run is over.
    pub fn next_line(&mut self) -> Option<Line> {
        self.lines.recv_timeout(self.time_left()).ok()
    }

    /// Shows every line to `see` until the run is over.
    ///
    /// # Errors
    ///
    /// The state of the process cannot be had.
    pub fn watch(mut self, mut see: impl FnMut(&Line)) -> Result<Outcome> {
        while let Some(line) = self.next_line() {
            see(&line);
        }
        self.finish()
    }

    /// Waits for the end, or for the limit.
    ///
    /// # Errors
    ///
    /// The state of the process cannot be had.
    pub fn finish(mut self) -> Result<Outcome> {
        let rest: Vec<Line> = std::iter::from_fn(|| self.next_line()).collect();
        let ended = self.wait()?;
        Ok(Outcome {
            ended,
            rest,
            took: self.started.elapsed(),
        })
    }

    /// Processor time that the host has spent on it, in ticks of 10 ms; none once it has
    /// ended, and none where there is no `/proc`.
    pub fn cpu_ticks(&mut self) -> Option<u64> {
        if self.child.try_wait().ok()?.is_some() {
            return None;
        }
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).ok()?;
        // The name of the program, in parentheses, may hold blanks.
        let (_, rest) = stat.rsplit_once(')')?;
        let mut fields = rest.split_whitespace().skip(11);
        let mut ticks = || fields.next()?.parse::<u64>().ok();
        Some(ticks()? + ticks()?)
    }

    /// Switches the board off, as a power cut does.
    pub fn cut_power(self) {}

    /// QEMU ends a moment after its log does, unless the limit came first.
    fn wait(&mut self) -> Result<Ended> {
        loop {
            let status = self
                .child
                .try_wait()
                .map_err(|error| Error::at("QEMU", error))?;
            if let Some(status) = status {
                return Ok(Ended::Exited(status.code().unwrap_or(-1)));
            }
            if self.time_left().is_zero() {
                return Ok(Ended::TimedOut);
            }
            thread::sleep(Duration::from_millis(2));
        }
    }

    fn time_left(&self) -> Duration {
        self.limit.saturating_sub(self.started.elapsed())
    }
}

impl Drop for Qemu {
    fn drop(&mut self) {
        // Nothing is left to do where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
