//! Questions to a node, with the words of its refusals.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use coracle_core::Sink;
use coracle_eth::ChainProfile;
use coracle_eth::abi::Revert;
use coracle_eth::rpc::{Answer, AnswerError, Request, ScalarAnswer};
use coracle_net::host::{HostConfig, HostStack, block_on};
use coracle_net::http::{Header, HttpClient, HttpConfig, Target};
use coracle_net::rpc::{self, Call, CallError, ErrorText, RpcClient, RpcError};
use coracle_net::{Connect, Endpoint};

use crate::failure::{Failure, Within};
use crate::passphrase::{Secret, first_line};

/// Answers that are read: logs of years fit, a flood does not.
const MAX_ANSWER_LEN: usize = 256 * 1024 * 1024;

/// How the nodes of a chain speak.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum Chain {
    /// Ethereum and what follows its rules: eth_ methods, fee market.
    #[default]
    Ethereum,
    /// Polygon PoS: tips of at least 25 gwei.
    Polygon,
    /// PlatON: platon_ methods, bech32 addresses, legacy transactions.
    Platon,
}

impl Chain {
    pub(crate) const fn profile(self) -> ChainProfile {
        match self {
            Self::Ethereum => ChainProfile::ETHEREUM,
            Self::Polygon => ChainProfile::POLYGON,
            Self::Platon => ChainProfile::PLATON,
        }
    }
}

#[derive(Args, Clone, Debug)]
pub(crate) struct NodeArgs {
    /// The node, as an http or https URL.
    #[arg(long, value_name = "URL")]
    pub(crate) rpc: String,
    /// How the chain's nodes speak.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) chain: Chain,
    /// A bearer token for the node, in the first line of a file.
    #[arg(long, value_name = "FILE")]
    pub(crate) bearer_file: Option<PathBuf>,
}

/// What it takes to reach a node; owns all texts.
pub(crate) struct Access {
    url: String,
    token: Option<Secret>,
    pub(crate) stack: HostStack,
}

impl Access {
    pub(crate) fn new(args: &NodeArgs) -> Result<Self, Failure> {
        let token = args.bearer_file.as_deref().map(first_line).transpose()?;
        Ok(Self {
            url: args.rpc.clone(),
            token,
            stack: HostStack::new(HostConfig::default()),
        })
    }

    pub(crate) fn headers(&self) -> Result<Vec<Header<'_>>, Failure> {
        let token = self.token.iter();
        let headers = token.map(|token| Header::bearer(token).within("bearer token"));
        headers.collect()
    }

    pub(crate) fn target<'a>(&'a self, headers: &'a [Header<'a>]) -> Result<Target<'a>, Failure> {
        let endpoint = Endpoint::parse(&self.url).within("--rpc")?;
        Ok(Target { endpoint, headers })
    }
}

/// A node and how to ask it. Nothing that it says is proven.
pub(crate) struct Node<'a> {
    rpc: RpcClient<'a, HostStack>,
    profile: ChainProfile,
    buf: Vec<u8>,
    message: ErrorText,
    error_data: Vec<u8>,
}

impl<'a> Node<'a> {
    pub(crate) fn new(stack: &'a HostStack, target: Target<'a>, profile: ChainProfile) -> Self {
        let http = HttpConfig {
            max_body_len: MAX_ANSWER_LEN,
            keep_alive: true,
        };
        Self {
            rpc: RpcClient::new(HttpClient::new(stack, target, http)),
            profile,
            buf: vec![0; 16 * 1024],
            message: ErrorText::EMPTY,
            error_data: vec![0; 64 * 1024],
        }
    }

    /// The rules of the chain.
    pub(crate) const fn profile(&self) -> &ChainProfile {
        &self.profile
    }

    /// The chain id that the node says.
    pub(crate) fn chain_id(&mut self) -> Result<u64, Failure> {
        self.ask(&Request::ChainId, ScalarAnswer::<u64>::default())
    }

    pub(crate) fn ask<A: Answer>(
        &mut self,
        request: &Request<'_>,
        mut answer: A,
    ) -> Result<A::Output, Failure> {
        let params = request.params(self.profile.address_form);
        let call = Call {
            prefix: self.profile.method_prefix,
            method: request.method(),
            params: &params,
        };
        let parts = rpc::Answer {
            result: &mut answer,
            message: Some(&mut self.message),
            error_data: &mut self.error_data,
        };
        match block_on(self.rpc.call(call, parts, &mut self.buf)) {
            Ok(()) => answer.finish().within("node"),
            Err(CallError::Answer(rpc::AnswerError::Rejected)) => {
                let error = answer.finish().err().unwrap_or(AnswerError::BadShape);
                Err(error).within("node")
            }
            Err(error) => Err(self.refusal(error)),
        }
    }

    /// The reason of a revert, where that is what the node says.
    fn refusal(&self, error: CallError<<HostStack as Connect>::Error>) -> Failure {
        let data = error.rpc().and_then(|rpc| self.revert_data(rpc));
        if let Some(data) = data {
            return Failure::new("reverted", format!("reverted: {}", Revert::decode(data)));
        }
        let is_refusal = error.rpc().is_some();
        let failure = Failure::from(error).in_place("node");
        match is_refusal {
            true => failure.because(self.message),
            false => failure,
        }
    }

    fn revert_data(&self, error: &RpcError) -> Option<&[u8]> {
        let len = usize::try_from(error.data_len?).ok()?;
        if len == 0 && error.code != 3 {
            return None;
        }
        Some(self.error_data.get(..len).unwrap_or(&self.error_data))
    }
}

/// Text of a signature and its arguments, or bytes, as call data.
#[derive(Args, Clone, Debug)]
pub(crate) struct CallDataArgs {
    /// Call data (0x...).
    #[arg(long, value_name = "HEX", conflicts_with = "signature")]
    data: Option<String>,
    /// The function: transfer(address,uint256).
    signature: Option<String>,
    /// Its arguments; arrays and tuples as JSON.
    #[arg(allow_negative_numbers = true)]
    args: Vec<String>,
}

impl CallDataArgs {
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, Failure> {
        let Some(text) = &self.signature else {
            let data = self.data.as_deref().unwrap_or("0x");
            return crate::input::to_bytes(data).within("--data");
        };
        let signature = coracle_eth::abi::Signature::parse(text).within(text)?;
        let json = super::abi::args_to_json(signature.params(), &self.args)?;
        let arena = bumpalo::Bump::new();
        let values = crate::abi_json::to_params(signature.params(), &json, &arena)?;
        let call = coracle_eth::abi::Call::new(signature, values)?;
        let mut out = crate::rlp::Bytes::default();
        coracle_core::Encode::encode(&call, &mut out as &mut dyn Sink);
        Ok(out.0)
    }
}
