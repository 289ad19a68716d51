//! What nodes say of our nonces, and the alarm that comes of it.

use coracle_core::ecdsa::Secp256k1;
use coracle_core::{Address, B256, Signer};
use coracle_eth::rpc::{BlockTag, Request, ScalarAnswer, TransactionAnswer, TransactionInfo};
use coracle_net::Connect;
use embedded_hal_async::delay::DelayNs;

use super::link::{Failed, Link, Nodes};
use super::{ClientError, Entry, EthClient, Lie, Outbox};

/// Somebody else signs with our key: it leaked, or the flash is a copy or an older state.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Alarm {
    /// The chain counts more transactions than the journal gave numbers.
    JournalBehind { journal: u64, chain: u64 },
    /// A transaction that is not ours was mined under our nonce.
    NonceTaken { nonce: u64 },
}

impl<N, S, O> From<Alarm> for ClientError<N, S, O> {
    fn from(alarm: Alarm) -> Self {
        match alarm {
            Alarm::JournalBehind { journal, chain } => Self::JournalBehind { journal, chain },
            Alarm::NonceTaken { nonce } => Self::NonceTaken { nonce },
        }
    }
}

/// What became of an entry's nonce, by the word of nodes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Standing {
    /// Nothing was mined under it, or nobody can say.
    Free,
    /// A node has this transaction of the entry's, waiting or mined.
    Ours(B256),
    /// A transaction was mined under it that is none of the entry's.
    Stranger,
}

impl<C, S, O, D> EthClient<'_, C, S, O, D>
where
    C: Connect,
    S: Signer<Curve = Secp256k1>,
    O: Outbox,
    D: DelayNs,
{
    /// Nothing is signed from now on.
    pub(super) fn raise(&mut self, alarm: Alarm) -> Failed {
        self.alarm = Some(alarm);
        self.fail(alarm.into())
    }

    /// Fails while there is an alarm.
    pub(super) fn be_calm(&mut self) -> Result<(), Failed> {
        match self.alarm {
            Some(alarm) => Err(self.fail(alarm.into())),
            None => Ok(()),
        }
    }

    /// What became of the entry's nonce. A stranger counts where `quorum` nodes say so and
    /// none says otherwise, for it is an alarm. What nodes do not answer does not count.
    pub(super) async fn standing(&mut self, nonce: u64) -> Standing {
        let mut agreed = 0_usize;
        let mut is_free = false;
        for _ in self.config.nodes {
            match standing_at(&mut self.link, self.address, &self.entry, nonce).await {
                Ok(Standing::Free) if self.entry.attempts.len() < 2 => return Standing::Free,
                Ok(Standing::Free) => is_free = true,
                Ok(Standing::Stranger) => agreed = agreed.saturating_add(1),
                Ok(ours) => return ours,
                Err(Failed) => {}
            }
            self.link.turn();
        }
        match !is_free && agreed >= self.config.quorum.max(1) {
            true => Standing::Stranger,
            false => Standing::Free,
        }
    }

    /// The least count of the account's transactions that nodes tell, waiting ones
    /// included, where `quorum` of them say that it is beyond the journal and none says
    /// otherwise.
    pub(super) async fn beyond(&mut self, journal: u64) -> Option<u64> {
        let mut agreed = 0_usize;
        let mut least = u64::MAX;
        for _ in self.config.nodes {
            let at = BlockTag::Pending;
            match count(&mut self.link, Nodes::This, self.address, at).await {
                Ok(count) if count <= journal => return None,
                Ok(count) => {
                    least = least.min(count);
                    agreed = agreed.saturating_add(1);
                }
                Err(Failed) => {}
            }
            self.link.turn();
        }
        (agreed >= self.config.quorum.max(1)).then_some(least)
    }
}

/// What the node says of the entry's nonce.
async fn standing_at<C: Connect>(
    link: &mut Link<'_, C>,
    account: Address,
    entry: &Entry,
    nonce: u64,
) -> Result<Standing, Failed> {
    let count = count(link, Nodes::This, account, BlockTag::Latest).await?;
    // The newest was refused just now: where it is the only one, there is nothing to ask.
    if count <= nonce && entry.attempts.len() < 2 {
        return Ok(Standing::Free);
    }
    for attempt in entry.attempts.iter().rev() {
        if locate(link, Nodes::This, attempt.hash).await?.is_some() {
            return Ok(Standing::Ours(attempt.hash));
        }
    }
    match count > nonce {
        true => Ok(Standing::Stranger),
        false => Ok(Standing::Free),
    }
}

/// How many transactions an account made.
pub(super) async fn count<C: Connect>(
    link: &mut Link<'_, C>,
    nodes: Nodes,
    account: Address,
    at: BlockTag,
) -> Result<u64, Failed> {
    let request = Request::TransactionCount { account, at };
    let mut reply = link.reply::<ScalarAnswer<u64>>();
    link.ask(nodes, &request, &mut reply).await?;
    reply.value()
}

/// Where the node has this transaction; `None` where it does not know it.
pub(super) async fn locate<C: Connect>(
    link: &mut Link<'_, C>,
    nodes: Nodes,
    hash: B256,
) -> Result<Option<TransactionInfo>, Failed> {
    let mut reply = link.reply::<TransactionAnswer>();
    link.ask(nodes, &Request::Transaction(hash), &mut reply)
        .await?;
    match reply.value()? {
        Some(info) if info.hash != hash => Err(link.fail(Lie::TransactionHash)),
        found => Ok(found),
    }
}
