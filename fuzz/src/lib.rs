//! What each fuzz target does with its input: decode, and where that succeeds, check that
//! the bytes say what was decoded. A panic is a finding; so is a failed assertion.
//!
//! The same functions run in an ordinary test (`tests/tests/fuzz_corpus.rs`) over the seed
//! corpora and mutations of them.

mod modem;

use std::fmt::Write;

use coracle_core::ecdsa::{P256, PublicKey, Secp256k1};
use coracle_core::json::{self, Event, Reject, Visitor};
use coracle_core::rlp::{self, Item, Reader};
use coracle_core::{Encode, Sink};
use coracle_eth::AddressForm;
use coracle_eth::abi::{self, Revert, Signature, Type};
use coracle_eth::rpc::{
    Answer, BlockAnswer, Bytes, FeeHistoryAnswer, Hash, LogsAnswer, Quantity, ReceiptAnswer,
    ScalarAnswer, TransactionAnswer,
};
use coracle_eth::tx::SignedTx;
use coracle_net::http::ResponseReader;
use coracle_net::rpc::{self, Envelope, flat_result};
use coracle_record::{Bundle, CoseAlgorithm, Place, Start, Unverified};

pub use crate::modem::modem;

/// A target: its name, which is also that of its corpus, and what it does.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: [Target; 8] = [
    ("rlp", rlp),
    ("transaction", transaction),
    ("abi", abi),
    ("json", json),
    ("answer", answer),
    ("http", http),
    ("record", record),
    ("modem", modem),
];

/// Deeper lists are not followed; the reader itself does not recurse.
const MAX_DEPTH: usize = 16;

struct Buffer(Vec<u8>);

impl Sink for Buffer {
    fn write(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }
}

fn bytes(value: &dyn Encode) -> Vec<u8> {
    let mut out = Buffer(Vec::new());
    value.encode(&mut out);
    assert_eq!(out.0.len(), value.encoded_len());
    out.0
}

/// RLP that is accepted is written again as the same bytes.
pub fn rlp(data: &[u8]) {
    let mut reader = Reader::new(data);
    let mut out = Buffer(Vec::new());
    while !reader.is_empty() {
        let start = reader.offset();
        let Ok(item) = reader.item() else { return };
        assert!(reader.offset() > start, "no progress");
        out.0.clear();
        if copy(item, &mut out, 0).is_none() {
            return;
        }
        assert_eq!(Some(&out.0[..]), data.get(start..reader.offset()));
    }
}

fn copy(item: Item<'_>, out: &mut Buffer, depth: usize) -> Option<()> {
    match item {
        Item::Bytes(bytes) => rlp::write_bytes(out, bytes),
        Item::List(_) if depth == MAX_DEPTH => return None,
        Item::List(mut items) => {
            let mut payload = Buffer(Vec::new());
            while !items.is_empty() {
                copy(items.item().ok()?, &mut payload, depth + 1)?;
            }
            rlp::write_list_header(out, payload.0.len());
            out.write(&payload.0);
        }
    }
    Some(())
}

/// A transaction that is accepted is written again as the same bytes.
pub fn transaction(data: &[u8]) {
    let Ok(tx) = SignedTx::decode(data) else {
        return;
    };
    assert_eq!(bytes(&tx), data);
    if let Ok(sender) = tx.sender() {
        assert_eq!(tx.sender(), Ok(sender));
    }
    let _ = tx.hash();
}

/// The first line is a type or a signature, the rest is data.
pub fn abi(data: &[u8]) {
    let _ = format!("{}", Revert::decode(data));
    let Some(end) = data.iter().position(|c| *c == b'\n') else {
        return;
    };
    let (head, rest) = data.split_at(end);
    let Ok(text) = std::str::from_utf8(head) else {
        return;
    };
    if let Ok(signature) = Signature::parse(text) {
        let _ = signature.selector();
        let _ = signature.decode(&rest[1..]);
    }
    let Ok(ty) = Type::parse(text) else { return };
    if let Ok(values) = abi::decode(ty, &rest[1..]) {
        // What was checked within a budget can be walked within it.
        let _ = values.check(10_000);
    }
}

/// A log of events, joined so that the pieces of the input leave no trace.
#[derive(Default)]
struct Log(String);

impl Visitor for Log {
    fn event(&mut self, depth: usize, event: Event<'_>) -> Result<(), Reject> {
        let written = match event {
            Event::StrPart(part) => write!(self.0, "{}", part.escape_ascii()),
            Event::Key(name) => write!(self.0, "{depth}k{} ", name.escape_ascii()),
            other => write!(self.0, "{depth}{other:?} "),
        };
        written.map_err(|_| Reject)
    }
}

fn read_json(data: &[u8], piece: usize) -> Option<String> {
    let mut log = Log::default();
    let mut reader = json::Reader::new();
    for piece in data.chunks(piece) {
        reader.feed(piece, &mut log).ok()?;
    }
    reader.finish(&mut log).ok()?;
    Some(log.0)
}

/// JSON means the same in pieces of every size.
pub fn json(data: &[u8]) {
    let whole = read_json(data, data.len().max(1));
    for piece in [1, 2, 7] {
        assert_eq!(read_json(data, piece), whole);
    }
}

fn answered<A: Answer>(data: &[u8], mut answer: A) {
    let mut error_data = [0; 64];
    let mut message = rpc::ErrorText::EMPTY;
    let parts = rpc::Answer {
        result: &mut answer,
        message: Some(&mut message),
        error_data: &mut error_data,
    };
    let mut envelope = Envelope::new(1, parts);
    let fed = data.chunks(5).try_for_each(|piece| envelope.feed(piece));
    if fed.is_ok() && envelope.finish().is_ok() {
        let _ = answer.finish();
    }
}

/// An answer of a node, read as every kind of answer.
pub fn answer(data: &[u8]) {
    let _ = flat_result(1, data);
    answered(data, ScalarAnswer::<u64>::default());
    answered(data, ScalarAnswer::<Quantity>::default());
    answered(data, ScalarAnswer::<Hash>::default());
    answered(data, Bytes::new(&mut [0; 32]));
    answered(data, BlockAnswer::default());
    answered(data, TransactionAnswer::default());
    answered(data, FeeHistoryAnswer::default());
    for form in [AddressForm::Hex, AddressForm::Bech32 { hrp: "lat" }] {
        answered(data, ReceiptAnswer::new(form));
        answered(data, LogsAnswer::new(form, &mut [0; 32], |_| Ok(())));
    }
}

fn read_http(data: &[u8], piece: usize) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    let mut reader = ResponseReader::new(1 << 16);
    for piece in data.chunks(piece) {
        let mut rest = piece;
        while !rest.is_empty() && !reader.is_done() {
            let mut keep = |part: &[u8]| {
                body.extend_from_slice(part);
                Ok(())
            };
            let used = reader.feed(rest, &mut keep).ok()?;
            rest = rest.get(used..)?;
            if used == 0 {
                break;
            }
        }
    }
    reader.finish().ok()?;
    Some(body)
}

/// An HTTP answer has the same body in pieces of every size.
pub fn http(data: &[u8]) {
    let whole = read_http(data, data.len().max(1));
    for piece in [1, 3, 64] {
        assert_eq!(read_http(data, piece), whole);
    }
}

fn verify<C: CoseAlgorithm>(data: &[u8]) {
    // The generator of the curve: a key with which none of the seeds is signed.
    let Ok(key) = PublicKey::<C>::from_sec1(C_GENERATORS[usize::from(C::NAME == "P256")]) else {
        return;
    };
    if let Ok(record) = Unverified::decode(data) {
        assert!(record.verify(&key).is_err(), "a signature of nobody");
    }
    if let Ok(bundle) = Bundle::decode(data) {
        let _ = bundle
            .audit(&key, *bundle.claimed_device(), Start::At(Place::FIRST))
            .finish();
    }
}

/// Compressed generators of secp256k1 and P-256.
const C_GENERATORS: [&[u8]; 2] = [
    &[
        0x02, 0x79, 0xbe, 0x66, 0x7e, 0xf9, 0xdc, 0xbb, 0xac, 0x55, 0xa0, 0x62, 0x95, 0xce, 0x87,
        0x0b, 0x07, 0x02, 0x9b, 0xfc, 0xdb, 0x2d, 0xce, 0x28, 0xd9, 0x59, 0xf2, 0x81, 0x5b, 0x16,
        0xf8, 0x17, 0x98,
    ],
    &[
        0x03, 0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4,
        0x40, 0xf2, 0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8,
        0x98, 0xc2, 0x96,
    ],
];

/// A record or a bundle; nothing of it may verify under a key that signed none.
pub fn record(data: &[u8]) {
    verify::<Secp256k1>(data);
    verify::<P256>(data);
}
