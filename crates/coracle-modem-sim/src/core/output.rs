//! What the modem says, and when.

use std::time::{Duration, Instant};

use crate::{
    answer::{Answer, Done, Refusal, cme_words},
    core::{Core, Power, Want},
    dialect::Purpose,
    fault::FaultKind,
    network::REGISTRATIONS,
    output::{self, Token},
    timers::Timer,
};

impl Core {
    /// A line of the answer to a command.
    pub(crate) fn line(&mut self, text: impl AsRef<str>) {
        let text = text.as_ref();
        self.pending.push(Token::line(format!("\r\n{text}\r\n")));
    }

    /// A line, payload of announced length, and what follows it.
    pub(crate) fn block(&mut self, head: String, payload: Vec<u8>, tail: &str) {
        self.pending.push(Token {
            head: format!("\r\n{head}").into_bytes(),
            payload,
            tail: tail.into(),
            is_line: true,
        });
    }

    /// As [`Core::block`], by itself: at once, or after what is being worked on.
    pub(crate) fn push(&mut self, head: String, payload: Vec<u8>, tail: &str) {
        let head = format!("\r\n{head}").into_bytes();
        self.deferred.push(Token {
            head,
            payload,
            tail: tail.into(),
            is_line: true,
        });
        self.release();
    }

    /// Text outside of lines.
    pub(crate) fn raw(&mut self, bytes: impl Into<Vec<u8>>) {
        self.pending.push(Token::raw(bytes));
    }

    /// A line that nobody asked for: at once, or after the command or the data that is
    /// being worked on.
    pub(crate) fn urc(&mut self, text: impl Into<String>) {
        let text = text.into();
        self.deferred.push(Token::line(format!("\r\n{text}\r\n")));
        self.release();
    }

    /// Says what was held back, unless it still has to wait.
    pub(crate) fn release(&mut self) {
        if self.is_busy || self.want.is_some() || self.power != Power::On {
            return;
        }
        for token in std::mem::take(&mut self.deferred) {
            self.pending.push(token);
            self.flush();
        }
    }

    /// Asks for data with a prompt.
    pub(crate) fn prompt(&mut self, prompt: &str, len: Option<usize>, purpose: Purpose) -> Answer {
        if !self.fires(FaultKind::MissingPrompt) {
            self.raw(prompt);
        }
        // u-blox wants 50 ms after this one.
        let pause = match prompt.ends_with('@') {
            true => self.config.prompt_pause,
            false => Duration::ZERO,
        };
        self.timers.set(self.config.data_timeout, Timer::DataLate);
        self.want = Some(Want {
            len,
            got: Vec::new(),
            purpose,
            not_before: Instant::now() + pause,
        });
        Ok(Done::Said)
    }

    /// The final result of a command.
    pub(crate) fn finish(&mut self, answer: Answer) {
        let (text, number) = match answer {
            Ok(Done::Said | Done::Wait) => return,
            _ if self.profile.quiet => return,
            Ok(Done::Ok) => ("OK".to_owned(), 0),
            Err(Refusal::Cme(code)) if self.profile.cmee > 0 => (self.cme(code), 4),
            Err(_) => ("ERROR".to_owned(), 4),
        };
        match self.profile.verbose || text.starts_with('+') {
            true => self.line(text),
            false => self.pending.push(Token::line(format!("{number}\r"))),
        }
    }

    fn cme(&self, code: u16) -> String {
        match self.profile.cmee {
            1 => format!("+CME ERROR: {code}"),
            _ => format!("+CME ERROR: {}", cme_words(code)),
        }
    }

    /// The result of a command that waits; nothing if none does.
    pub(crate) fn unblock(&mut self, answer: Answer) {
        if self.is_blocked {
            self.unblocked = Some(answer);
        }
    }

    /// Sends what was said, with what goes wrong on the way.
    pub(crate) fn flush(&mut self) {
        let tokens = std::mem::take(&mut self.pending);
        if tokens.is_empty() {
            return;
        }
        let mut notes = Vec::new();
        let urc = self.chatter();
        let (command, baud) = (&self.command, self.config.baud);
        let tokens = output::spoil(tokens, &urc, &mut self.faults, command, &mut notes);
        for token in &tokens {
            self.log('<', &token.shown());
        }
        let pieces = output::pace(tokens, baud, &mut self.faults, command, &mut notes);
        for (kind, text) in notes {
            self.note(kind, &text);
        }
        for piece in pieces {
            // Without a client the bytes leave the pin and nobody sees them.
            let sent = self.client.as_ref().map(|client| client.send(piece));
            if let Some(Err(_)) = sent {
                self.client = None;
            }
        }
    }

    /// A line that means nothing new.
    fn chatter(&mut self) -> String {
        let own = self.personality.chatter;
        let place = self.faults.below(own.len() + 3);
        let which = REGISTRATIONS.get(place).copied();
        match which {
            Some(name) => format!("{name}: {}", self.stat_of(place)),
            None => own.get(place - 3).copied().unwrap_or("+CTZV: +00").into(),
        }
    }

    /// Forgets what was about to be said.
    pub(crate) fn hush(&mut self) {
        self.pending.clear();
        self.deferred.clear();
    }
}
