//! What goes wrong, when and how often.
//!
//! A fault has opportunities (a command, a line, a payload, a connection) and fires at
//! some of them: after `skip` of them, with a probability, `max` times at most. As every
//! fault has a `max`, a run with faults ends in one without, and a driver that recovers
//! gets through at last.

/// A way to misbehave.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum FaultKind {
    /// The rest of an answer comes late, by up to [`Faults::delay`].
    Late,
    /// An answer comes byte by byte.
    OneByte,
    /// What is said within [`Faults::delay`] comes at once, afterwards.
    Burst,
    /// `\r\r\n` in front of a line.
    CrCrLf,
    /// An unsolicited line where one text ends and the next begins.
    UrcBetween,
    /// Noise before the banner.
    BootGarbage,
    /// Echo switches itself on.
    EchoOn,
    /// A byte of a line is lost.
    LineDrop,
    /// A bit of a line is flipped.
    LineFlip,
    /// A byte of a command is lost.
    CommandDrop,
    /// A bit of a command is flipped.
    CommandFlip,
    /// A byte of received data is lost on the UART.
    PayloadDrop,
    /// A bit of received data is flipped on the UART.
    PayloadFlip,
    /// A bit of data to send is flipped on the UART.
    UploadFlip,
    /// A command is ignored.
    Silence,
    /// A command is refused with `+CME ERROR`.
    CmeError,
    /// The prompt for data is lost; the modem waits for the data.
    MissingPrompt,
    /// Data to send is refused when it is complete.
    SendFail,
    /// Part of the data is sent, and the result says so (SIMCom, u-blox).
    ShortWrite,
    /// The modem restarts in the middle of a command.
    Reset,
    /// The network takes the data connection away.
    PdpLoss,
    /// The network is lost for [`Faults::outage`].
    RegistrationLoss,
    /// The connection ends before its data is read.
    CloseBeforeRead,
    /// The line that tells of received data is lost; none follows until it is read.
    RecvUrcLost,
    /// A TCP connection is refused.
    ConnectRefused,
    /// A name does not resolve.
    DnsFailure,
}

impl FaultKind {
    /// Every kind.
    pub const ALL: [Self; 26] = [
        Self::Late,
        Self::OneByte,
        Self::Burst,
        Self::CrCrLf,
        Self::UrcBetween,
        Self::BootGarbage,
        Self::EchoOn,
        Self::LineDrop,
        Self::LineFlip,
        Self::CommandDrop,
        Self::CommandFlip,
        Self::PayloadDrop,
        Self::PayloadFlip,
        Self::UploadFlip,
        Self::Silence,
        Self::CmeError,
        Self::MissingPrompt,
        Self::SendFail,
        Self::ShortWrite,
        Self::Reset,
        Self::PdpLoss,
        Self::RegistrationLoss,
        Self::CloseBeforeRead,
        Self::RecvUrcLost,
        Self::ConnectRefused,
        Self::DnsFailure,
    ];

    /// Nothing is lost or changed: a driver has to cope without a second try.
    pub const fn is_harmless(self) -> bool {
        matches!(
            self,
            Self::Late
                | Self::OneByte
                | Self::Burst
                | Self::CrCrLf
                | Self::UrcBetween
                | Self::BootGarbage
                | Self::EchoOn
        )
    }

    /// Changes the bytes of a connection, which no modem notices: only what runs over the
    /// connection can.
    pub const fn corrupts_payload(self) -> bool {
        matches!(
            self,
            Self::PayloadDrop | Self::PayloadFlip | Self::UploadFlip
        )
    }
}

/// One fault and when it fires.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fault {
    kind: FaultKind,
    skip: u32,
    per_mille: u16,
    max: u32,
    command: Option<String>,
}

impl Fault {
    /// Fires at the first opportunity, once.
    pub const fn once(kind: FaultKind) -> Self {
        Self {
            kind,
            skip: 0,
            per_mille: 1000,
            max: 1,
            command: None,
        }
    }

    /// Lets so many opportunities pass first.
    #[must_use]
    pub const fn after(mut self, skip: u32) -> Self {
        self.skip = skip;
        self
    }

    /// Fires so many times at most.
    #[must_use]
    pub const fn times(mut self, max: u32) -> Self {
        self.max = max;
        self
    }

    /// Fires with this probability, in thousandths.
    #[must_use]
    pub const fn rate(mut self, per_mille: u16) -> Self {
        self.per_mille = per_mille;
        self
    }

    /// Fires only while the last command line is one that starts so, `AT+QISEND` say.
    ///
    /// What comes by itself afterwards belongs to that line, too.
    #[must_use]
    pub fn on(mut self, command: &str) -> Self {
        self.command = Some(command.to_ascii_uppercase());
        self
    }
}

/// A fault script.
#[derive(Clone, Debug)]
pub struct Faults {
    list: Vec<Fault>,
    random: Random,
    delay_ms: u32,
    outage_ms: u32,
    fired: Vec<(FaultKind, u32)>,
}

impl Faults {
    /// Nothing goes wrong.
    pub const fn none() -> Self {
        Self {
            list: Vec::new(),
            random: Random(0),
            delay_ms: 20,
            outage_ms: 100,
            fired: Vec::new(),
        }
    }

    /// About half of the kinds, with probabilities drawn from `seed`: harmless ones up to
    /// 12 % and 40 times, the others up to 3 % and 3 times. None changes payload; see
    /// [`Faults::with_payload_corruption`].
    pub fn from_seed(seed: u64) -> Self {
        let mut faults = Self {
            random: Random(seed),
            ..Self::none()
        };
        for kind in FaultKind::ALL {
            if !kind.corrupts_payload() {
                faults.draw(kind);
            }
        }
        faults
    }

    /// Adds lost and flipped bytes of payload, up to 3 % of transfers and 3 times each.
    #[must_use]
    pub fn with_payload_corruption(mut self) -> Self {
        for kind in FaultKind::ALL {
            if kind.corrupts_payload() {
                self.draw(kind);
            }
        }
        self
    }

    /// Adds a fault to the script.
    #[must_use]
    pub fn with(mut self, fault: Fault) -> Self {
        self.add(fault);
        self
    }

    /// Takes a kind out of the script.
    #[must_use]
    pub fn without(mut self, kind: FaultKind) -> Self {
        self.list.retain(|fault| fault.kind != kind);
        self
    }

    /// Longest delay of a late byte, in milliseconds; 20 unless set.
    #[must_use]
    pub const fn delay(mut self, ms: u32) -> Self {
        self.delay_ms = ms;
        self
    }

    /// How long the network is away, in milliseconds; 100 unless set.
    #[must_use]
    pub const fn outage(mut self, ms: u32) -> Self {
        self.outage_ms = ms;
        self
    }

    /// How often each kind fired.
    pub fn fired(&self) -> &[(FaultKind, u32)] {
        &self.fired
    }

    pub(crate) const fn delay_ms(&self) -> u32 {
        self.delay_ms
    }

    pub(crate) const fn outage_ms(&self) -> u32 {
        self.outage_ms
    }

    pub(crate) fn add(&mut self, fault: Fault) {
        self.list.push(fault);
    }

    /// Whether `kind` happens at this opportunity.
    pub(crate) fn fires(&mut self, kind: FaultKind, command: &str) -> bool {
        let Self { list, random, .. } = self;
        let mut due = list.iter_mut().filter(|fault| fault.kind == kind);
        let is_due = due.any(|fault| fault.is_due(random, command));
        if is_due {
            self.count(kind);
        }
        is_due
    }

    /// A number below `bound`; 0 if that is 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.random.below(bound)
    }

    fn draw(&mut self, kind: FaultKind) {
        if self.random.below(2) == 0 {
            return;
        }
        let (most, max) = match kind.is_harmless() {
            true => (120, 40),
            false => (30, 3),
        };
        let per_mille = u16::try_from(1 + self.random.below(most)).unwrap_or(1);
        let fault = Fault::once(kind).rate(per_mille).times(max);
        self.list.push(fault);
    }

    fn count(&mut self, kind: FaultKind) {
        match self.fired.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, count)) => *count += 1,
            None => self.fired.push((kind, 1)),
        }
    }
}

impl Fault {
    fn is_due(&mut self, random: &mut Random, command: &str) -> bool {
        if self.max == 0 {
            return false;
        }
        if let Some(prefix) = &self.command
            && !command.to_ascii_uppercase().starts_with(prefix)
        {
            return false;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        if random.below(1000) >= usize::from(self.per_mille) {
            return false;
        }
        self.max -= 1;
        true
    }
}

/// SplitMix64: enough for faults, the same on every machine.
#[derive(Clone, Debug)]
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).unwrap_or(u64::MAX);
        match self.next().checked_rem(bound) {
            Some(number) => usize::try_from(number).unwrap_or(0),
            None => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_itself_and_another_differs() {
        let script = |seed| Faults::from_seed(seed).list;
        assert_eq!(script(7), script(7));
        assert_ne!(script(7), script(8));
    }

    #[test]
    fn every_seed_ends() {
        for seed in 0..50 {
            let mut faults = Faults::from_seed(seed).with_payload_corruption();
            let most: u32 = faults.list.iter().map(|fault| fault.max).sum();
            for _ in 0..20_000 {
                for kind in FaultKind::ALL {
                    faults.fires(kind, "AT");
                }
            }
            let fired: u32 = faults.fired().iter().map(|(_, count)| count).sum();
            assert!(fired <= most, "seed {seed}");
            for kind in FaultKind::ALL {
                assert!(!faults.fires(kind, "AT"), "seed {seed}: {kind:?}");
            }
        }
    }

    #[test]
    fn a_seed_leaves_payload_alone_unless_told() {
        let mut corrupting = 0;
        for seed in 0..50 {
            let is_bad = |fault: &Fault| fault.kind.corrupts_payload();
            let plain = Faults::from_seed(seed);
            assert!(!plain.list.iter().any(is_bad), "seed {seed}");
            let more = plain.with_payload_corruption();
            corrupting += usize::from(more.list.iter().any(is_bad));
        }
        assert!(corrupting > 30);
    }

    #[test]
    fn a_fault_waits_for_its_command_and_its_turn() {
        let fault = Fault::once(FaultKind::Silence).on("at+qisend").after(1);
        let mut faults = Faults::none().with(fault);
        assert!(!faults.fires(FaultKind::Silence, "AT+CSQ"));
        assert!(!faults.fires(FaultKind::Silence, "AT+QISEND=0,5"));
        assert!(!faults.fires(FaultKind::Reset, "AT+QISEND=0,5"));
        assert!(faults.fires(FaultKind::Silence, "AT+QISEND=0,5"));
        assert!(!faults.fires(FaultKind::Silence, "AT+QISEND=0,5"));
    }
}
