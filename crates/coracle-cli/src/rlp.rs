//! `coracle rlp`.

use std::io::Write;

use clap::{Args, Subcommand};
use coracle_core::hex::Hex;
use coracle_core::rlp::{self, Item, Reader, RlpErrorKind};
use coracle_core::{Encode, Sink};
use serde_json::{Map, Value as Json, json};

use crate::failure::{Failure, Within};
use crate::input::{Input, to_bytes, wrong};
use crate::output::{Lines, Outcome, needed, run};

/// Lists in lists that are read; as many as a JSON reader takes back.
const MAX_DEPTH: usize = 100;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Encode bytes, nested lists of bytes, or a number.
    Encode(EncodeArgs),
    /// Decode, strictly; with --bits, a number of that width.
    Decode(DecodeArgs),
}

#[derive(Args, Debug)]
pub(crate) struct EncodeArgs {
    #[command(flatten)]
    lines: Lines,
    /// Bytes (0x...) or nested lists of bytes as JSON (["0x01",["0x"]]).
    #[arg(conflicts_with = "uint")]
    item: Option<String>,
    /// A number, decimal or 0x hexadecimal, below 2^256.
    #[arg(long)]
    uint: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct DecodeArgs {
    #[command(flatten)]
    lines: Lines,
    /// The encoding (0x...).
    rlp: Option<String>,
    /// Read a number of at most this many bits (1 to 256).
    #[arg(long)]
    bits: Option<u32>,
}

impl Command {
    pub(crate) fn run(self, out: &mut dyn Write) -> Outcome {
        match self {
            Self::Encode(args) => run(out, args.lines, &encode, || args.fields()),
            Self::Decode(args) => run(out, args.lines, &decode, || args.fields()),
        }
    }
}

impl EncodeArgs {
    fn fields(self) -> Result<Map<String, Json>, Failure> {
        let mut fields = Map::new();
        if let Some(uint) = self.uint {
            fields.insert("uint".into(), uint.into());
            return Ok(fields);
        }
        let text = needed(self.item, "ITEM")?;
        let item = match text.trim_start().starts_with('[') {
            true => serde_json::from_str(&text)
                .map_err(|error| Failure::new("not-json", format!("ITEM is not JSON: {error}")))?,
            false => Json::String(text),
        };
        fields.insert("decoded".into(), item);
        Ok(fields)
    }
}

impl DecodeArgs {
    fn fields(self) -> Result<Map<String, Json>, Failure> {
        let mut fields = Map::new();
        fields.insert("rlp".into(), needed(self.rlp, "RLP")?.into());
        if let Some(bits) = self.bits {
            fields.insert("bits".into(), bits.into());
        }
        Ok(fields)
    }
}

/// `decoded` or `uint` to `rlp`.
fn encode(input: Input<'_>) -> Result<Json, Failure> {
    let mut out = Bytes::default();
    match input.get("decoded") {
        Some(item) => to_tree(item)?.encode(&mut out),
        None if input.has("uint") => rlp::write_uint(&mut out, input.uint("uint")?),
        None => return Err(Failure::new("missing-field", "decoded or uint is missing")),
    }
    Ok(json!({ "rlp": Hex(&out.0).to_string() }))
}

/// `rlp` to `decoded`, or with `bits` to `uint`.
fn decode(input: Input<'_>) -> Result<Json, Failure> {
    let bytes = input.bytes("rlp")?;
    let mut reader = Reader::new(&bytes);
    if !input.has("bits") {
        let decoded = from_item(&mut reader, MAX_DEPTH)?;
        reader.finish()?;
        return Ok(json!({ "decoded": decoded }));
    }
    let bits = input.u64("bits")?;
    if !(1..=256).contains(&bits) {
        return Err(Failure::new("bad-bits", "bits are not 1 to 256"));
    }
    let overflow = reader.error(RlpErrorKind::Overflow);
    let value = reader.uint()?;
    reader.finish()?;
    if u64::from(value.bits()) > bits {
        return Err(overflow.into());
    }
    Ok(json!({ "uint": value.to_string() }))
}

/// Recursion ends with the depth that the JSON reader allows.
enum Tree {
    Bytes(Vec<u8>),
    List {
        items: Vec<Tree>,
        payload_len: usize,
    },
}

fn to_tree(json: &Json) -> Result<Tree, Failure> {
    match json {
        Json::String(text) => Ok(Tree::Bytes(to_bytes(text).within("decoded")?)),
        Json::Array(items) => {
            let items = items.iter().map(to_tree).collect::<Result<Vec<_>, _>>()?;
            let payload_len = items.iter().map(Tree::encoded_len).sum();
            Ok(Tree::List { items, payload_len })
        }
        _ => Err(wrong("decoded", "bytes or a list of bytes and lists")),
    }
}

impl Encode for Tree {
    fn encode(&self, out: &mut dyn Sink) {
        match self {
            Self::Bytes(bytes) => rlp::write_bytes(out, bytes),
            Self::List { items, payload_len } => {
                rlp::write_list_header(out, *payload_len);
                items.iter().for_each(|item| item.encode(out));
            }
        }
    }

    fn encoded_len(&self) -> usize {
        match self {
            Self::Bytes(bytes) => {
                let mut count = coracle_core::CountSink::new();
                rlp::write_bytes(&mut count, bytes);
                count.len()
            }
            Self::List { payload_len, .. } => rlp::header_len(*payload_len) + payload_len,
        }
    }
}

fn from_item(reader: &mut Reader<'_>, depth: usize) -> Result<Json, Failure> {
    let too_deep = reader.error(RlpErrorKind::TooDeep);
    match reader.item()? {
        Item::Bytes(bytes) => Ok(Hex(bytes).to_string().into()),
        Item::List(_) if depth == 0 => Err(too_deep.into()),
        Item::List(mut items) => {
            let mut list = Vec::new();
            while !items.is_empty() {
                list.push(from_item(&mut items, depth - 1)?);
            }
            Ok(Json::Array(list))
        }
    }
}

/// Collects what an encoder writes.
#[derive(Default)]
pub(crate) struct Bytes(pub(crate) Vec<u8>);

impl Sink for Bytes {
    fn write(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }
}

/// The bytes of an encoding.
pub(crate) fn encoded(value: &dyn Encode) -> Vec<u8> {
    let mut out = Bytes::default();
    value.encode(&mut out);
    out.0
}

/// The bytes of an encoding as text.
pub(crate) fn hex(value: &dyn Encode) -> String {
    Hex(&encoded(value)).to_string()
}
