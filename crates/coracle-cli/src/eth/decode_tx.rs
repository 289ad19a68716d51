//! `coracle eth decode-tx`.

use std::io::Write;

use clap::Args;
use coracle_core::U256;
use coracle_eth::tx::SignedTx;
use serde_json::{Map, Value as Json};

use super::tx_fields::{quantity, write};
use crate::failure::Failure;
use crate::input::Input;
use crate::output::{Lines, Outcome, needed, run};

#[derive(Args, Debug)]
pub(crate) struct DecodeTxArgs {
    #[command(flatten)]
    lines: Lines,
    /// The raw signed transaction (0x...).
    txbytes: Option<String>,
}

impl DecodeTxArgs {
    pub(crate) fn run(self, out: &mut dyn Write) -> Outcome {
        let Self { lines, txbytes } = self;
        run(out, lines, &decode, || {
            let txbytes = needed(txbytes, "TXBYTES")?;
            Ok(Map::from_iter([("txbytes".to_owned(), txbytes.into())]))
        })
    }
}

/// `txbytes` to the fields, `hash` and `sender`.
fn decode(input: Input<'_>) -> Result<Json, Failure> {
    let raw = input.bytes("txbytes")?;
    let signed = SignedTx::decode(&raw)?;
    let sender = signed.sender()?;
    let mut fields = write(signed.transaction());
    let mut put = |name: &str, value: Json| {
        fields.insert(name.to_owned(), value);
    };
    let signature = signed.signature();
    put("r", quantity(U256::from_be_bytes(signature.r())));
    put("s", quantity(U256::from_be_bytes(signature.s())));
    let is_odd = signature.recovery_id().is_some_and(|id| id.is_y_odd());
    put("yParity", u8::from(is_odd).into());
    put("hash", signed.hash().to_string().into());
    put("sender", sender.to_string().into());
    Ok(Json::Object(fields))
}
