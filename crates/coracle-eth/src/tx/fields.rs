//! The fields of each type, in the order of its specification.

use coracle_core::{Address, Sink, U256, Wei, rlp};

use super::{CallData, Transaction};

/// Writes the fields that are both signed and sent.
pub(super) fn write(tx: &Transaction<'_>, out: &mut dyn Sink) {
    match tx {
        Transaction::Legacy(tx) => {
            rlp::write_u64(out, tx.nonce);
            rlp::write_uint(out, tx.gas_price.0);
            write_call(out, tx.gas_limit, tx.to.as_ref(), tx.value, &tx.data);
        }
        Transaction::Eip2930(tx) => {
            rlp::write_u64(out, tx.chain_id);
            rlp::write_u64(out, tx.nonce);
            rlp::write_uint(out, tx.gas_price.0);
            write_call(out, tx.gas_limit, tx.to.as_ref(), tx.value, &tx.data);
            tx.access_list.write(out);
        }
        Transaction::Eip1559(tx) => {
            rlp::write_u64(out, tx.chain_id);
            rlp::write_u64(out, tx.nonce);
            rlp::write_uint(out, tx.max_priority_fee_per_gas.0);
            rlp::write_uint(out, tx.max_fee_per_gas.0);
            write_call(out, tx.gas_limit, tx.to.as_ref(), tx.value, &tx.data);
            tx.access_list.write(out);
        }
    }
}

/// `gasLimit, to, value, data`, which every type has in this order.
fn write_call(
    out: &mut dyn Sink,
    gas_limit: U256,
    to: Option<&Address>,
    value: Wei,
    data: &CallData<'_>,
) {
    rlp::write_uint(out, gas_limit);
    rlp::write_bytes(out, to.map_or(&[], |to| &to.as_bytes()[..]));
    rlp::write_uint(out, value.0);
    rlp::write_encoded(out, data);
}
