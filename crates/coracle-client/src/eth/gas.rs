//! Gas limits under a ceiling.

use coracle_core::{Address, Encode, Sink};
use coracle_eth::rpc::{CallRequest, Request, ScalarAnswer};
use coracle_net::Connect;

use super::Intent;
use super::link::{Failed, Link, Nodes};

/// Gas that any transaction with this call data uses before it does anything.
///
/// The larger of the intrinsic cost and the floor of call data; access lists are not
/// counted.
///
/// Reference: EIP-2028, EIP-3860, EIP-7623.
pub fn intrinsic_gas(is_creation: bool, data: &dyn Encode) -> u64 {
    let mut count = TokenCount::default();
    data.encode(&mut count);
    let tokens = count.nonzero.saturating_mul(4).saturating_add(count.zero);
    let words = count.nonzero.saturating_add(count.zero).div_ceil(32);
    let creation = if is_creation {
        words.saturating_mul(2).saturating_add(32_000)
    } else {
        0
    };
    let standard = tokens.saturating_mul(4).saturating_add(creation);
    let floor = tokens.saturating_mul(10);
    standard.max(floor).saturating_add(21_000)
}

#[derive(Default)]
struct TokenCount {
    zero: u64,
    nonzero: u64,
}

impl Sink for TokenCount {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            let count = if *byte == 0 {
                &mut self.zero
            } else {
                &mut self.nonzero
            };
            *count = count.saturating_add(1);
        }
    }
}

/// The gas that the last call of a function took, so that the next need not ask.
#[derive(Clone, Copy, Debug)]
pub(super) struct GasCache {
    to: Option<Address>,
    selector: [u8; 4],
    data_len: usize,
    gas_limit: u64,
}

impl GasCache {
    pub(super) const fn gas_limit(&self) -> u64 {
        self.gas_limit
    }

    /// The limit for this intent, where the last estimate holds for it: the same
    /// function, and no more data than then.
    pub(super) fn fits(&self, intent: &Intent<'_>) -> Option<u64> {
        let same = self.to == intent.to
            && self.selector == selector(intent)
            && self.data_len >= intent.data.encoded_len();
        same.then_some(self.gas_limit)
    }
}

fn selector(intent: &Intent<'_>) -> [u8; 4] {
    let mut selector = [0; 4];
    coracle_core::encode_window(&intent.data, 0, &mut selector);
    selector
}

/// Asks a node how much gas the call takes and allows a quarter more.
///
/// # Errors
///
/// Those of the node, a revert among them; inside, what is needed where that is above
/// the limit.
pub(super) async fn estimate<C: Connect>(
    link: &mut Link<'_, C>,
    from: Address,
    intent: &Intent<'_>,
    limit: u64,
) -> Result<Result<GasCache, u64>, Failed> {
    let Intent { to, value, data } = *intent;
    let call = CallRequest {
        from: Some(from),
        to,
        value,
        data,
    };
    let request = Request::EstimateGas(call);
    let mut reply = link.reply::<ScalarAnswer<u64>>();
    link.ask(Nodes::Any, &request, &mut reply).await?;
    let estimate = reply.value()?;
    // A node that says too little would make the transaction fail: never below what
    // every transaction of this form needs.
    let needed = estimate.max(intrinsic_gas(to.is_none(), &data));
    if needed > limit {
        return Ok(Err(needed));
    }
    let gas_limit = needed.saturating_add(needed / 4).min(limit);
    let data_len = data.encoded_len();
    Ok(Ok(GasCache {
        to,
        selector: selector(intent),
        data_len,
        gas_limit,
    }))
}
