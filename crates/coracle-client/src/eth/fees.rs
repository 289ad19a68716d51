//! Fees under ceilings that no node can talk the device out of.

use coracle_core::{U256, Wei};
use coracle_eth::rpc::{FeeHistory, FeeHistoryAnswer, Quantity, Request, ScalarAnswer};
use coracle_eth::{ChainProfile, FeeRule};
use coracle_net::Connect;

use super::link::{Failed, Link, Nodes};
use super::{Fees, Limits};

/// Blocks whose tips are looked at.
const BLOCKS: u8 = 5;

/// The tip that half of the gas of a block paid at most.
const PERCENTILE: u8 = 50;

/// What nodes ask for at the least, and the limit below that.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct AboveLimit {
    pub(super) needed: Wei,
    pub(super) limit: Wei,
}

/// Asks a node what the chain takes at the moment.
///
/// The fee per gas has room for the base fee to rise through ten full blocks.
///
/// # Errors
///
/// Those of the node; inside, that its fees are above the limits.
pub(super) async fn ask<C: Connect>(
    link: &mut Link<'_, C>,
    profile: &ChainProfile,
    limits: &Limits,
) -> Result<Result<Fees, AboveLimit>, Failed> {
    match profile.fee_rule {
        FeeRule::BaseFee { min_tip } => {
            let request = Request::FeeHistory {
                blocks: BLOCKS,
                percentile: PERCENTILE,
            };
            let mut reply = link.reply::<FeeHistoryAnswer>();
            link.ask(Nodes::Any, &request, &mut reply).await?;
            let FeeHistory { next_base_fee, tip } = reply.value()?;
            let tip = tip.unwrap_or(min_tip);
            Ok(with_base_fee(next_base_fee, tip, min_tip, limits))
        }
        FeeRule::GasPrice { min_price } => {
            let mut reply = link.reply::<ScalarAnswer<Quantity>>();
            link.ask(Nodes::Any, &Request::GasPrice, &mut reply).await?;
            Ok(with_gas_price(Wei(reply.value()?).max(min_price), limits))
        }
    }
}

fn with_base_fee(base: Wei, tip: Wei, min_tip: Wei, limits: &Limits) -> Result<Fees, AboveLimit> {
    let tip = tip.clamp(min_tip, limits.max_priority_fee_per_gas.max(min_tip));
    let needed = Wei(base.0.saturating_add(tip.0));
    let limit = limits.max_fee_per_gas;
    if needed > limit || min_tip > limits.max_priority_fee_per_gas {
        return Err(AboveLimit { needed, limit });
    }
    let roomy = ten_blocks_on(base).saturating_add(tip.0);
    Ok(Fees {
        max_fee_per_gas: Wei(roomy).min(limit),
        max_priority_fee_per_gas: tip,
    })
}

fn with_gas_price(price: Wei, limits: &Limits) -> Result<Fees, AboveLimit> {
    let limit = limits.max_fee_per_gas;
    if price > limit {
        let needed = price;
        return Err(AboveLimit { needed, limit });
    }
    Ok(Fees {
        max_fee_per_gas: price,
        max_priority_fee_per_gas: price,
    })
}

/// An upper bound of the base fee ten blocks on: it rises by at most an eighth a block,
/// `(9 / 8)^10 < 13 / 4`.
fn ten_blocks_on(base: Wei) -> U256 {
    let rise = base.0.saturating_mul(U256::from(13_u64));
    rise.shifted_right(2).saturating_add(U256::ONE)
}

/// The least fees with which nodes replace a transaction: an eighth more on both, at
/// least the fees of the moment.
///
/// # Errors
///
/// Where that is above a limit.
pub(super) fn bump(old: &Fees, now: &Fees, limits: &Limits) -> Result<Fees, AboveLimit> {
    let fees = raised(old, now);
    let pairs = [
        (fees.max_fee_per_gas, limits.max_fee_per_gas),
        (
            fees.max_priority_fee_per_gas,
            limits.max_priority_fee_per_gas,
        ),
    ];
    match pairs.into_iter().find(|(needed, limit)| needed > limit) {
        Some((needed, limit)) => Err(AboveLimit { needed, limit }),
        None => Ok(fees),
    }
}

/// As [`bump`], but the limits where it would go beyond them. A node that still has the
/// old transaction refuses the new one then, and goes on with the old one; one that lost
/// it takes the new one.
pub(super) fn bump_within(old: &Fees, now: &Fees, limits: &Limits) -> Fees {
    let fees = raised(old, now);
    Fees {
        max_fee_per_gas: fees.max_fee_per_gas.min(limits.max_fee_per_gas),
        max_priority_fee_per_gas: fees
            .max_priority_fee_per_gas
            .min(limits.max_priority_fee_per_gas),
    }
}

fn raised(old: &Fees, now: &Fees) -> Fees {
    Fees {
        max_fee_per_gas: eighth_more(old.max_fee_per_gas).max(now.max_fee_per_gas),
        max_priority_fee_per_gas: eighth_more(old.max_priority_fee_per_gas)
            .max(now.max_priority_fee_per_gas),
    }
}

fn eighth_more(fee: Wei) -> Wei {
    let eighth = fee.0.shifted_right(3);
    Wei(fee.0.saturating_add(eighth).saturating_add(U256::ONE))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        max_fee_per_gas: Wei::from_gwei(100),
        max_priority_fee_per_gas: Wei::from_gwei(2),
        max_gas: 1_000_000,
        max_fee: Wei::from_gwei(u64::MAX),
    };

    fn market(base: u64, tip: u64, min_tip: u64) -> Result<Fees, AboveLimit> {
        let gwei = Wei::from_gwei;
        with_base_fee(gwei(base), gwei(tip), gwei(min_tip), &LIMITS)
    }

    #[test]
    fn fee_has_room_for_ten_full_blocks() {
        let fees = market(8, 1, 0).unwrap();
        let mut base = 8_000_000_000_u64;
        (0..10).for_each(|_| base += base / 8);
        let needed = Wei::from_u64(base + 1_000_000_000);
        assert!(fees.max_fee_per_gas >= needed);
    }

    #[test]
    fn no_fee_passes_its_limit() {
        let fees = market(90, 50, 0).unwrap();
        assert_eq!(fees.max_fee_per_gas, LIMITS.max_fee_per_gas);
        assert_eq!(
            fees.max_priority_fee_per_gas,
            LIMITS.max_priority_fee_per_gas
        );
    }

    #[test]
    fn refuses_what_even_the_least_fee_does_not_reach() {
        assert!(matches!(market(99, 2, 0), Err(AboveLimit { .. })));
        assert!(matches!(market(1, 1, 3), Err(AboveLimit { .. })));
        let most = with_base_fee(Wei(U256::MAX), Wei(U256::MAX), Wei::ZERO, &LIMITS);
        assert!(matches!(most, Err(AboveLimit { .. })));
        assert!(matches!(
            with_gas_price(Wei::from_gwei(101), &LIMITS),
            Err(AboveLimit { .. })
        ));
    }

    #[test]
    fn tips_are_at_least_what_nodes_of_the_chain_take() {
        let fees = market(1, 0, 1).unwrap();
        assert_eq!(fees.max_priority_fee_per_gas, Wei::from_gwei(1));
    }

    #[test]
    fn a_bump_raises_both_by_an_eighth_or_fails() {
        let old = market(8, 1, 0).unwrap();
        let bumped = bump(&old, &old, &LIMITS).unwrap();
        let eighth = |fee: Wei| fee.0.div_rem_u64(8).unwrap().0.saturating_add(fee.0);
        assert!(bumped.max_fee_per_gas.0 > eighth(old.max_fee_per_gas));
        assert!(bumped.max_priority_fee_per_gas.0 > eighth(old.max_priority_fee_per_gas));
        let top = Fees {
            max_fee_per_gas: LIMITS.max_fee_per_gas,
            ..old
        };
        let beyond = bump(&top, &old, &LIMITS);
        assert!(matches!(beyond, Err(AboveLimit { .. })));
    }

    #[test]
    fn a_bump_within_the_limits_never_fails_and_never_passes_them() {
        let old = market(8, 1, 0).unwrap();
        assert_eq!(
            Ok(bump_within(&old, &old, &LIMITS)),
            bump(&old, &old, &LIMITS)
        );
        let top = Fees {
            max_fee_per_gas: LIMITS.max_fee_per_gas,
            max_priority_fee_per_gas: LIMITS.max_priority_fee_per_gas,
        };
        assert_eq!(bump_within(&top, &old, &LIMITS), top);
    }
}
