//! Questions that change nothing. Nothing of their answers is proven.

use coracle_core::ecdsa::Secp256k1;
use coracle_core::json::Reject;
use coracle_core::{Address, Signer, Wei};
use coracle_eth::rpc::{
    BlockTag, Bytes, CallRequest, Log, LogFilter, LogsAnswer, Quantity, Request,
};
use coracle_net::Connect;
use embedded_hal_async::delay::DelayNs;

use super::client::Error;
use super::link::Link;
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
        let ask = async |link: &mut Link<'_, C>| link.ask_short::<Quantity>(&request).await;
        Ok(Wei(self.link.on_any_node(ask).await?))
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
        let ask = async |link: &mut Link<'_, C>| link.ask_short::<u64>(request).await;
        Ok(self.link.on_any_node(ask).await?)
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
        let request = Request::Call { call: *call, at };
        let ask = async |link: &mut Link<'_, C>| link.ask(&request, Bytes::new(out)).await;
        Ok(self.link.on_any_node(ask).await?)
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
        let request = Request::Code { account, at };
        let ask = async |link: &mut Link<'_, C>| link.ask(&request, Bytes::new(out)).await;
        Ok(self.link.on_any_node(ask).await?)
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
        let mut ask = async |link: &mut Link<'_, C>| {
            link.ask(&request, LogsAnswer::new(form, buf, &mut receive))
                .await
        };
        Ok(self.link.on_this_node(&mut ask).await?)
    }
}
