//! The nodes: asking them, checking which chain they are on, turning to the next.

use coracle_core::Error as _;
use coracle_eth::ChainProfile;
use coracle_eth::rpc::{Answer, AnswerError, Params, Request, Scalar};
use coracle_net::Connect;
use coracle_net::http::{HttpClient, HttpConfig, Target};
use coracle_net::rpc::{self, Call, CallError, RpcClient, RpcError};

use super::{Config, Lie, NodeError, RevertData};

/// The longest answer that is read in bytes; logs of a month fit, a flood does not.
const MAX_ANSWER_LEN: usize = 16 * 1024 * 1024;

/// The longest answer of one short text in bytes, envelope and a refusal included.
const MAX_SHORT_LEN: usize = 384;

/// A connection to one of several nodes.
pub(super) struct Link<'a, C: Connect + 'a> {
    rpc: RpcClient<'a, C>,
    profile: ChainProfile,
    nodes: &'a [Target<'a>],
    current: usize,
    /// One bit a node: set once it said the right chain id.
    is_verified: u8,
    buf: &'a mut [u8],
}

const _: () = assert!(Config::MAX_NODES <= u8::BITS as usize);

impl<'a, C: Connect> Link<'a, C> {
    /// `None` where there is no node or there are too many.
    pub(super) fn new(stack: &'a C, config: &Config<'a>, buf: &'a mut [u8]) -> Option<Self> {
        let first = config.nodes.first()?;
        if config.nodes.len() > Config::MAX_NODES {
            return None;
        }
        let http = HttpConfig {
            max_body_len: MAX_ANSWER_LEN,
            keep_alive: true,
        };
        Some(Self {
            rpc: RpcClient::new(HttpClient::new(stack, *first, http)),
            profile: config.profile,
            nodes: config.nodes,
            current: 0,
            is_verified: 0,
            buf,
        })
    }

    /// The number of the node that is asked.
    pub(super) const fn current(&self) -> usize {
        self.current
    }

    /// Turns to the next node.
    pub(super) fn turn(&mut self) {
        let next = self.current.saturating_add(1);
        self.current = if next < self.nodes.len() { next } else { 0 };
        if let Some(target) = self.nodes.get(self.current) {
            self.rpc.http().set_target(*target);
        }
    }

    /// Closes the connection; the next request opens it again.
    pub(super) fn close(&mut self) {
        self.rpc.http().close();
    }

    /// Tries each node until one does it, beginning with the one that did it last; stops
    /// at an error that no other node would spare.
    pub(super) async fn on_any_node<T>(
        &mut self,
        ask: impl AsyncFnMut(&mut Self) -> Result<T, NodeError<C::Error>>,
    ) -> Result<T, NodeError<C::Error>> {
        self.on_next_node_after(NodeError::is_of_node, ask).await
    }

    /// Tries each node while `goes_on` says so of the error of the one before.
    pub(super) async fn on_next_node_after<T>(
        &mut self,
        goes_on: impl Fn(&NodeError<C::Error>) -> bool,
        mut ask: impl AsyncFnMut(&mut Self) -> Result<T, NodeError<C::Error>>,
    ) -> Result<T, NodeError<C::Error>> {
        let mut tries = self.nodes.len();
        loop {
            tries = tries.saturating_sub(1);
            match self.on_this_node(&mut ask).await {
                Err(error) if goes_on(&error) => {
                    self.turn();
                    if tries == 0 {
                        return Err(error);
                    }
                }
                outcome => return outcome,
            }
        }
    }

    /// Asks the current node once it is known to be on the right chain.
    pub(super) async fn on_this_node<T>(
        &mut self,
        ask: &mut impl AsyncFnMut(&mut Self) -> Result<T, NodeError<C::Error>>,
    ) -> Result<T, NodeError<C::Error>> {
        self.check_chain().await?;
        ask(self).await
    }

    async fn check_chain(&mut self) -> Result<(), NodeError<C::Error>> {
        let bit = u32::try_from(self.current)
            .ok()
            .and_then(|at| 1_u8.checked_shl(at));
        let bit = bit.unwrap_or_default();
        if self.is_verified & bit != 0 {
            return Ok(());
        }
        let found = self.ask_short::<u64>(&Request::ChainId).await?;
        if found != self.profile.chain_id.id() {
            return Err(Lie::ChainId { found }.into());
        }
        self.is_verified |= bit;
        Ok(())
    }

    const fn call<'r>(&self, request: &Request<'_>, params: &'r Params<'r>) -> Call<'r> {
        Call {
            prefix: self.profile.method_prefix,
            method: request.method(),
            params,
        }
    }

    /// Asks the current node, whatever chain it is on, for one short text.
    pub(super) async fn ask_short<T: Scalar>(
        &mut self,
        request: &Request<'_>,
    ) -> Result<T::Value, NodeError<C::Error>> {
        let params = request.params(self.profile.address_form);
        let call = self.call(request, &params);
        let mut answer = [0; MAX_SHORT_LEN];
        let text = self.rpc.call_flat(call, self.buf, &mut answer).await;
        let value = T::parse(text.map_err(NodeError::Call)?);
        value.ok_or_else(|| AnswerError::BadField { name: "result" }.into())
    }

    /// Asks the current node, whatever chain it is on.
    pub(super) async fn ask<A: Answer>(
        &mut self,
        request: &Request<'_>,
        mut answer: A,
    ) -> Result<A::Output, NodeError<C::Error>> {
        let params = request.params(self.profile.address_form);
        let call = self.call(request, &params);
        let mut error_data = [0; RevertData::MAX_LEN];
        let parts = rpc::Answer {
            result: &mut answer,
            error_data: &mut error_data,
        };
        match self.rpc.call(call, parts, self.buf).await {
            Ok(()) => Ok(answer.finish()?),
            Err(CallError::Answer(rpc::AnswerError::Rejected)) => Err(answer
                .finish()
                .err()
                .unwrap_or(AnswerError::BadShape)
                .into()),
            Err(error) => match error.rpc() {
                Some(rpc) if is_revert(request, rpc) => {
                    let full_len = rpc.data_len.and_then(|len| usize::try_from(len).ok());
                    let full_len = full_len.unwrap_or_default();
                    let kept = error_data.get(..full_len).unwrap_or(&error_data);
                    Err(NodeError::Reverted(RevertData::new(kept, full_len)))
                }
                _ => Err(NodeError::Call(error)),
            },
        }
    }
}

/// Whether the error says that the call itself fails. Nodes agree on no code: 3 (geth),
/// -32000 and -32015 (others) with a payload or with the word.
fn is_revert(request: &Request<'_>, error: &RpcError) -> bool {
    let is_call = matches!(request, Request::Call { .. } | Request::EstimateGas(_));
    let says_so = error
        .message
        .as_bytes()
        .windows(6)
        .any(|word| word.eq_ignore_ascii_case(b"revert"));
    is_call && error.kind() != coracle_core::ErrorKind::Retry && (error.code == 3 || says_so)
}
