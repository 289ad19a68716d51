//! `coracle eth sign-tx`.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use coracle_core::ecdsa::{Secp256k1, SecretKey};
use coracle_core::{Address, U256, Wei};
use serde_json::{Map, Value as Json, json};

use super::tx_fields::{TxFields, quantity};
use crate::failure::{Failure, Within};
use crate::input::Input;
use crate::keystore;
use crate::output::{Lines, Outcome, answer_lines, needed, show};
use crate::passphrase::PassphraseArgs;
use crate::rlp::hex;

#[derive(Args, Debug)]
pub(crate) struct SignTxArgs {
    #[command(flatten)]
    lines: Lines,
    /// The keystore file of the key that signs.
    #[arg(long, value_name = "FILE")]
    keystore: Option<PathBuf>,
    #[command(flatten)]
    passphrase: PassphraseArgs,
    /// The type; by default eip1559 with --max-fee-per-gas, else eip155.
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<TxKind>,
    /// The chain for which it is valid.
    #[arg(long, value_name = "ID")]
    chain_id: Option<u64>,
    /// Transactions that the sender made before.
    #[arg(long)]
    nonce: Option<u64>,
    /// The account that is called.
    #[arg(long, value_name = "ADDRESS", conflicts_with = "create")]
    to: Option<Address>,
    /// Create a contract: --data is its code.
    #[arg(long)]
    create: bool,
    /// What is moved, with its unit.
    #[arg(long, value_name = "AMOUNT", default_value = "0 wei")]
    value: Wei,
    /// Call data (0x...).
    #[arg(long, value_name = "HEX", default_value = "0x")]
    data: String,
    /// Gas that it may use.
    #[arg(long, value_name = "GAS")]
    gas_limit: Option<u64>,
    /// Fee per gas, with its unit; types legacy, eip155 and eip2930.
    #[arg(long, value_name = "AMOUNT", conflicts_with = "max_fee_per_gas")]
    gas_price: Option<Wei>,
    /// Fee per gas in all, with its unit; type eip1559.
    #[arg(long, value_name = "AMOUNT")]
    max_fee_per_gas: Option<Wei>,
    /// Tip per gas, with its unit; type eip1559.
    #[arg(long, value_name = "AMOUNT", default_value = "0 wei")]
    max_priority_fee_per_gas: Wei,
    /// Accounts and slots, as JSON: [{"address":"0x..","storageKeys":["0x.."]}].
    #[arg(long, value_name = "JSON", default_value = "[]")]
    access_list: String,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum TxKind {
    /// For every chain: anyone can replay it elsewhere.
    Legacy,
    Eip155,
    Eip2930,
    Eip1559,
}

impl TxKind {
    const fn name(self) -> &'static str {
        match self {
            Self::Legacy => "legacy",
            Self::Eip155 => "eip155",
            Self::Eip2930 => "eip2930",
            Self::Eip1559 => "eip1559",
        }
    }
}

impl SignTxArgs {
    pub(crate) fn run(self, out: &mut dyn Write) -> Outcome {
        if self.lines.jsonl {
            return answer_lines(out, &sign_line);
        }
        let fields = self.fields()?;
        let tx = TxFields::read(Input(&fields))?;
        let file = needed(self.keystore, "--keystore")?;
        let key = keystore::open(&file, &self.passphrase)?;
        show(out, &sign(&tx, &key)?)
    }

    fn fields(&self) -> Result<Map<String, Json>, Failure> {
        let mut fields = Map::new();
        let mut put = |name: &str, value: Json| {
            fields.insert(name.to_owned(), value);
        };
        let number = |value: Option<u64>, name| needed(value, name).map(Json::from);
        put("type", self.kind().name().into());
        if self.kind() != TxKind::Legacy {
            put("chainId", number(self.chain_id, "--chain-id")?);
        }
        put("nonce", number(self.nonce, "--nonce")?);
        put("gasLimit", number(self.gas_limit, "--gas-limit")?);
        let to = self.to.map(|to| Json::from(to.to_string()));
        if !self.create {
            put("to", needed(to, "--to or --create")?);
        }
        put("value", quantity(self.value.0));
        put("data", self.data.as_str().into());
        if self.kind() == TxKind::Eip1559 {
            let max = needed(self.max_fee_per_gas, "--max-fee-per-gas")?;
            put("maxFeePerGas", quantity(max.0));
            let tip: U256 = self.max_priority_fee_per_gas.0;
            put("maxPriorityFeePerGas", quantity(tip));
        } else {
            let price = needed(self.gas_price, "--gas-price or --max-fee-per-gas")?;
            put("gasPrice", quantity(price.0));
        }
        let list: Json = serde_json::from_str(&self.access_list).within("--access-list")?;
        if !matches!(self.kind(), TxKind::Eip2930 | TxKind::Eip1559) && list != json!([]) {
            let message = "--access-list: this type has none";
            return Err(Failure::new("conflicting-arguments", message));
        }
        put("accessList", list);
        Ok(fields)
    }

    fn kind(&self) -> TxKind {
        self.kind.unwrap_or(match self.max_fee_per_gas {
            Some(_) => TxKind::Eip1559,
            None => TxKind::Eip155,
        })
    }
}

/// The fields and `key` to the signed transaction.
fn sign_line(input: Input<'_>) -> Result<Json, Failure> {
    let tx = TxFields::read(input)?;
    let key = SecretKey::from_bytes(&*input.secret("key")?).within("key")?;
    sign(&tx, &key)
}

fn sign(tx: &TxFields, key: &SecretKey<Secp256k1>) -> Result<Json, Failure> {
    tx.with(|tx| {
        let signed = tx.into_signed(key.sign(&tx))?;
        Ok(json!({
            "unsigned": hex(&tx),
            "sighash": tx.signing_hash().to_string(),
            "signed": hex(&signed),
            "hash": signed.hash().to_string(),
            "sender": Address::from_public_key(key.public_key()).to_string(),
        }))
    })
}
