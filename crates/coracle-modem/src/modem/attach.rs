//! From a modem that answers to a data connection.

use embedded_hal_async::delay::DelayNs;

use super::{Core, PinUse, Stage};
use crate::Error;
use crate::at::{Answer, Exchange, Piece, Status, Uart};
use crate::dialect::{Dialect, optional};
use crate::pins::ControlPins;

use Piece::{Quoted, Text};

/// How many refusals in a row make a refusal: while it searches, a network may turn a
/// device away that another takes.
const DENIALS: u8 = 3;

/// What a network says of us.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Registration {
    Registered,
    Searching,
    Denied,
}

impl<D: Dialect, U: Uart, P: ControlPins, T: DelayNs> Core<'_, D, U, P, T> {
    /// Makes sure that there is a data connection.
    pub(crate) async fn attach(&mut self) -> Result<(), Error> {
        self.ready().await?;
        if self.stage == Stage::Attached {
            return Ok(());
        }
        match self.attach_once().await {
            // It restarted under our hands, as modems do that just came up: once more.
            Err(Error::Restarted) => {
                self.ready().await?;
                self.attach_once().await?;
            }
            other => other?,
        }
        self.stage = Stage::Attached;
        Ok(())
    }

    async fn attach_once(&mut self) -> Result<(), Error> {
        self.unlock_sim().await?;
        self.radio_on().await?;
        self.define_context().await?;
        self.register().await?;
        if self.lost {
            let ended = self.dialect.deactivate(&mut self.at).await;
            optional(ended.map(|()| 0))?;
            self.lost = false;
        }
        self.dialect.activate(&mut self.at, &self.config).await
    }

    /// How often something may be asked within so long.
    fn rounds(&self, within_ms: u32) -> u32 {
        let pause_ms = self.at.timeouts().pause_ms;
        within_ms.checked_div(pause_ms).unwrap_or(1).max(1)
    }

    async fn pause(&mut self) {
        let pause_ms = self.at.timeouts().pause_ms;
        self.at.pause(pause_ms).await;
    }

    async fn unlock_sim(&mut self) -> Result<(), Error> {
        let mut refusal = Error::NoSim;
        for _ in 0..self.rounds(self.at.timeouts().sim_ms) {
            let asked = self.at.query(&[Text("+CPIN?")], Answer::new("+CPIN:"));
            match asked.await {
                Ok(_) => match self.at.fields().text() {
                    Some("READY") => return Ok(()),
                    Some("SIM PIN") => self.enter_pin().await?,
                    // Said unasked while the SIM is being read.
                    Some("NOT READY" | "NOT INSERTED") => {}
                    // The other codes of 27.007 ask for a PUK or unlock the phone.
                    Some(code) if code.starts_with("SIM ") || code.starts_with("PH-") => {
                        return Err(Error::SimLocked);
                    }
                    // A line that was damaged: asked again.
                    _ => refusal = Error::Malformed,
                },
                // 10: no SIM, 13: SIM failure, 15: wrong SIM; also said of a SIM that is
                // not read yet, as 14 (busy).
                Err(Error::RefusedWith(10 | 13 | 15)) => refusal = Error::NoSim,
                Err(Error::Refused) => {}
                Err(Error::RefusedWith(_)) => {}
                Err(error) => return Err(error),
            }
            self.pause().await;
        }
        if self.pin == PinUse::Sent {
            // Either the SIM takes for ever or the modem restarted unnoticed, and the PIN
            // may not be sent again before that is certain.
            self.restart().await?;
            *self.at.status() = Status::RESTARTED;
            return Err(Error::Restarted);
        }
        Err(refusal)
    }

    /// Enters the PIN, if that may be done at all.
    async fn enter_pin(&mut self) -> Result<(), Error> {
        let pin = self.config.pin.ok_or(Error::PinWanted)?;
        match self.pin {
            PinUse::Unused => {}
            // Taken, and not yet acted upon.
            PinUse::Sent => return Ok(()),
            PinUse::Refused => return Err(Error::PinWrong),
        }
        let (query, answer) = D::TABLE.pin_tries;
        self.at.query(&[Text(query)], answer).await?;
        let left = self.at.fields().number().ok_or(Error::Malformed)?;
        let left = u8::try_from(left).unwrap_or(u8::MAX);
        if left < 2 {
            return Err(Error::PinTriesLow { left });
        }
        // Before it is sent: whatever becomes of the answer, it counts.
        self.pin = PinUse::Sent;
        let command = [Text("+CPIN="), Quoted(pin.digits())];
        match self.at.command(&command).await {
            Ok(_) => Ok(()),
            Err(Error::Refused | Error::RefusedWith(_)) => {
                self.pin = PinUse::Refused;
                Err(Error::PinWrong)
            }
            Err(error) => Err(error),
        }
    }

    async fn radio_on(&mut self) -> Result<(), Error> {
        let sign = Answer::with_numbers("+CFUN:", 1);
        self.at.query(&[Text("+CFUN?")], sign).await?;
        if self.at.fields().number() == Some(1) {
            return Ok(());
        }
        let exchange = Exchange::ok(self.at.timeouts().sim_ms);
        self.at.exchange(&[Text("+CFUN=1")], exchange).await?;
        Ok(())
    }

    /// Names the access point, for IPv4 and IPv6 where the modem knows both.
    async fn define_context(&mut self) -> Result<(), Error> {
        for family in ["\"IPV4V6\"", "\"IP\""] {
            let command = [
                Text("+CGDCONT=1,"),
                Text(family),
                Text(","),
                Quoted(self.config.apn),
            ];
            match self.at.command(&command).await {
                // A context that is in use refuses both; it is as we need it then.
                Err(Error::Refused | Error::RefusedWith(_)) => {}
                other => return other.map(drop),
            }
        }
        Ok(())
    }

    async fn register(&mut self) -> Result<(), Error> {
        let mut denials = 0u8;
        for _ in 0..self.rounds(self.at.timeouts().register_ms) {
            match self.registration().await? {
                Registration::Registered => return Ok(()),
                Registration::Searching => denials = 0,
                Registration::Denied => denials = denials.saturating_add(1),
            }
            if denials == DENIALS {
                return Err(Error::RegistrationDenied);
            }
            self.pause().await;
        }
        Err(Error::NotRegistered)
    }

    /// Asks for all three kinds of registration; one of them is enough.
    async fn registration(&mut self) -> Result<Registration, Error> {
        const QUERIES: [(&str, &str); 3] = [
            ("+CEREG?", "+CEREG:"),
            ("+CREG?", "+CREG:"),
            ("+CGREG?", "+CGREG:"),
        ];
        let mut found = Registration::Searching;
        for (query, prefix) in QUERIES {
            let answer = Answer::with_numbers(prefix, 2);
            match self.at.query(&[Text(query)], answer).await {
                Ok(_) => {}
                // Not every modem knows every kind.
                Err(Error::Refused | Error::RefusedWith(_)) => continue,
                Err(error) => return Err(error),
            }
            match self.at.fields().number_at(1) {
                // At home, roaming; 9 and 10 the same without fall-back for calls.
                Some(1 | 5 | 9 | 10) => return Ok(Registration::Registered),
                Some(3) => found = Registration::Denied,
                _ => {}
            }
        }
        Ok(found)
    }
}
