//! What an emulated modem is made from.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use crate::{fault::Faults, names::Names, power::PowerModel};

/// Whose commands the modem understands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Dialect {
    /// Quectel EC2x, EG9x, BG9x: `QIOPEN`, `QSSLOPEN`.
    Quectel,
    /// SIMCom A76xx, SIM7600: `CIPOPEN`, `CCHOPEN`.
    Simcom,
    /// u-blox SARA-R4, SARA-R5: `USOCR`, `USOSEC`.
    Ublox,
}

/// Where the modem's UART is offered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Listen {
    /// A TCP port of this machine; port 0 takes a free one. Loopback only.
    Tcp(SocketAddr),
    /// A Unix socket, made at start and removed at stop.
    Unix(PathBuf),
    /// A pseudo terminal, whose name the handle gives.
    Pty,
}

/// When the modem switches on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PowerOn {
    /// As soon as a client is there to see the banner.
    FirstClient,
    /// At start, whoever listens.
    Start,
    /// When PWRKEY is pulsed.
    PowerKey,
}

/// What is in the SIM slot.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SimCard {
    /// A card without a PIN.
    Ready,
    /// A card that wants this PIN and allows so many wrong ones in a row.
    Pin {
        /// The right PIN.
        code: String,
        /// Tries left, 3 on a card that nobody mistreated.
        tries: u8,
    },
    /// A card blocked by wrong PINs. The PUK is `12345678`.
    Puk,
    /// None.
    Absent,
}

/// How the network answers the modem.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RegistrationOutcome {
    /// In the home network.
    Home,
    /// In another network.
    Roaming,
    /// The network refuses the card.
    Denied,
    /// No network is ever found.
    Searching,
}

/// How registration goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Registration {
    /// Time from radio on to the outcome.
    pub delay: Duration,
    /// What it comes to.
    pub outcome: RegistrationOutcome,
    /// `CREG` follows `CEREG`. On NB-IoT it does not, and stays 0.
    pub circuit_switched: bool,
    /// `<AcT>` of 27.007: 7 E-UTRAN, 9 NB-IoT; BG9x reports 8 for LTE-M.
    pub access: u8,
}

/// The network's names.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Operator {
    /// Long alphanumeric form.
    pub long: String,
    /// Short alphanumeric form.
    pub short: String,
    /// Country and network code, five or six digits.
    pub numeric: String,
}

/// What `CSQ` answers while the radio is on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Signal {
    /// 0 to 31, or 99 for not known.
    pub rssi: u8,
    /// 0 to 7, or 99 for not known.
    pub ber: u8,
}

/// What the network says the time is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Clock {
    /// The host's clock.
    Host,
    /// This Unix second at start; it goes on from there.
    Fixed(u64),
    /// The network does not say; the modem counts from its own epoch.
    Unset,
}

/// What the network wants to hear before it gives an address.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Apn {
    /// The one access point name that it serves.
    pub name: String,
    /// User name and password.
    pub login: Option<(String, String)>,
}

/// What a modem is made from. Start from [`Config::new`] and change fields.
#[derive(Clone, Debug)]
pub struct Config {
    /// Whose commands.
    pub dialect: Dialect,
    /// Where the UART is.
    pub listen: Listen,
    /// Where the control pins are, if anywhere: `P`, `R`, `D` assert PWRKEY,
    /// RESET and DTR, `p`, `r`, `d` release them. Not a pseudo terminal.
    pub control: Option<Listen>,
    /// The names that resolve, and where they lead.
    pub names: Names,
    /// When it switches on.
    pub power_on: PowerOn,
    /// Time from power to the banner.
    pub boot: Duration,
    /// `ATE1` after power on.
    pub echo: bool,
    /// The SIM slot.
    pub sim: SimCard,
    /// How registration goes.
    pub registration: Registration,
    /// The network's names.
    pub operator: Operator,
    /// The signal.
    pub signal: Signal,
    /// Network time.
    pub clock: Clock,
    /// Offset of local time from UTC in quarters of an hour.
    pub zone_quarters: i8,
    /// The only access point that the network serves; any if `None`.
    pub apn: Option<Apn>,
    /// Serial number, 15 digits.
    pub imei: String,
    /// Bits per second from the modem, ten for each byte; as fast as it goes if `None`.
    pub baud: Option<u32>,
    /// How long a modem waits for more of announced data before it gives up.
    pub data_timeout: Duration,
    /// u-blox: bytes that come sooner after the `@` prompt are lost.
    pub prompt_pause: Duration,
    /// How radio time is estimated.
    pub power: PowerModel,
    /// What goes wrong.
    pub faults: Faults,
    /// Lines kept of the transcript; older ones are forgotten.
    pub transcript_lines: usize,
    /// A file that gets every line of the transcript.
    pub transcript_file: Option<PathBuf>,
}

impl Config {
    /// A modem without faults, with a ready card, that registers at home in 50 ms.
    pub fn new(dialect: Dialect, listen: Listen) -> Self {
        Self {
            dialect,
            listen,
            control: None,
            names: Names::default(),
            power_on: PowerOn::FirstClient,
            boot: Duration::from_millis(20),
            echo: true,
            sim: SimCard::Ready,
            registration: Registration {
                delay: Duration::from_millis(50),
                outcome: RegistrationOutcome::Home,
                circuit_switched: true,
                access: 7,
            },
            operator: Operator {
                long: "Coracle Test".into(),
                short: "Coracle".into(),
                numeric: "00101".into(),
            },
            signal: Signal { rssi: 20, ber: 99 },
            clock: Clock::Host,
            zone_quarters: 0,
            apn: None,
            imei: "490154203237518".into(),
            baud: None,
            data_timeout: Duration::from_secs(10),
            prompt_pause: Duration::from_millis(40),
            power: PowerModel::default(),
            faults: Faults::none(),
            transcript_lines: 20_000,
            transcript_file: None,
        }
    }

    /// As [`Config::new`], on a free TCP port of 127.0.0.1.
    pub fn local(dialect: Dialect) -> Self {
        Self::new(dialect, Listen::Tcp(SocketAddr::from(([127, 0, 0, 1], 0))))
    }
}
