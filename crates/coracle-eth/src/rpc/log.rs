//! Answers of `getLogs`.

use coracle_core::json::{Event, Reject, Visitor};
use coracle_core::{Address, B256};

use super::object::{Members, Text, required};
use super::scalar::HexReader;
use super::{Answer, AnswerError, Hash, Scalar};
use crate::profile::AddressForm;

/// The most topics of a log.
const MAX_TOPICS: usize = 4;

const NAMES: &[&str] = &[
    "address",
    "blockHash",
    "blockNumber",
    "transactionHash",
    "logIndex",
    "removed",
];

/// One log, as the node tells it. Nothing of it is proven.
#[derive(Clone, Copy, Debug)]
pub struct Log<'a> {
    /// The contract that emitted it.
    pub address: Address,
    /// Its topics, the event's own first.
    pub topics: &'a [B256],
    /// Its data, as far as the buffer holds it.
    pub data: &'a [u8],
    /// The full length of its data in bytes.
    pub data_len: usize,
    /// The transaction that emitted it.
    pub transaction_hash: Option<B256>,
    /// The block that holds it.
    pub block_hash: Option<B256>,
    /// That block's number.
    pub block_number: Option<u64>,
    /// Its place in the block.
    pub log_index: Option<u64>,
    /// Whether a reorganisation took it off the chain.
    pub is_removed: bool,
}

/// Reads logs and hands each on as it is whole; holds one at a time.
pub struct LogsAnswer<'a, F> {
    form: AddressForm,
    receive: F,
    data: HexReader<'a>,
    members: Members,
    list: Option<List>,
    text: Text,
    fields: LogFields,
    count: usize,
    is_done: bool,
    error: Option<AnswerError>,
}

/// The member that is neither a scalar nor short.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum List {
    Data,
    Topics,
}

#[derive(Debug, Default)]
struct LogFields {
    address: Option<Address>,
    topics: heapless::Vec<B256, MAX_TOPICS>,
    data_len: Option<usize>,
    transaction_hash: Option<B256>,
    block_hash: Option<B256>,
    block_number: Option<u64>,
    log_index: Option<u64>,
    is_removed: bool,
}

impl<'a, F: FnMut(&Log<'_>) -> Result<(), Reject>> LogsAnswer<'a, F> {
    /// Keeps the data of one log in `buf`; `receive` stops the reading with [`Reject`].
    pub fn new(form: AddressForm, buf: &'a mut [u8], receive: F) -> Self {
        Self {
            form,
            receive,
            data: HexReader::new(buf),
            members: Members::new(NAMES),
            list: None,
            text: Text::default(),
            fields: LogFields::default(),
            count: 0,
            is_done: false,
            error: None,
        }
    }

    fn take(&mut self, depth: usize, event: Event<'_>) -> Result<(), AnswerError> {
        match (depth, event) {
            (0, Event::ArrayStart) => Ok(()),
            (0, Event::ArrayEnd) => {
                self.is_done = true;
                Ok(())
            }
            (1, Event::ObjectStart) => {
                self.members.reset();
                self.data.reset();
                self.fields = LogFields::default();
                self.list = None;
                Ok(())
            }
            (1, Event::ObjectEnd) => self.emit(),
            (0 | 1, _) => Err(AnswerError::BadShape),
            (2, event) => self.member(event),
            (3, event) if self.list == Some(List::Topics) => self.topic(event),
            _ => Ok(()),
        }
    }

    fn member(&mut self, event: Event<'_>) -> Result<(), AnswerError> {
        if let Event::Key(name) = event {
            self.list = match name {
                b"data" => Some(List::Data),
                b"topics" => Some(List::Topics),
                _ => None,
            };
        }
        if self.list == Some(List::Data) {
            return self.data(event);
        }
        let Some((name, value)) = self.members.event(event)? else {
            return Ok(());
        };
        match name {
            "address" => self.fields.address = value.address(name, Some(self.form))?,
            "blockHash" => self.fields.block_hash = value.optional::<Hash>(name)?,
            "blockNumber" => self.fields.block_number = value.optional::<u64>(name)?,
            "transactionHash" => self.fields.transaction_hash = value.optional::<Hash>(name)?,
            "logIndex" => self.fields.log_index = value.optional::<u64>(name)?,
            _ => self.fields.is_removed = value.bool(name)?,
        }
        Ok(())
    }

    fn data(&mut self, event: Event<'_>) -> Result<(), AnswerError> {
        match event {
            Event::Key(_) if self.fields.data_len.is_some() => {
                return Err(AnswerError::RepeatedField { name: "data" });
            }
            Event::Key(_) => {}
            Event::StrPart(part) => self.data.push(part),
            Event::StrEnd => {
                let len = self.data.finish();
                self.fields.data_len = Some(len.ok_or(AnswerError::BadField { name: "data" })?);
            }
            _ => return Err(AnswerError::BadField { name: "data" }),
        }
        Ok(())
    }

    fn topic(&mut self, event: Event<'_>) -> Result<(), AnswerError> {
        let bad = AnswerError::BadField { name: "topics" };
        match event {
            Event::StrPart(part) => self.text.push(part),
            Event::StrEnd => {
                let topic = self.text.as_str().and_then(Hash::parse).ok_or(bad);
                self.text.clear();
                self.fields.topics.push(topic?).map_err(|_| bad)?;
            }
            _ => return Err(bad),
        }
        Ok(())
    }

    fn emit(&mut self) -> Result<(), AnswerError> {
        let fields = &self.fields;
        let data_len = required("data", fields.data_len)?;
        let log = Log {
            address: required("address", fields.address)?,
            topics: &fields.topics,
            data: self.data.out.get(..data_len).unwrap_or(self.data.out),
            data_len,
            transaction_hash: fields.transaction_hash,
            block_hash: fields.block_hash,
            block_number: fields.block_number,
            log_index: fields.log_index,
            is_removed: fields.is_removed,
        };
        (self.receive)(&log).map_err(|Reject| AnswerError::Stopped)?;
        self.count = self.count.saturating_add(1);
        Ok(())
    }
}

impl<F: FnMut(&Log<'_>) -> Result<(), Reject>> Visitor for LogsAnswer<'_, F> {
    fn event(&mut self, depth: usize, event: Event<'_>) -> Result<(), Reject> {
        self.take(depth, event).map_err(|error| {
            self.error = Some(error);
            Reject
        })
    }
}

impl<F: FnMut(&Log<'_>) -> Result<(), Reject>> Answer for LogsAnswer<'_, F> {
    /// How many logs were handed on.
    type Output = usize;

    fn finish(self) -> Result<usize, AnswerError> {
        match self.error {
            Some(error) => Err(error),
            None if self.is_done => Ok(self.count),
            None => Err(AnswerError::BadShape),
        }
    }
}
