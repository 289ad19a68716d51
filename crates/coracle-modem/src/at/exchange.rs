//! What a command brings about.

use super::text::Answer;

/// What ends an exchange.
#[derive(Clone, Copy, Debug)]
pub enum End {
    /// `OK`; the answer, where one is awaited, before it.
    Ok,
    /// `OK`, and before it an answer or none.
    OkAnyway,
    /// The answer alone.
    Answer,
    /// `OK` and the answer, in whichever order.
    OkAndAnswer,
    /// A line of the command's own, or its opposite, which is [`Error::SendFailed`](crate::Error::SendFailed).
    Line(&'static Ends),
}

/// The lines that end a command which has its own.
#[derive(Clone, Copy, Debug)]
pub struct Ends {
    /// As wished.
    pub good: &'static str,
    /// Not as wished.
    pub bad: &'static str,
}

/// Payload that goes to the modem when it prompts.
#[derive(Clone, Copy)]
pub struct Prompted<'a> {
    /// What asks for it.
    pub prompt: Prompt,
    /// The payload, of the length that the command announced.
    pub payload: &'a [u8],
    /// How long to wait after the prompt.
    pub pause_ms: u32,
}

/// What asks for payload.
#[derive(Clone, Copy, Debug)]
pub enum Prompt {
    /// A character that no line's end follows.
    Character(u8),
    /// A line.
    Line(&'static str),
}

/// Payload that comes from the modem.
pub struct Block<'a> {
    /// The line that announces it.
    pub header: Answer<'a>,
    /// Which field of the header, from 0, is the payload's length in bytes.
    pub length_field: u8,
    /// How the payload comes.
    pub form: Form,
    /// Where it goes; several blocks one after another.
    pub out: &'a mut [u8],
}

/// How payload comes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Form {
    /// As it is, after the header's line.
    Lines,
    /// Two hexadecimal digits a byte, after the header's line.
    Hex,
    /// As it is, between quotes, as the header's last field.
    Quoted,
}

/// What a command brings about.
pub struct Exchange<'a> {
    /// The answer, where there is one.
    pub answer: Option<Answer<'a>>,
    /// Payload to the modem, where there is some.
    pub send: Option<&'a Prompted<'a>>,
    /// Payload from the modem, where there is some.
    pub receive: Option<&'a mut Block<'a>>,
    /// What ends it.
    pub end: End,
    /// How long each direction may take, in milliseconds.
    pub timeout_ms: u32,
}

impl<'a> Exchange<'a> {
    /// Nothing but `OK`.
    pub const fn ok(timeout_ms: u32) -> Self {
        Self {
            answer: None,
            send: None,
            receive: None,
            end: End::Ok,
            timeout_ms,
        }
    }

    /// An answer, then `OK`.
    pub const fn answer(answer: Answer<'a>, timeout_ms: u32) -> Self {
        Self {
            answer: Some(answer),
            ..Self::ok(timeout_ms)
        }
    }

    /// `OK`, and later, or sooner, an answer.
    pub const fn late(answer: Answer<'a>, timeout_ms: u32) -> Self {
        Self {
            end: End::OkAndAnswer,
            ..Self::answer(answer, timeout_ms)
        }
    }
}
