//! The SIM card: it keeps its state when the modem restarts.

use crate::{answer::Refusal, config::SimCard};

/// Tries for a PIN on a card that was unblocked, and for a PUK.
const PIN_TRIES: u8 = 3;
const PUK_TRIES: u8 = 10;
/// PUK of every emulated card.
const PUK: &str = "12345678";

#[derive(Clone, Debug)]
pub(crate) struct Card {
    is_present: bool,
    /// `None` where the card asks for none.
    pin: Option<String>,
    is_open: bool,
    pub(crate) pin_tries: u8,
    pub(crate) puk_tries: u8,
}

impl Card {
    pub(crate) fn new(card: &SimCard) -> Self {
        let mut new = Self {
            is_present: true,
            pin: None,
            is_open: false,
            pin_tries: PIN_TRIES,
            puk_tries: PUK_TRIES,
        };
        match card {
            SimCard::Ready => {}
            SimCard::Absent => new.is_present = false,
            SimCard::Puk => {
                new.pin = Some("0000".into());
                new.pin_tries = 0;
            }
            SimCard::Pin { code, tries } => {
                new.pin = Some(code.clone());
                new.pin_tries = *tries;
            }
        }
        new
    }

    /// Power is off: the PIN has to be given again.
    pub(crate) fn lock(&mut self) {
        self.is_open = false;
    }

    /// The words of `CPIN?`.
    pub(crate) fn status(&self) -> Result<&'static str, Refusal> {
        if !self.is_present {
            return Err(Refusal::Cme(10));
        }
        Ok(match (&self.pin, self.is_open, self.pin_tries) {
            (None, ..) | (Some(_), true, _) => "READY",
            (Some(_), false, 0) => "SIM PUK",
            (Some(_), false, _) => "SIM PIN",
        })
    }

    /// For commands that need the card open.
    pub(crate) fn require(&self) -> Result<(), Refusal> {
        match self.status()? {
            "READY" => Ok(()),
            "SIM PIN" => Err(Refusal::Cme(11)),
            _ => Err(Refusal::Cme(12)),
        }
    }

    /// `CPIN=pin`, or `CPIN=puk,pin` on a blocked card.
    pub(crate) fn enter(&mut self, code: &str, new_pin: Option<&str>) -> Result<(), Refusal> {
        match self.status()? {
            "SIM PIN" => self.enter_pin(code),
            "SIM PUK" => self.enter_puk(code, new_pin),
            _ => Err(Refusal::Cme(3)),
        }
    }

    fn enter_pin(&mut self, code: &str) -> Result<(), Refusal> {
        if self.pin.as_deref() == Some(code) {
            self.pin_tries = PIN_TRIES;
            self.is_open = true;
            return Ok(());
        }
        self.pin_tries = self.pin_tries.saturating_sub(1);
        Err(Refusal::Cme(if self.pin_tries == 0 { 12 } else { 16 }))
    }

    fn enter_puk(&mut self, code: &str, new_pin: Option<&str>) -> Result<(), Refusal> {
        let Some(new_pin) = new_pin else {
            return Err(Refusal::Cme(12));
        };
        if code != PUK || self.puk_tries == 0 {
            self.puk_tries = self.puk_tries.saturating_sub(1);
            return Err(Refusal::Cme(16));
        }
        self.pin = Some(new_pin.to_owned());
        self.pin_tries = PIN_TRIES;
        self.puk_tries = PUK_TRIES;
        self.is_open = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_pin(tries: u8) -> Card {
        let code = "1234".into();
        Card::new(&SimCard::Pin { code, tries })
    }

    #[test]
    fn wrong_pins_block_the_card_and_the_puk_frees_it() {
        let mut card = with_pin(2);
        assert_eq!(card.enter("0000", None), Err(Refusal::Cme(16)));
        assert_eq!(card.enter("0000", None), Err(Refusal::Cme(12)));
        assert_eq!(card.status(), Ok("SIM PUK"));
        assert_eq!(card.enter("1234", None), Err(Refusal::Cme(12)));
        assert_eq!(card.enter("00000000", Some("5")), Err(Refusal::Cme(16)));
        assert_eq!(card.puk_tries, 9);
        assert_eq!(card.enter(PUK, Some("4321")), Ok(()));
        card.lock();
        assert_eq!(card.status(), Ok("SIM PIN"));
        assert_eq!(card.enter("4321", None), Ok(()));
    }

    #[test]
    fn a_card_without_a_pin_takes_none() {
        let mut card = Card::new(&SimCard::Ready);
        assert_eq!(card.enter("1234", None), Err(Refusal::Cme(3)));
        assert_eq!(card.require(), Ok(()));
        assert_eq!(Card::new(&SimCard::Absent).require(), Err(Refusal::Cme(10)));
    }

    #[test]
    fn the_right_pin_restores_the_tries() {
        let mut card = with_pin(1);
        assert_eq!(card.enter("1234", None), Ok(()));
        assert_eq!(card.pin_tries, 3);
    }
}
