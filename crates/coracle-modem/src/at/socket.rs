//! What is known of the modem's sockets without asking it.

use crate::Error;

/// Sockets that this driver keeps at once.
pub(crate) const SLOTS: u8 = 4;

/// A socket of the modem.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct SocketId {
    /// The modem's number for it; [`SocketId::UNKNOWN`] until the modem has given one.
    pub number: u8,
    /// Whether it is one of the modem's TLS sockets.
    pub secure: bool,
}

impl SocketId {
    /// No number yet.
    pub const UNKNOWN: u8 = u8::MAX;
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum State {
    /// Nobody's.
    Free,
    /// Being opened. Whoever finds it so finds what a dropped future left.
    Opening,
    /// Open, and somebody's.
    Open,
    /// Open, with a transfer under way. Found so as above: what was transferred is unknown.
    Busy,
    /// Nobody's, and not yet closed in the modem.
    Closing,
    /// Somebody's, but gone in the modem, or to be closed there if the flag is set.
    Dead { close: bool },
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot {
    pub(crate) state: State,
    pub(crate) id: SocketId,
    /// There may be something to read.
    pub(crate) readable: bool,
    /// The other side closed.
    pub(crate) closed: bool,
}

const FREE: Slot = Slot {
    state: State::Free,
    id: SocketId {
        number: SocketId::UNKNOWN,
        secure: false,
    },
    readable: false,
    closed: false,
};

pub(crate) struct Sockets {
    slots: [Slot; SLOTS as usize],
    /// Where the search for a free slot begins: a number that was just closed is taken
    /// last, so that late news of the old connection do not meet the new one.
    next: u8,
}

impl Sockets {
    pub(crate) const fn new() -> Self {
        Self {
            slots: [FREE; SLOTS as usize],
            next: 0,
        }
    }

    pub(crate) fn get(&self, slot: u8) -> Slot {
        self.slots.get(usize::from(slot)).copied().unwrap_or(FREE)
    }

    pub(crate) fn set(&mut self, slot: u8, state: State) {
        if let Some(slot) = self.slots.get_mut(usize::from(slot)) {
            slot.state = state;
        }
    }

    pub(crate) fn set_readable(&mut self, slot: u8, readable: bool) {
        if let Some(slot) = self.slots.get_mut(usize::from(slot)) {
            slot.readable = readable;
        }
    }

    pub(crate) fn set_number(&mut self, slot: u8, number: u8) {
        if let Some(slot) = self.slots.get_mut(usize::from(slot)) {
            slot.id.number = number;
        }
    }

    /// Takes a free slot among the first `limit`.
    pub(crate) fn reserve(&mut self, secure: bool, limit: u8) -> Result<u8, Error> {
        let limit = limit.min(SLOTS);
        for _ in 0..limit {
            let slot = self.next.checked_rem(limit).unwrap_or(0);
            self.next = slot.wrapping_add(1);
            if self.get(slot).state == State::Free {
                self.open(slot, secure);
                return Ok(slot);
            }
        }
        Err(Error::NoSocket)
    }

    fn open(&mut self, slot: u8, secure: bool) {
        if let Some(slot) = self.slots.get_mut(usize::from(slot)) {
            *slot = FREE;
            slot.state = State::Opening;
            slot.id.secure = secure;
        }
    }

    /// A handle was dropped.
    pub(crate) fn abandon(&mut self, slot: u8) {
        let state = match self.get(slot).state {
            State::Dead { close: false } | State::Free => State::Free,
            _ => State::Closing,
        };
        self.set(slot, state);
    }

    /// The modem forgot all connections.
    pub(crate) fn kill_all(&mut self, close: bool) {
        for slot in &mut self.slots {
            slot.state = match slot.state {
                State::Open | State::Busy => State::Dead { close },
                State::Opening | State::Closing if !close => State::Free,
                State::Dead { .. } if !close => State::Dead { close },
                other => other,
            };
        }
    }

    /// Turns what dropped futures left into what has to be closed.
    pub(crate) fn settle(&mut self) {
        for slot in &mut self.slots {
            slot.state = match slot.state {
                State::Opening => State::Closing,
                State::Busy => State::Dead { close: true },
                other => other,
            };
        }
    }

    /// A slot that has to be closed in the modem.
    pub(crate) fn to_close(&self) -> Option<u8> {
        (0..SLOTS).find(|slot| {
            matches!(
                self.get(*slot).state,
                State::Closing | State::Dead { close: true }
            )
        })
    }

    /// The modem has closed what was to be closed.
    pub(crate) fn closed(&mut self, slot: u8) {
        let state = match self.get(slot).state {
            State::Dead { .. } => State::Dead { close: false },
            _ => State::Free,
        };
        self.set(slot, state);
    }

    /// Whether some slot has this socket of the modem.
    pub(crate) fn has(&self, id: SocketId) -> bool {
        self.slots
            .iter()
            .any(|slot| slot.state != State::Free && slot.id == id)
    }

    /// Runs `f` on the slots that news concern. Both kinds of sockets where `secure` is
    /// `None`.
    pub(crate) fn note(&mut self, secure: Option<bool>, number: u32, f: fn(&mut Slot)) {
        for slot in &mut self.slots {
            let kind = secure.is_none_or(|secure| secure == slot.id.secure);
            if kind && u32::from(slot.id.number) == number && slot.state != State::Free {
                f(slot);
            }
        }
    }
}
