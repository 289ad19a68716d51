//! Reading the member `error` of an answer.

use coracle_core::hex;
use coracle_core::json::Event;

use crate::rpc::error::{EnvelopeErrorKind, ErrorText, RpcError};

/// A member of the error object.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Member {
    Code,
    Message,
    Data,
    Other,
}

/// Collects one error object.
pub(crate) struct ErrorObject<'a> {
    member: Member,
    code: Option<i64>,
    message: Option<&'a mut ErrorText>,
    has_message: bool,
    has_data: bool,
    /// Inside `data`, whether the next string is the payload.
    wants_hex: bool,
    payload: Payload<'a>,
}

impl<'a> ErrorObject<'a> {
    pub(crate) const fn new(message: Option<&'a mut ErrorText>, data: &'a mut [u8]) -> Self {
        Self {
            member: Member::Other,
            code: None,
            message,
            has_message: false,
            has_data: false,
            wants_hex: false,
            payload: Payload::new(data),
        }
    }

    /// Takes the start of the object.
    pub(crate) fn open(&mut self) {
        if let Some(message) = &mut self.message {
            **message = ErrorText::EMPTY;
        }
    }

    /// Takes an event inside the object; `depth` is 0 for its keys and their values.
    pub(crate) fn event(
        &mut self,
        depth: usize,
        event: Event<'_>,
    ) -> Result<(), EnvelopeErrorKind> {
        if let (0, Event::Key(name)) = (depth, event) {
            return self.begin(name);
        }
        match (self.member, event) {
            (Member::Code, Event::Number(text)) => {
                let code = text.parse().map_err(|_| EnvelopeErrorKind::BadError)?;
                self.code = Some(code);
            }
            (Member::Code, _) => return Err(EnvelopeErrorKind::BadError),
            (Member::Message, Event::StrPart(text)) if depth == 0 => {
                if let Some(message) = &mut self.message {
                    message.push(text);
                }
            }
            (Member::Data, _) => self.data(event),
            _ => {}
        }
        Ok(())
    }

    /// The error, once the object is complete.
    pub(crate) fn finish(&self) -> Result<RpcError, EnvelopeErrorKind> {
        Ok(RpcError {
            code: self.code.ok_or(EnvelopeErrorKind::BadError)?,
            data_len: self.payload.len(),
        })
    }

    fn begin(&mut self, name: &[u8]) -> Result<(), EnvelopeErrorKind> {
        let members = [
            ("code", Member::Code, self.code.is_some()),
            ("message", Member::Message, self.has_message),
            ("data", Member::Data, self.has_data),
        ];
        let mut members = members.into_iter();
        let found = members.find(|(known, ..)| known.as_bytes() == name);
        let (_, member, is_repeated) = found.unwrap_or(("", Member::Other, false));
        if is_repeated {
            return Err(EnvelopeErrorKind::Duplicate);
        }
        match member {
            Member::Message => self.has_message = true,
            Member::Data => {
                self.has_data = true;
                self.wants_hex = true;
            }
            Member::Code | Member::Other => {}
        }
        self.member = member;
        Ok(())
    }

    /// Most nodes give the payload as a string; some wrap it in an object, at one of
    /// the names below. The first hexadecimal string found is taken.
    fn data(&mut self, event: Event<'_>) {
        match event {
            Event::Key(name) => {
                let mut names = ["data", "result", "return"].iter();
                self.wants_hex = names.any(|known| known.as_bytes() == name);
            }
            Event::StrPart(text) if self.wants_hex => self.payload.push(text),
            Event::StrEnd if self.wants_hex => {
                self.payload.end();
                self.wants_hex = false;
            }
            Event::StrPart(_) => {}
            _ => self.wants_hex = false,
        }
    }
}

/// A hexadecimal string on its way into the caller's buffer.
struct Payload<'a> {
    out: &'a mut [u8],
    state: Hex,
    /// What is still to come of the prefix.
    prefix: &'static [u8],
    high: Option<u8>,
    len: usize,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Hex {
    /// Before the first character.
    Start,
    Prefix,
    Digits,
    /// Another string than a hexadecimal one; the next may be tried.
    Bad,
    Done,
}

impl<'a> Payload<'a> {
    const fn new(out: &'a mut [u8]) -> Self {
        Self {
            out,
            state: Hex::Start,
            prefix: b"",
            high: None,
            len: 0,
        }
    }

    fn push(&mut self, text: &[u8]) {
        for c in text {
            self.state = self.step(*c);
        }
    }

    fn end(&mut self) {
        let is_whole = self.state == Hex::Digits && self.high.is_none();
        self.state = match self.state {
            Hex::Done => Hex::Done,
            _ if is_whole => Hex::Done,
            _ => Hex::Start,
        };
    }

    /// `None` too where nobody could hold it.
    fn len(&self) -> Option<u32> {
        u32::try_from(self.len)
            .ok()
            .filter(|_| self.state == Hex::Done)
    }

    fn step(&mut self, c: u8) -> Hex {
        match self.state {
            Hex::Start => self.begin(c),
            Hex::Prefix => self.prefix(c),
            Hex::Digits => self.digit(c),
            done => done,
        }
    }

    fn begin(&mut self, c: u8) -> Hex {
        self.len = 0;
        self.high = None;
        self.prefix = match c {
            b'0' => b"x",
            // OpenEthereum and its heirs put a word in front.
            b'R' => b"everted 0x",
            _ => return Hex::Bad,
        };
        Hex::Prefix
    }

    fn prefix(&mut self, c: u8) -> Hex {
        match self.prefix {
            [next, rest @ ..] if *next == c => {
                self.prefix = rest;
                if rest.is_empty() {
                    Hex::Digits
                } else {
                    Hex::Prefix
                }
            }
            _ => Hex::Bad,
        }
    }

    fn digit(&mut self, c: u8) -> Hex {
        let Some(digit) = hex::value(c) else {
            return Hex::Bad;
        };
        let Some(high) = self.high.take() else {
            self.high = Some(digit);
            return Hex::Digits;
        };
        if let Some(to) = self.out.get_mut(self.len) {
            *to = (high << 4) | digit;
        }
        self.len = self.len.saturating_add(1);
        Hex::Digits
    }
}
