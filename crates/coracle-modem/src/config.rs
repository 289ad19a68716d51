//! What a modem needs to know from its user.

use core::fmt;

/// What a modem needs to know from its user. Texts may have no quotes, backslashes or
/// control characters, since AT commands cannot carry them.
#[derive(Clone, Copy, Debug)]
pub struct Config<'c> {
    /// Name of the access point; empty for the network's own choice.
    pub apn: &'c str,
    /// How the access point is told who we are.
    pub authentication: Option<Authentication<'c>>,
    /// PIN of the SIM. Sent at most once a power-up, and not for its last try.
    pub pin: Option<Pin<'c>>,
    /// What of the serial line is wired.
    pub flow_control: FlowControl,
    /// What TLS of the modem trusts; without it there is none.
    pub tls: Option<Tls<'c>>,
    /// How long to wait for what.
    pub timeouts: Timeouts,
}

impl<'c> Config<'c> {
    /// An access point without authentication, no PIN, RTS and CTS not wired, no TLS.
    pub const fn new(apn: &'c str) -> Self {
        Self {
            apn,
            authentication: None,
            pin: None,
            flow_control: FlowControl::None,
            tls: None,
            timeouts: Timeouts::USUAL,
        }
    }
}

/// How the access point is told who we are.
#[derive(Clone, Copy)]
pub struct Authentication<'c> {
    /// The protocol.
    pub method: AuthenticationMethod,
    /// User name.
    pub user: &'c str,
    /// Password; not shown by `Debug`.
    pub password: &'c str,
}

impl fmt::Debug for Authentication<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authentication")
    }
}

/// Protocol of an access point's authentication.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum AuthenticationMethod {
    /// The password goes in clear to the network.
    Pap,
    /// The password answers a challenge.
    Chap,
}

/// PIN of a SIM: four to eight digits; `Debug` does not show them.
#[derive(Clone, Copy)]
pub struct Pin<'c>(&'c str);

impl<'c> Pin<'c> {
    /// `None` for anything but four to eight digits.
    pub fn new(digits: &'c str) -> Option<Self> {
        let fits = (4..=8).contains(&digits.len()) && digits.bytes().all(|c| c.is_ascii_digit());
        fits.then_some(Self(digits))
    }

    pub(crate) const fn digits(&self) -> &'c str {
        self.0
    }
}

impl fmt::Debug for Pin<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pin")
    }
}

/// Which lines stop the sender before bytes are lost.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum FlowControl {
    /// Neither is wired: the UART's buffer has to be large enough for a whole read.
    None,
    /// RTS and CTS are wired; the modem is told to heed them.
    RtsCts,
}

/// What TLS of the modem trusts.
#[derive(Clone, Copy, Debug)]
pub struct Tls<'c> {
    /// Certificates of the authorities that may vouch for a server.
    pub roots: Roots<'c>,
    /// Whether certificates outside their dates are refused. A modem whose clock was not
    /// set by the network refuses all of them then.
    pub check_dates: bool,
    /// Accepts any server with a certificate of a trusted authority, whatever name it is
    /// made out to. For modems that cannot compare names, and for authorities that vouch
    /// for your servers alone.
    pub dangerous_any_name: bool,
}

/// Where the trusted certificates come from.
#[derive(Clone, Copy, Debug)]
pub enum Roots<'c> {
    /// One certificate as PEM, written into the modem's memory once.
    Pem(&'c [u8]),
    /// A file that is in the modem already, by its name there.
    Stored(&'c str),
}

/// How long to wait, in milliseconds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Timeouts {
    /// A command that asks no one but the modem.
    pub command_ms: u32,
    /// From power to the first answer.
    pub boot_ms: u32,
    /// The SIM after power-up.
    pub sim_ms: u32,
    /// Finding a network.
    pub register_ms: u32,
    /// The data connection.
    pub attach_ms: u32,
    /// Resolving a name, connecting, the TLS handshake.
    pub open_ms: u32,
    /// Bytes into the modem's buffer.
    pub send_ms: u32,
    /// Closing a connection.
    pub close_ms: u32,
    /// The other side's next byte.
    pub read_ms: u32,
    /// Without news from the modem it is asked after this while whether there is data.
    pub poll_ms: u32,
    /// Between two questions about SIM or network.
    pub pause_ms: u32,
    /// How long PWRKEY or RESET is asserted.
    pub pulse_ms: u32,
}

impl Timeouts {
    /// What the manuals name, and what networks take.
    pub const USUAL: Self = Self {
        command_ms: 3_000,
        boot_ms: 20_000,
        sim_ms: 15_000,
        register_ms: 180_000,
        attach_ms: 150_000,
        open_ms: 150_000,
        send_ms: 30_000,
        close_ms: 15_000,
        read_ms: 60_000,
        poll_ms: 5_000,
        pause_ms: 1_000,
        pulse_ms: 1_000,
    };

    /// Everything `n` times as fast, at least a millisecond: for emulators and tests.
    #[must_use]
    pub fn divided_by(self, n: u32) -> Self {
        let part = |ms: u32| ms.checked_div(n).unwrap_or(ms).max(1);
        Self {
            command_ms: part(self.command_ms),
            boot_ms: part(self.boot_ms),
            sim_ms: part(self.sim_ms),
            register_ms: part(self.register_ms),
            attach_ms: part(self.attach_ms),
            open_ms: part(self.open_ms),
            send_ms: part(self.send_ms),
            close_ms: part(self.close_ms),
            read_ms: part(self.read_ms),
            poll_ms: part(self.poll_ms),
            pause_ms: part(self.pause_ms),
            pulse_ms: part(self.pulse_ms),
        }
    }
}
