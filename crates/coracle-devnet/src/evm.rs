//! One transaction or call through the EVM.

use revm::{
    Context, ExecuteEvm, MainBuilder, MainContext,
    context::{
        BlockEnv, CfgEnv, TxEnv,
        result::{EVMError, ExecutionResult, HaltReason},
        transaction::{AccessList, AccessListItem},
    },
    context_interface::cfg::GasParams,
    database_interface::WrapDatabaseRef,
    primitives::{Address, B256, Bytes, TxKind, U256, eip7825, hardfork::SpecId},
    state::EvmState,
};

use crate::{header::Header, refusal::Refusal, state::View, tx::Transaction};

/// The rules every block follows.
pub(crate) const FORK: SpecId = SpecId::OSAKA;

/// Most gas of one transaction (EIP-7825).
pub(crate) const TX_GAS_CAP: u64 = eip7825::TX_GAS_LIMIT_CAP;

/// A call that is tried out, not mined.
#[derive(Clone, Debug, Default)]
pub struct Call {
    /// Caller; the zero address if not given.
    pub from: Address,
    /// Recipient; `None` creates a contract.
    pub to: Option<Address>,
    /// Gas limit; that of the block if not given.
    pub gas: Option<u64>,
    /// Fee cap, wei per gas; 0 switches the base fee off.
    pub max_fee: u128,
    /// Tip cap, wei per gas.
    pub max_priority_fee: u128,
    /// Wei that goes with it.
    pub value: U256,
    /// Call data or init code.
    pub data: Bytes,
    /// Addresses and slots announced.
    pub access_list: Vec<(Address, Vec<B256>)>,
}

/// How a call or transaction ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// Return data.
    Returned(Bytes),
    /// Revert data.
    Reverted(Bytes),
    /// Stopped by the EVM.
    Halted(HaltReason),
}

/// What the EVM made of a transaction, before it is committed.
pub(crate) struct Executed {
    pub(crate) result: ExecutionResult,
    pub(crate) state: EvmState,
}

/// Runs `tx` as part of the block under `header`.
pub(crate) fn transact(
    view: View<'_>,
    chain_id: u64,
    header: &Header,
    tx: &Transaction,
) -> Result<Executed, Refusal> {
    let env = TxEnv {
        tx_type: tx.tx_type.id(),
        caller: tx.sender,
        gas_limit: tx.gas_limit,
        gas_price: tx.max_fee,
        kind: tx.to.map_or(TxKind::Create, TxKind::Call),
        value: tx.value,
        data: tx.data.clone(),
        nonce: tx.nonce,
        chain_id: tx.chain_id,
        access_list: access_list(&tx.access_list),
        gas_priority_fee: (tx.tx_type.id() == 2).then_some(tx.max_priority_fee),
        ..TxEnv::default()
    };
    run(
        view,
        CfgEnv::new_with_spec(FORK).with_chain_id(chain_id),
        header,
        env,
    )
}

/// Runs `call` with `gas` on top of the block under `header`, nonce and sender
/// code unchecked.
pub(crate) fn call(
    view: View<'_>,
    chain_id: u64,
    header: &Header,
    call: &Call,
    gas: u64,
) -> Result<Executed, Refusal> {
    let mut cfg = CfgEnv::new_with_spec(FORK).with_chain_id(chain_id);
    cfg.disable_nonce_check = true;
    cfg.disable_eip3607 = true;
    cfg.disable_base_fee = call.max_fee == 0;
    cfg.tx_gas_limit_cap = Some(u64::MAX);
    let env = TxEnv {
        tx_type: 2,
        caller: call.from,
        gas_limit: gas,
        gas_price: call.max_fee,
        kind: call.to.map_or(TxKind::Create, TxKind::Call),
        value: call.value,
        data: call.data.clone(),
        chain_id: Some(chain_id),
        access_list: access_list(&call.access_list),
        gas_priority_fee: Some(call.max_priority_fee),
        nonce: view.state.nonce(call.from),
        ..TxEnv::default()
    };
    run(view, cfg, header, env)
}

/// Gas that `tx` costs before its first instruction, and the floor of EIP-7623.
pub(crate) fn initial_gas(tx: &Transaction) -> (u64, u64) {
    let slots: usize = tx.access_list.iter().map(|(_, slots)| slots.len()).sum();
    let gas = GasParams::new_spec(FORK).initial_tx_gas(
        &tx.data,
        tx.to.is_none(),
        tx.access_list.len() as u64,
        slots as u64,
        0,
        None,
    );
    (gas.initial_regular_gas, gas.floor_gas)
}

pub(crate) fn outcome(result: ExecutionResult) -> Outcome {
    match result {
        ExecutionResult::Success { output, .. } => Outcome::Returned(output.into_data()),
        ExecutionResult::Revert { output, .. } => Outcome::Reverted(output),
        ExecutionResult::Halt { reason, .. } => Outcome::Halted(reason),
    }
}

fn run(view: View<'_>, cfg: CfgEnv, header: &Header, tx: TxEnv) -> Result<Executed, Refusal> {
    let block = BlockEnv {
        number: U256::from(header.number),
        beneficiary: header.beneficiary,
        timestamp: U256::from(header.timestamp),
        gas_limit: header.gas_limit,
        basefee: header.base_fee,
        prevrandao: Some(header.mix_hash),
        ..BlockEnv::default()
    };
    let context = Context::mainnet()
        .with_db(WrapDatabaseRef(view))
        .with_cfg(cfg)
        .with_block(block);
    match context.build_mainnet().transact(tx) {
        Ok(done) => Ok(Executed {
            result: done.result,
            state: done.state,
        }),
        Err(EVMError::Transaction(error)) => Err(error.into()),
        Err(EVMError::Database(never)) => match never {},
        Err(other) => Err(Refusal::Internal(other.to_string())),
    }
}

fn access_list(entries: &[(Address, Vec<B256>)]) -> AccessList {
    let items = entries.iter().map(|(address, slots)| AccessListItem {
        address: *address,
        storage_keys: slots.clone(),
    });
    AccessList(items.collect())
}
