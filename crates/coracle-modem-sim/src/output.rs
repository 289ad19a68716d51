//! From what the modem says to bytes on the wire, through the faults.

use std::time::Duration;

use crate::{
    fault::{FaultKind, Faults},
    host::Piece,
    transcript::printable,
};

/// A piece of output that no unsolicited line may cut.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Token {
    pub(crate) head: Vec<u8>,
    pub(crate) payload: Vec<u8>,
    pub(crate) tail: Vec<u8>,
    /// Echo and prompts are not lines.
    pub(crate) is_line: bool,
}

impl Token {
    /// Text that belongs to no line: echo, prompt.
    pub(crate) fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            head: bytes.into(),
            ..Self::default()
        }
    }

    pub(crate) fn line(text: impl Into<Vec<u8>>) -> Self {
        Self {
            head: text.into(),
            is_line: true,
            ..Self::default()
        }
    }

    /// The transcript's view.
    pub(crate) fn shown(&self) -> String {
        let mut text = printable(trim(&self.head));
        if !self.payload.is_empty() {
            text.push_str(&format!(" [{} bytes]", self.payload.len()));
            text.push_str(&printable(trim(&self.tail)));
        }
        text
    }

    fn bytes(self) -> Vec<u8> {
        [self.head, self.payload, self.tail].concat()
    }
}

fn trim(bytes: &[u8]) -> &[u8] {
    bytes.trim_ascii()
}

/// A fault that changed a token, for the transcript.
pub(crate) type Note = (FaultKind, String);

/// Changes tokens as the script says.
pub(crate) fn spoil(
    tokens: Vec<Token>,
    urc: &str,
    faults: &mut Faults,
    command: &str,
    notes: &mut Vec<Note>,
) -> Vec<Token> {
    let mut out = Vec::with_capacity(tokens.len());
    for mut token in tokens {
        if faults.fires(FaultKind::UrcBetween, command) {
            notes.push((FaultKind::UrcBetween, urc.to_owned()));
            out.push(Token::line(format!("\r\n{urc}\r\n")));
        }
        if token.is_line {
            spoil_line(&mut token, faults, command, notes);
        }
        if !token.payload.is_empty() {
            spoil_payload(&mut token, faults, command, notes);
        }
        out.push(token);
    }
    if out.last().is_some_and(|token| token.is_line) && faults.fires(FaultKind::UrcBetween, command)
    {
        notes.push((FaultKind::UrcBetween, urc.to_owned()));
        out.push(Token::line(format!("\r\n{urc}\r\n")));
    }
    out
}

fn spoil_line(token: &mut Token, faults: &mut Faults, command: &str, notes: &mut Vec<Note>) {
    if token.head.starts_with(b"\r\n") && faults.fires(FaultKind::CrCrLf, command) {
        notes.push((FaultKind::CrCrLf, token.shown()));
        token.head.insert(0, b'\r');
    }
    if faults.fires(FaultKind::LineDrop, command) {
        notes.push((FaultKind::LineDrop, token.shown()));
        drop_byte(&mut token.head, faults);
    }
    if faults.fires(FaultKind::LineFlip, command) {
        notes.push((FaultKind::LineFlip, token.shown()));
        flip_bit(&mut token.head, faults);
    }
}

fn spoil_payload(token: &mut Token, faults: &mut Faults, command: &str, notes: &mut Vec<Note>) {
    if faults.fires(FaultKind::PayloadDrop, command) {
        notes.push((FaultKind::PayloadDrop, token.shown()));
        drop_byte(&mut token.payload, faults);
    }
    if faults.fires(FaultKind::PayloadFlip, command) {
        notes.push((FaultKind::PayloadFlip, token.shown()));
        flip_bit(&mut token.payload, faults);
    }
}

pub(crate) fn drop_byte(bytes: &mut Vec<u8>, faults: &mut Faults) {
    if !bytes.is_empty() {
        bytes.remove(faults.below(bytes.len()));
    }
}

pub(crate) fn flip_bit(bytes: &mut [u8], faults: &mut Faults) {
    let (place, bit) = (faults.below(bytes.len()), faults.below(8));
    if let Some(byte) = bytes.get_mut(place) {
        *byte ^= 1 << bit;
    }
}

/// Cuts an answer into what is written at one time.
pub(crate) fn pace(
    tokens: Vec<Token>,
    baud: Option<u32>,
    faults: &mut Faults,
    command: &str,
    notes: &mut Vec<Note>,
) -> Vec<Piece> {
    let bytes: Vec<u8> = tokens.into_iter().flat_map(Token::bytes).collect();
    let mut pieces = vec![Piece {
        wait: Duration::ZERO,
        bytes,
    }];
    let delay = Duration::from_millis(faults.delay_ms().into());
    if faults.fires(FaultKind::Burst, command) {
        notes.push((FaultKind::Burst, format!("{delay:?}")));
        pieces.iter_mut().for_each(|piece| piece.wait = delay);
    }
    if faults.fires(FaultKind::Late, command) {
        let most = usize::try_from(faults.delay_ms()).unwrap_or(0);
        let late = u64::try_from(1 + faults.below(most)).unwrap_or(1);
        let wait = Duration::from_millis(late);
        notes.push((FaultKind::Late, format!("{wait:?}")));
        pieces = split_late(pieces, wait, faults);
    }
    if faults.fires(FaultKind::OneByte, command) {
        notes.push((FaultKind::OneByte, String::new()));
        pieces = single_bytes(pieces);
    }
    match baud {
        Some(baud) => throttle(pieces, baud),
        None => pieces,
    }
}

fn split_late(pieces: Vec<Piece>, wait: Duration, faults: &mut Faults) -> Vec<Piece> {
    let mut out = Vec::new();
    for mut piece in pieces {
        let tail = piece.bytes.split_off(faults.below(piece.bytes.len()));
        out.push(piece);
        out.push(Piece { wait, bytes: tail });
    }
    out
}

/// Short waits between the bytes, or the host's buffers would join them again.
fn single_bytes(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut out = Vec::new();
    for piece in pieces {
        let mut wait = piece.wait;
        for byte in piece.bytes {
            out.push(Piece {
                wait,
                bytes: vec![byte],
            });
            wait = Duration::from_micros(50);
        }
    }
    out
}

/// Writes of about a millisecond each, with the time that they take on the line.
fn throttle(pieces: Vec<Piece>, baud: u32) -> Vec<Piece> {
    let per_ms = usize::try_from(baud / 10_000).unwrap_or(1).max(1);
    let byte = Duration::from_nanos(10_000_000_000 / u64::from(baud.max(1)));
    let mut out = Vec::new();
    for piece in pieces {
        let mut wait = piece.wait;
        for chunk in piece.bytes.chunks(per_ms) {
            let count = u32::try_from(chunk.len()).unwrap_or(1);
            out.push(Piece {
                wait: wait + byte * count,
                bytes: chunk.to_vec(),
            });
            wait = Duration::ZERO;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Fault;

    fn paced(kind: Option<FaultKind>, baud: Option<u32>) -> (Vec<Piece>, usize) {
        let fault = kind.map(Fault::once);
        let mut faults = fault.map_or(Faults::none(), |fault| Faults::none().with(fault));
        let mut notes = Vec::new();
        let tokens = vec![Token::raw("AT\r"), Token::line("\r\nOK\r\n")];
        let pieces = pace(tokens, baud, &mut faults, "AT", &mut notes);
        (pieces, notes.len())
    }

    fn joined(pieces: &[Piece]) -> Vec<u8> {
        let bytes = pieces.iter().map(|piece| piece.bytes.as_slice());
        bytes.collect::<Vec<_>>().concat()
    }

    fn waits(pieces: &[Piece]) -> Duration {
        pieces.iter().map(|piece| piece.wait).sum()
    }

    #[test]
    fn an_answer_is_one_write() {
        let (pieces, notes) = paced(None, None);
        assert_eq!((pieces.len(), notes), (1, 0));
        assert_eq!(waits(&pieces), Duration::ZERO);
    }

    #[test]
    fn pacing_changes_no_byte() {
        for kind in [FaultKind::Late, FaultKind::Burst, FaultKind::OneByte] {
            let (pieces, notes) = paced(Some(kind), None);
            assert_eq!(joined(&pieces), b"AT\r\r\nOK\r\n", "{kind:?}");
            assert_eq!(notes, 1, "{kind:?}");
            assert!(waits(&pieces) > Duration::ZERO, "{kind:?}");
        }
    }

    #[test]
    fn single_bytes_are_single() {
        let (pieces, _) = paced(Some(FaultKind::OneByte), None);
        assert_eq!(pieces.len(), 9);
    }

    #[test]
    fn a_late_rest_waits_as_long_as_allowed() {
        let (pieces, _) = paced(Some(FaultKind::Late), None);
        assert_eq!(pieces.len(), 2);
        assert!(waits(&pieces) <= Duration::from_millis(20));
    }

    #[test]
    fn a_line_rate_gives_each_byte_its_time() {
        let (pieces, _) = paced(None, Some(9600));
        assert_eq!(joined(&pieces).len(), 9);
        let want = Duration::from_nanos(9 * (10_000_000_000 / 9600));
        assert_eq!(waits(&pieces), want);
    }
}
