//! The nodes: asking them, checking which chain they are on, turning to the next.

use core::mem;

use coracle_core::json::{Event, Reject, Visitor};
use coracle_core::{Error as _, ErrorKind};
use coracle_eth::rpc::{
    Answer, AnswerError, BlockAnswer, FeeHistoryAnswer, Hash, Quantity, ReceiptAnswer, Request,
    ScalarAnswer, TransactionAnswer,
};
use coracle_eth::{AddressForm, ChainProfile};
use coracle_net::Connect;
use coracle_net::http::{HttpClient, HttpConfig, Target};
use coracle_net::rpc::{self, Call, CallError, ErrorText, RpcClient, RpcError};

use super::{Config, Detail, Lie, NodeError};

/// The longest answer that is read in bytes; logs of a month fit, a flood does not.
const MAX_ANSWER_LEN: usize = 16 * 1024 * 1024;

/// A connection to one of several nodes.
pub(super) struct Link<'a, C: Connect + 'a> {
    rpc: RpcClient<'a, C>,
    profile: ChainProfile,
    nodes: &'a [Target<'a>],
    current: usize,
    /// One bit a node: set once it said the right chain id.
    is_verified: u8,
    buf: &'a mut [u8],
    /// Why the last question [`Failed`].
    pub(super) error: Option<NodeError<C::Error>>,
    pub(super) detail: Detail,
    /// Whether what is asked is a second opinion on a refusal whose words are to stay.
    pub(super) is_aside: bool,
}

const _: () = assert!(Config::MAX_NODES <= u8::BITS as usize);

/// Which nodes are asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Nodes {
    /// The one that is turned to.
    This,
    /// One after the other, beginning with the one that is turned to.
    Any,
}

/// Something failed. What it was lies with the [`Link`], or with the client: errors go
/// through many hands, and this way they weigh nothing there.
#[must_use]
#[derive(Clone, Copy, Debug)]
pub(super) struct Failed;

/// Reads the answer of a node, and begins anew where another is asked.
pub(super) trait Reply: Visitor {
    /// Keeps what the answer says.
    fn finish(&mut self) -> Result<(), AnswerError>;

    /// Forgets the answer.
    fn reset(&mut self);
}

/// An answer that can be read again.
pub(super) trait Fresh: Answer {
    /// A reader before the first byte, of addresses in the chain's form.
    fn fresh(form: AddressForm) -> Self;
}

/// Reads an answer and keeps what it says.
pub(super) struct Read<A: Answer> {
    form: AddressForm,
    answer: A,
    value: Option<A::Output>,
}

impl<A: Fresh> Read<A> {
    pub(super) fn new(form: AddressForm) -> Self {
        Self {
            form,
            answer: A::fresh(form),
            value: None,
        }
    }

    /// What the answer says, once the question was [asked](Link::ask).
    pub(super) fn value(self) -> Result<A::Output, Failed> {
        self.value.ok_or(Failed)
    }
}

impl<A: Answer> Visitor for Read<A> {
    fn event(&mut self, depth: usize, event: Event<'_>) -> Result<(), Reject> {
        self.answer.event(depth, event)
    }
}

impl<A: Fresh> Reply for Read<A> {
    fn finish(&mut self) -> Result<(), AnswerError> {
        let answer = mem::replace(&mut self.answer, A::fresh(self.form));
        self.value = Some(answer.finish()?);
        Ok(())
    }

    fn reset(&mut self) {
        self.answer = A::fresh(self.form);
    }
}

macro_rules! fresh {
    ($($answer:ty),*) => {$(
        impl Fresh for $answer {
            fn fresh(_: AddressForm) -> Self {
                Self::default()
            }
        }
    )*};
}

fresh!(
    BlockAnswer,
    FeeHistoryAnswer,
    ScalarAnswer<Hash>,
    ScalarAnswer<Quantity>,
    ScalarAnswer<u64>,
    TransactionAnswer
);

impl Fresh for ReceiptAnswer {
    fn fresh(form: AddressForm) -> Self {
        Self::new(form)
    }
}

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
            error: None,
            detail: Detail::NONE,
            is_aside: false,
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

    /// How often a question to these nodes may fail.
    pub(super) const fn tries(&self, nodes: Nodes) -> usize {
        match nodes {
            Nodes::This => 0,
            Nodes::Any => self.nodes.len(),
        }
    }

    /// A reader of an answer.
    pub(super) fn reply<A: Fresh>(&self) -> Read<A> {
        Read::new(self.profile.address_form)
    }

    /// Whether nobody else is asked: an answer came, no node is left, or the error is one
    /// that no other node would spare. Turns to the next node where one may do better.
    pub(super) fn is_over(&mut self, tries: &mut usize, outcome: Result<(), Failed>) -> bool {
        let goes_on = self.error.as_ref().is_some_and(NodeError::is_of_node);
        outcome.is_ok() || !goes_on || self.is_last(tries)
    }

    /// Turns to the next node unless there are no more tries.
    pub(super) fn is_last(&mut self, tries: &mut usize) -> bool {
        if *tries > 0 {
            self.turn();
        }
        *tries = tries.saturating_sub(1);
        *tries == 0
    }

    /// Says why something failed.
    pub(super) fn fail(&mut self, error: impl Into<NodeError<C::Error>>) -> Failed {
        self.error = Some(error.into());
        Failed
    }

    /// Asks nodes, each once it is known to be on the right chain, and keeps what they
    /// say with the reply.
    pub(super) async fn ask(
        &mut self,
        nodes: Nodes,
        request: &Request<'_>,
        reply: &mut dyn Reply,
    ) -> Result<(), Failed> {
        let mut tries = self.tries(nodes);
        // One place that asks serves both questions: it is the largest of a device.
        loop {
            let is_verified = self.is_verified & self.bit() != 0;
            let mut chain_id = Read::<ScalarAnswer<u64>>::new(self.profile.address_form);
            let (request, current): (_, &mut dyn Reply) = match is_verified {
                true => (request, &mut *reply),
                false => (&Request::ChainId, &mut chain_id),
            };
            let params = request.params(self.profile.address_form);
            let call = Call {
                prefix: self.profile.method_prefix,
                method: request.method(),
                params: &params,
            };
            let Detail {
                message, revert, ..
            } = &mut self.detail;
            let (message, error_data) = match self.is_aside {
                true => (None, &mut [][..]),
                false => (Some(message), revert.buf()),
            };
            let parts = rpc::Answer {
                result: &mut *current,
                message,
                error_data,
            };
            let outcome = self.rpc.call(call, parts, self.buf).await;
            let mut outcome = self.check(request, current, outcome);
            if outcome.is_ok() && !is_verified {
                outcome = self.check_chain(&chain_id);
                if outcome.is_ok() {
                    continue;
                }
            }
            if self.is_over(&mut tries, outcome) {
                return outcome;
            }
            reply.reset();
        }
    }

    /// The bit of the current node.
    fn bit(&self) -> u8 {
        let at = u32::try_from(self.current).unwrap_or(u32::MAX);
        1_u8.checked_shl(at).unwrap_or_default()
    }

    fn check_chain(&mut self, answer: &Read<ScalarAnswer<u64>>) -> Result<(), Failed> {
        let found = answer.value.unwrap_or_default();
        if found != self.profile.chain_id.id() {
            return Err(self.fail(Lie::ChainId { found }));
        }
        self.is_verified |= self.bit();
        Ok(())
    }

    fn check(
        &mut self,
        request: &Request<'_>,
        reply: &mut dyn Reply,
        outcome: Result<(), CallError<C::Error>>,
    ) -> Result<(), Failed> {
        let error = match outcome {
            Ok(()) => return reply.finish().map_err(|error| self.fail(error)),
            Err(CallError::Answer(rpc::AnswerError::Rejected)) => {
                let error = reply.finish().err().unwrap_or(AnswerError::BadShape);
                return Err(self.fail(error));
            }
            Err(error) => error,
        };
        if let Some(rpc) = error.rpc()
            && is_revert(request, rpc, &self.detail.message)
        {
            let full_len = rpc.data_len.and_then(|len| usize::try_from(len).ok());
            self.detail.revert.set_len(full_len.unwrap_or_default());
            return Err(self.fail(NodeError::Reverted));
        }
        Err(self.fail(NodeError::Call(error)))
    }
}

/// Whether the error says that the call itself fails. Nodes agree on no code: 3 (geth),
/// -32000 and -32015 (others) with a payload or with the word.
fn is_revert(request: &Request<'_>, error: &RpcError, message: &ErrorText) -> bool {
    let is_call = matches!(request, Request::Call { .. } | Request::EstimateGas(_));
    let says_so = message
        .as_bytes()
        .windows(6)
        .any(|word| word.eq_ignore_ascii_case(b"revert"));
    is_call && error.kind() != ErrorKind::Retry && (error.code == 3 || says_so)
}
