//! Answers of `feeHistory`.

use coracle_core::Wei;
use coracle_core::json::{Event, Reject, Visitor};

use super::object::Text;
use super::{Answer, AnswerError, Quantity, Scalar};

/// The most blocks whose tips are kept.
const MAX_BLOCKS: usize = 16;

/// What the newest blocks paid, as the node tells it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct FeeHistory {
    /// The base fee per gas of the block that comes next.
    pub next_base_fee: Wei,
    /// The median over the blocks of the tip at the percentile that was asked for;
    /// `None` where no block says one.
    pub tip: Option<Wei>,
}

/// Reads a [`FeeHistory`].
#[derive(Debug, Default)]
pub struct FeeHistoryAnswer {
    list: Option<List>,
    text: Text,
    base_fee: Option<Wei>,
    /// The lowest first.
    tips: heapless::Vec<Wei, MAX_BLOCKS>,
    error: Option<AnswerError>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum List {
    BaseFees,
    Tips,
}

impl FeeHistoryAnswer {
    fn take(&mut self, depth: usize, event: Event<'_>) -> Result<(), AnswerError> {
        match (depth, event) {
            (0, Event::ObjectStart | Event::ObjectEnd) => {}
            (0, _) => return Err(AnswerError::BadShape),
            (1, Event::Key(name)) => {
                let lists = [("baseFeePerGas", List::BaseFees), ("reward", List::Tips)];
                let mut lists = lists.into_iter();
                let found = lists.find(|(known, _)| known.as_bytes() == name);
                self.list = found.map(|(_, list)| list);
            }
            (2 | 3, Event::StrPart(part)) => self.text.push(part),
            (2 | 3, Event::StrEnd) => {
                let result = self.value();
                self.text.clear();
                return result;
            }
            _ => {}
        }
        Ok(())
    }

    fn value(&mut self) -> Result<(), AnswerError> {
        let Some(list) = self.list else { return Ok(()) };
        let value = self.text.as_str().and_then(Quantity::parse).map(Wei);
        match list {
            // The list ends with the block that comes next.
            List::BaseFees => {
                let name = "baseFeePerGas";
                self.base_fee = Some(value.ok_or(AnswerError::BadField { name })?);
            }
            List::Tips => {
                let name = "reward";
                let tip = value.ok_or(AnswerError::BadField { name })?;
                let above = self.tips.iter().position(|other| *other > tip);
                // More blocks than asked for do not change the median that is used.
                let _ = self.tips.insert(above.unwrap_or(self.tips.len()), tip);
            }
        }
        Ok(())
    }
}

impl Visitor for FeeHistoryAnswer {
    fn event(&mut self, depth: usize, event: Event<'_>) -> Result<(), Reject> {
        self.take(depth, event).map_err(|error| {
            self.error = Some(error);
            Reject
        })
    }
}

impl Answer for FeeHistoryAnswer {
    type Output = FeeHistory;

    fn finish(self) -> Result<FeeHistory, AnswerError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let name = "baseFeePerGas";
        let next_base_fee = self.base_fee.ok_or(AnswerError::MissingField { name })?;
        let tip = self.tips.get(self.tips.len() / 2).copied();
        Ok(FeeHistory { next_base_fee, tip })
    }
}
