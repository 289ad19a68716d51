//! What the modem says without being asked.

/// A line that the modem says unasked, and what it means.
#[derive(Clone, Copy, Debug)]
pub struct Urc {
    /// What the line begins with; where it concerns a socket, the first number after this
    /// is the socket's.
    pub prefix: &'static str,
    /// What it means.
    pub meaning: Meaning,
}

impl Urc {
    /// A line and its meaning.
    pub const fn new(prefix: &'static str, meaning: Meaning) -> Self {
        Self { prefix, meaning }
    }
}

/// What an unsolicited line means.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Meaning {
    /// A socket has something to read.
    Readable(Channel),
    /// The other side closed a socket; there may still be something to read.
    Closed(Channel),
    /// The data connection is gone, and all sockets with it.
    NetworkLost,
    /// The modem restarted.
    Restarted,
    /// Registration changed; nothing depends on it, since registration is asked for when
    /// it is needed.
    Registration,
    /// Nothing to this driver: known so that it is not taken for a bare answer.
    Nothing,
}

/// Which of the modem's sockets a number counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Channel {
    /// Plain ones.
    Plain,
    /// Those with TLS.
    Secure,
    /// One numbering for both.
    Any,
}

impl Channel {
    pub(crate) const fn secure(self) -> Option<bool> {
        match self {
            Self::Plain => Some(false),
            Self::Secure => Some(true),
            Self::Any => None,
        }
    }
}

/// Lines that every modem may say.
pub(crate) const COMMON: &[Urc] = &[
    Urc::new("RDY", Meaning::Restarted),
    Urc::new("+CREG:", Meaning::Registration),
    Urc::new("+CEREG:", Meaning::Registration),
    Urc::new("+CGREG:", Meaning::Registration),
    Urc::new("+CPIN:", Meaning::Nothing),
    Urc::new("+CFUN:", Meaning::Nothing),
    Urc::new("+CTZ", Meaning::Nothing),
    Urc::new("+CGEV:", Meaning::Nothing),
    Urc::new("+CMTI:", Meaning::Nothing),
    Urc::new("RING", Meaning::Nothing),
    Urc::new("NO CARRIER", Meaning::Nothing),
];
