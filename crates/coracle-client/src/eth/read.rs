//! Questions that change nothing. Nothing of their answers is proven.

use coracle_core::ecdsa::Secp256k1;
use coracle_core::json::{Event, Reject, Visitor};
use coracle_core::{Address, Signer, Wei};
use coracle_eth::rpc::{
    Answer, AnswerError, BlockTag, Bytes, CallRequest, Log, LogFilter, LogsAnswer, Quantity,
    Request, ScalarAnswer,
};
use coracle_net::Connect;
use embedded_hal_async::delay::DelayNs;

use super::client::Error;
use super::link::{Nodes, Reply};
use super::{EthClient, Outbox};

impl<C, S, O, D> EthClient<'_, C, S, O, D>
where
    C: Connect,
    S: Signer<Curve = Secp256k1>,
    O: Outbox,
    D: DelayNs,
{
    /// What an account holds.
    ///
    /// # Errors
    ///
    /// [`ClientError::Node`](super::ClientError::Node).
    pub async fn balance(&mut self, account: Address, at: BlockTag) -> Result<Wei, Error<C, S, O>> {
        let request = Request::Balance { account, at };
        let mut reply = self.link.reply::<ScalarAnswer<Quantity>>();
        self.ask(&request, &mut reply).await?;
        reply.value().map(Wei).map_err(|failed| self.error(failed))
    }

    /// How many transactions an account made.
    ///
    /// # Errors
    ///
    /// [`ClientError::Node`](super::ClientError::Node).
    pub async fn transaction_count(
        &mut self,
        account: Address,
        at: BlockTag,
    ) -> Result<u64, Error<C, S, O>> {
        self.number(&Request::TransactionCount { account, at })
            .await
    }

    /// The number of the newest block.
    ///
    /// # Errors
    ///
    /// [`ClientError::Node`](super::ClientError::Node).
    pub async fn block_number(&mut self) -> Result<u64, Error<C, S, O>> {
        self.number(&Request::BlockNumber).await
    }

    async fn number(&mut self, request: &Request<'_>) -> Result<u64, Error<C, S, O>> {
        let mut reply = self.link.reply::<ScalarAnswer<u64>>();
        self.ask(request, &mut reply).await?;
        reply.value().map_err(|failed| self.error(failed))
    }

    /// What a contract answers; writes it to the start of `out` and returns its length.
    ///
    /// # Errors
    ///
    /// [`NodeError::Reverted`](super::NodeError::Reverted) with the reason, an answer
    /// longer than `out`, and those of the transport.
    pub async fn call(
        &mut self,
        call: &CallRequest<'_>,
        at: BlockTag,
        out: &mut [u8],
    ) -> Result<usize, Error<C, S, O>> {
        let mut reply = BytesReply::new(out);
        let request = Request::Call { call: *call, at };
        self.ask(&request, &mut reply).await?;
        Ok(reply.len)
    }

    /// The code of a contract; writes it to the start of `out` and returns its length,
    /// 0 for an account without code.
    ///
    /// # Errors
    ///
    /// Those of [`call`](Self::call) but the revert.
    pub async fn code(
        &mut self,
        account: Address,
        at: BlockTag,
        out: &mut [u8],
    ) -> Result<usize, Error<C, S, O>> {
        let mut reply = BytesReply::new(out);
        self.ask(&Request::Code { account, at }, &mut reply).await?;
        Ok(reply.len)
    }

    /// Logs, each handed to `receive` as it comes; returns how many. `buf` holds the
    /// data of one log.
    ///
    /// Asks one node alone: after a failure in the middle another would begin again.
    ///
    /// # Errors
    ///
    /// Those of the transport, a malformed log, or that `receive` stopped.
    pub async fn logs(
        &mut self,
        filter: &LogFilter<'_>,
        buf: &mut [u8],
        mut receive: impl FnMut(&Log<'_>) -> Result<(), Reject>,
    ) -> Result<usize, Error<C, S, O>> {
        let form = self.config.profile.address_form;
        let request = Request::Logs(*filter);
        let mut reply = LogsReply {
            answer: Some(LogsAnswer::new(form, buf, &mut receive)),
            count: 0,
        };
        self.link.is_aside = false;
        let outcome = self.link.ask(Nodes::This, &request, &mut reply).await;
        outcome.map_err(|failed| self.error(failed))?;
        Ok(reply.count)
    }

    /// Asks one node after the other.
    async fn ask(
        &mut self,
        request: &Request<'_>,
        reply: &mut dyn Reply,
    ) -> Result<(), Error<C, S, O>> {
        self.link.is_aside = false;
        let outcome = self.link.ask(Nodes::Any, request, reply).await;
        outcome.map_err(|failed| self.error(failed))
    }
}

/// Reads a byte string.
pub(super) struct BytesReply<'a> {
    answer: Bytes<'a>,
    len: usize,
}

impl<'a> BytesReply<'a> {
    /// Reads into the start of `out`.
    pub(super) fn new(out: &'a mut [u8]) -> Self {
        Self {
            answer: Bytes::new(out),
            len: 0,
        }
    }
}

impl Visitor for BytesReply<'_> {
    fn event(&mut self, depth: usize, event: Event<'_>) -> Result<(), Reject> {
        self.answer.event(depth, event)
    }
}

impl Reply for BytesReply<'_> {
    fn finish(&mut self) -> Result<(), AnswerError> {
        self.len = self.answer.read_len()?;
        Ok(())
    }

    fn reset(&mut self) {
        self.answer.reset();
    }
}

/// Reads logs, once.
struct LogsReply<'a, F> {
    answer: Option<LogsAnswer<'a, F>>,
    count: usize,
}

impl<F: FnMut(&Log<'_>) -> Result<(), Reject>> Visitor for LogsReply<'_, F> {
    fn event(&mut self, depth: usize, event: Event<'_>) -> Result<(), Reject> {
        let answer = self.answer.as_mut().ok_or(Reject)?;
        answer.event(depth, event)
    }
}

impl<F: FnMut(&Log<'_>) -> Result<(), Reject>> Reply for LogsReply<'_, F> {
    fn finish(&mut self) -> Result<(), AnswerError> {
        let answer = self.answer.take().ok_or(AnswerError::BadShape)?;
        self.count = answer.finish()?;
        Ok(())
    }

    fn reset(&mut self) {
        self.answer = None;
    }
}
