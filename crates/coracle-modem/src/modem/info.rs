//! What a modem can be asked, and what it can be told beside connections.

use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::mutex::MutexGuard;
use embedded_hal_async::delay::DelayNs;

use super::{Core, Modem, Stage};
use crate::at::{Answer, End, Exchange, Piece, Uart};
use crate::dialect::Dialect;
use crate::pins::{ControlPins, PinName};
use crate::power::PowerSaving;
use crate::{Error, NetworkTime};

use Piece::{Number, Quoted, Text};

/// A short text of the modem: ASCII, at most [`ShortText::MAX_LEN`] bytes, cut there.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct ShortText {
    bytes: [u8; Self::MAX_LEN],
    len: u8,
}

impl ShortText {
    /// Longest text: the long name of an operator.
    pub const MAX_LEN: usize = 32;

    fn new(text: &[u8]) -> Self {
        let mut bytes = [0; Self::MAX_LEN];
        let mut len = 0u8;
        for (to, from) in bytes.iter_mut().zip(text) {
            *to = *from;
            len = len.saturating_add(1);
        }
        Self { bytes, len }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        let text = self.bytes.get(..self.len.into()).unwrap_or_default();
        core::str::from_utf8(text).unwrap_or_default()
    }
}

impl core::fmt::Debug for ShortText {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.as_str().fmt(f)
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for ShortText {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{=str}", self.as_str());
    }
}

/// How well the network is received.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Signal {
    /// Strength in dBm, `-113..=-51`; none where the modem does not know it.
    pub rssi_dbm: Option<i16>,
}

/// The network that the modem is registered with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Operator {
    /// Its name, or its number where the modem shows that.
    pub name: ShortText,
    /// Access technology, 27.007 section 7.3: 0 GSM, 7 LTE, 8 and 9 NB-IoT or LTE-M.
    pub technology: Option<u8>,
}

/// Which modem this is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Identity {
    /// Its model.
    pub model: ShortText,
    /// Its firmware.
    pub revision: ShortText,
    /// Its IMEI.
    pub imei: ShortText,
}

/// The modem, taken for an operation.
type Taken<'m, 'c, D, U, P, T> = MutexGuard<'m, NoopRawMutex, Core<'c, D, U, P, T>>;

impl<'c, D, U, P, T> Modem<'c, D, U, P, T>
where
    D: Dialect,
    U: Uart,
    P: ControlPins,
    T: DelayNs,
{
    async fn ready(&self) -> Result<Taken<'_, 'c, D, U, P, T>, Error> {
        let mut core = self.enter().await;
        core.ready().await?;
        Ok(core)
    }

    /// How well the network is received. Does not need a data connection.
    ///
    /// # Errors
    ///
    /// Those of the line and of recovery.
    ///
    /// # Cancel safety
    ///
    /// Nothing remains but a line that the next operation mends.
    pub async fn signal(&self) -> Result<Signal, Error> {
        let mut core = self.ready().await?;
        let answer = Answer::with_numbers("+CSQ:", 2);
        core.at.query(&[Text("+CSQ")], answer).await?;
        // 99: not known. Two dBm a step from -113.
        let step = core.at.fields().short().filter(|step| *step <= 31);
        Ok(Signal {
            rssi_dbm: step.map(|step| step.cast_signed().wrapping_mul(2).wrapping_sub(113)),
        })
    }

    /// The network that the modem is registered with, if it is.
    ///
    /// # Errors
    ///
    /// Those of the line and of recovery.
    ///
    /// # Cancel safety
    ///
    /// As [`Modem::signal`].
    pub async fn operator(&self) -> Result<Option<Operator>, Error> {
        let mut core = self.ready().await?;
        let answer = Answer::with_numbers("+COPS:", 1);
        core.at.query(&[Text("+COPS?")], answer).await?;
        let mut fields = core.at.fields();
        let _mode = fields.bytes();
        let _format = fields.bytes();
        let Some(name) = fields.bytes() else {
            return Ok(None);
        };
        Ok(Some(Operator {
            name: ShortText::new(name),
            technology: fields.number().and_then(|code| code.try_into().ok()),
        }))
    }

    /// What the network told the modem the time is.
    ///
    /// # Errors
    ///
    /// [`Error::NoTime`] for a clock that nobody set; those of the line and of recovery.
    ///
    /// # Cancel safety
    ///
    /// As [`Modem::signal`].
    pub async fn network_time(&self) -> Result<NetworkTime, Error> {
        let mut core = self.ready().await?;
        let core = &mut *core;
        core.dialect.time(&mut core.at).await
    }

    /// Which modem this is.
    ///
    /// # Errors
    ///
    /// Those of the line and of recovery.
    ///
    /// # Cancel safety
    ///
    /// As [`Modem::signal`].
    pub async fn identity(&self) -> Result<Identity, Error> {
        let mut core = self.ready().await?;
        let mut found = [ShortText::new(b""); 3];
        for (query, text) in ["+CGMM", "+CGMR", "+CGSN"].into_iter().zip(&mut found) {
            core.at.query(&[Text(query)], Answer::new("")).await?;
            *text = ShortText::new(core.at.fields().bytes().unwrap_or_default());
        }
        let [model, revision, imei] = found;
        Ok(Identity {
            model,
            revision,
            imei,
        })
    }

    /// Asks the network for power saving, or for none.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] from a modem that knows none; those of the line and of recovery.
    ///
    /// # Cancel safety
    ///
    /// Half of it may be set.
    pub async fn power_saving(&self, saving: &PowerSaving) -> Result<(), Error> {
        let mut core = self.ready().await?;
        match saving.psm {
            None => core.at.command(&[Text("+CPSMS=0")]).await?,
            Some(psm) => {
                let (periodic, active) = (psm.periodic.bits(), psm.active.bits());
                let command = [
                    Text("+CPSMS=1,,,"),
                    Quoted(ascii(&periodic)),
                    Text(","),
                    Quoted(ascii(&active)),
                ];
                core.at.command(&command).await?
            }
        };
        match saving.edrx {
            None => core.at.command(&[Text("+CEDRXS=0")]).await?,
            Some(edrx) => {
                let cycle = edrx.cycle.bits();
                let command = [
                    Text("+CEDRXS=1,"),
                    Number(edrx.radio.code()),
                    Text(","),
                    Quoted(ascii(&cycle)),
                ];
                core.at.command(&command).await?
            }
        };
        Ok(())
    }

    /// Lets the modem sleep until it is next used: DTR is released. Connections stay.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] where DTR is not wired or the dialect has no such command.
    ///
    /// # Cancel safety
    ///
    /// The modem is awake, or sleeps.
    pub async fn sleep(&self) -> Result<(), Error> {
        let command = D::TABLE.sleep.ok_or(Error::Unsupported)?;
        let mut core = self.ready().await?;
        if !core.pins.has(PinName::Dtr) {
            return Err(Error::Unsupported);
        }
        core.at.command(&[Text(command)]).await?;
        core.pins.set(PinName::Dtr, false);
        core.asleep = true;
        Ok(())
    }

    /// Switches the modem off. The next operation switches it on, if PWRKEY is wired.
    ///
    /// # Errors
    ///
    /// Those of the line and of recovery.
    ///
    /// # Cancel safety
    ///
    /// The modem is on, or off; the next operation finds out.
    pub async fn power_off(&self) -> Result<(), Error> {
        let mut core = self.ready().await?;
        let exchange = Exchange {
            end: End::OkAnyway,
            ..Exchange::ok(core.at.timeouts().command_ms)
        };
        let command = [Text(D::TABLE.power_off)];
        match core.at.exchange(&command, exchange).await {
            // Some say so instead of `OK`.
            Ok(_) | Err(Error::Restarted) => {}
            Err(error) => return Err(error),
        }
        core.at.sockets().kill_all(false);
        core.at.status().dirty = true;
        core.heard = false;
        core.stage = Stage::Started;
        Ok(())
    }
}

/// Text of the digits 0 and 1.
fn ascii(digits: &[u8]) -> &str {
    core::str::from_utf8(digits).unwrap_or_default()
}
