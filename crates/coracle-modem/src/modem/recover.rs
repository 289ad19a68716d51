//! Getting back into step with the modem, and restarting it where that fails.

use embedded_hal_async::delay::DelayNs;

use super::{Core, PinUse, Stage};
use crate::at::{Answer, Exchange, Piece, SocketId, Uart};
use crate::dialect::Dialect;
use crate::pins::{ControlPins, PinName};
use crate::{Error, FlowControl};

use Piece::Text;

/// How often the modem is asked for a sign of life before it is restarted.
const PROBES: u32 = 3;

/// A command's time, divided by this, is what a sign of life may take.
const PROBE_PART: u32 = 3;

/// A command's time, divided by this, is what counts as silence.
const QUIET_PART: u32 = 30;

/// How long a modem takes to hear again after DTR is asserted.
const WAKE_MS: u32 = 20;

impl<D: Dialect, U: Uart, P: ControlPins, T: DelayNs> Core<'_, D, U, P, T> {
    /// Makes sure that the line is in step, the modem set up, and nothing open that is
    /// nobody's. Everything begins with this.
    pub(crate) async fn ready(&mut self) -> Result<(), Error> {
        if core::mem::take(&mut self.asleep) && self.pins.has(PinName::Dtr) {
            self.pins.set(PinName::Dtr, true);
            self.at.pause(WAKE_MS).await;
        }
        if !self.at.status().dirty {
            match self.at.catch_up().await {
                // The answer may be found among it all the same.
                Err(Error::Flood) => {}
                other => other?,
            }
        }
        if self.at.status().dirty {
            self.at.sockets().settle();
            self.resynchronise().await?;
        }
        self.take_note();
        if self.stage < Stage::SetUp {
            self.set_up().await?;
            self.stage = Stage::SetUp;
        }
        self.close_leftovers().await
    }

    /// Draws the consequences of what the modem said unasked.
    fn take_note(&mut self) {
        let status = self.at.status();
        let restarted = core::mem::take(&mut status.restarted);
        let lost = core::mem::take(&mut status.network_lost);
        let echo = core::mem::take(&mut status.echo);
        if restarted {
            self.at.sockets().kill_all(false);
            self.pin = match self.pin {
                PinUse::Sent => PinUse::Unused,
                other => other,
            };
        }
        if lost && !restarted {
            self.at.sockets().kill_all(true);
            self.stage = self.stage.min(Stage::SetUp);
            self.lost = true;
        }
        // Echo after it was switched off: a restart that went unnoticed, or a line that
        // only now settled. Connections show by themselves whether they still live.
        if restarted || echo {
            self.stage = Stage::Started;
        }
    }

    async fn resynchronise(&mut self) -> Result<(), Error> {
        // A modem that was never heard of and has a key is most likely off.
        let probes = match self.heard || !self.pins.has(PinName::PwrKey) {
            true => PROBES,
            false => 1,
        };
        self.at.status().heard = false;
        if self.probe(probes).await? {
            return Ok(());
        }
        // It said something, so it is on, and the key would switch it off.
        if self.at.status().heard && self.probe(PROBES).await? {
            return Ok(());
        }
        self.restart().await?;
        let timeouts = self.at.timeouts();
        let probe_ms = timeouts.command_ms / PROBE_PART;
        let boot = timeouts.boot_ms.checked_div(probe_ms).unwrap_or(1).max(1);
        if self.probe(boot).await? {
            self.at.status().restarted = true;
            return Ok(());
        }
        Err(Error::Silent)
    }

    /// Whether the modem answers, in step.
    ///
    /// A bare `OK` would not do: it may be that of an earlier command.
    async fn probe(&mut self, tries: u32) -> Result<bool, Error> {
        let command_ms = self.at.timeouts().command_ms;
        for _ in 0..tries {
            // A line that was begun is not ended: what it says by then may be a command of
            // its own, such as a PIN cut short. With the next command behind it, it is none.
            if self.at.status().owed > 0 && !self.at.status().half_written {
                self.at.abort_prompt().await?;
            }
            self.at.drain(command_ms / QUIET_PART).await?;
            let sign = Answer::with_numbers("+CFUN:", 1);
            let exchange = Exchange::answer(sign, command_ms / PROBE_PART);
            match self.at.exchange(&[Text("+CFUN?")], exchange).await {
                Ok(_) => {
                    self.heard = true;
                    return Ok(true);
                }
                Err(Error::Uart(kind)) => return Err(Error::Uart(kind)),
                Err(_) => {}
            }
        }
        Ok(false)
    }

    /// Restarts the modem by the best means there is. Alternates between pins, since a
    /// modem that is off needs the one and a modem that hangs the other.
    pub(super) async fn restart(&mut self) -> Result<(), Error> {
        let reset = self.pins.has(PinName::Reset);
        let key = self.pins.has(PinName::PwrKey);
        let pin = match (reset && (self.heard || !key), key) {
            (true, _) => PinName::Reset,
            (false, true) => PinName::PwrKey,
            (false, false) => return self.at.shout(b"AT+CFUN=1,1\r").await,
        };
        self.heard = false;
        self.pulse(pin).await;
        Ok(())
    }

    pub(crate) async fn pulse(&mut self, pin: PinName) {
        let pulse_ms = self.at.timeouts().pulse_ms;
        self.pins.set(pin, true);
        self.at.pause(pulse_ms).await;
        self.pins.set(pin, false);
    }

    /// What a restart makes the modem forget.
    async fn set_up(&mut self) -> Result<(), Error> {
        let flow = match self.config.flow_control {
            FlowControl::None => "+IFC=0,0",
            FlowControl::RtsCts => "+IFC=2,2",
        };
        for command in ["E0", "+CMEE=1", flow] {
            self.at.command(&[Text(command)]).await?;
        }
        // Not every modem keeps its clock by itself; one that cannot has no time to tell.
        match self.at.command(&[Text("+CTZU=1")]).await {
            Ok(_) | Err(Error::Refused | Error::RefusedWith(_)) => {}
            Err(error) => return Err(error),
        }
        // Its own echo is no sign of anything.
        self.at.status().echo = false;
        self.dialect.set_up(&mut self.at).await
    }

    /// Closes what dropped handles and dropped futures left open.
    async fn close_leftovers(&mut self) -> Result<(), Error> {
        while let Some(slot) = self.at.sockets().to_close() {
            let id = self.at.sockets().get(slot).id;
            match id.number {
                SocketId::UNKNOWN => self.close_strays(id.secure).await?,
                _ => self.close_one(id).await?,
            }
            self.at.sockets().closed(slot);
        }
        Ok(())
    }

    async fn close_one(&mut self, id: SocketId) -> Result<(), Error> {
        match self.dialect.close(&mut self.at, id).await {
            // It was closed already, which is all that was wanted.
            Err(Error::Refused | Error::RefusedWith(_)) => Ok(()),
            other => other,
        }
    }

    /// A future was dropped between the modem's making a socket and our learning its
    /// number: closes every socket that we do not know.
    async fn close_strays(&mut self, secure: bool) -> Result<(), Error> {
        let count = match secure {
            false => D::TABLE.sockets,
            true => D::TABLE.secure_sockets,
        };
        for number in 0..count {
            let id = SocketId { number, secure };
            if !self.at.sockets().has(id) {
                self.close_one(id).await?;
            }
        }
        Ok(())
    }
}
