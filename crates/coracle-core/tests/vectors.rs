//! `tests/vectors/ethereum` through the public API.

use coracle_core::ecdsa::{P256, PublicKey, Secp256k1, SecretKey, Signature};
use coracle_core::rlp::{self, Item, Reader, RlpError, RlpErrorKind};
use coracle_core::{Address, Sink, U256, keccak256, sha256};
use coracle_testkit::{Case, cases};

/// The deepest nesting that this test follows; the reader itself never recurses.
const MAX_DEPTH: usize = 64;

#[derive(Debug, PartialEq)]
enum Tree {
    Bytes(Vec<u8>),
    List(Vec<Tree>),
}

impl Tree {
    fn of(value: &serde_json::Value) -> Self {
        match value {
            serde_json::Value::Array(items) => Self::List(items.iter().map(Self::of).collect()),
            text => Self::Bytes(Case(serde_json::json!({ "name": "", "x": text })).bytes("x")),
        }
    }

    fn read(items: &mut Reader<'_>, depth: usize) -> Result<Self, RlpError> {
        if depth > MAX_DEPTH {
            return Err(items.error(RlpErrorKind::TooDeep));
        }
        Ok(match items.item()? {
            Item::Bytes(bytes) => Self::Bytes(bytes.to_vec()),
            Item::List(mut inner) => {
                let mut list = Vec::new();
                while !inner.is_empty() {
                    list.push(Self::read(&mut inner, depth + 1)?);
                }
                Self::List(list)
            }
        })
    }

    /// Bottom-up: `rlp::write_list` runs its items twice on each level.
    fn write(&self, out: &mut dyn Sink) {
        match self {
            Self::Bytes(bytes) => rlp::write_bytes(out, bytes),
            Self::List(items) => {
                let payload = encode(|out| items.iter().for_each(|item| item.write(out)));
                rlp::write_list_header(out, payload.len());
                out.write(&payload);
            }
        }
    }
}

struct Bytes(Vec<u8>);

impl Sink for Bytes {
    fn write(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }
}

fn decode(raw: &[u8]) -> Result<Tree, RlpError> {
    let mut reader = Reader::new(raw);
    let tree = Tree::read(&mut reader, 0)?;
    reader.finish()?;
    Ok(tree)
}

fn encode(write: impl FnOnce(&mut dyn Sink)) -> Vec<u8> {
    let mut out = Bytes(Vec::new());
    write(&mut out);
    out.0
}

fn uint(raw: &[u8], bits: u64) -> Result<U256, RlpError> {
    let mut reader = Reader::new(raw);
    let value = reader.uint()?;
    reader.finish()?;
    if u64::from(value.bits()) > bits {
        return Err(reader.error(RlpErrorKind::Overflow));
    }
    Ok(value)
}

#[test]
fn rlp_items_match_or_are_refused() {
    let (mut decoded, mut refused, mut integers) = (0, 0, 0);
    for case in cases("ethereum/rlp.json") {
        let raw = case.bytes("rlp");
        if case.has("decoded") {
            let tree = Tree::of(&case.0["decoded"]);
            assert_eq!(encode(|out| tree.write(out)), raw, "{}", case.name());
            assert_eq!(decode(&raw), Ok(tree), "{}", case.name());
            decoded += 1;
        } else if case.has("uint") || case.has("uint_error") {
            let bits = case.0["bits"].as_u64().unwrap_or(256);
            let value = uint(&raw, bits);
            if case.has("uint") {
                let expected = U256::from_decimal(case.str("uint")).unwrap();
                assert_eq!(value, Ok(expected), "{}", case.name());
                assert_eq!(encode(|out| rlp::write_uint(out, expected)), raw);
            } else {
                assert!(value.is_err(), "{}", case.name());
            }
            integers += 1;
        } else if case.0["valid"] == true {
            let tree = decode(&raw).unwrap();
            assert_eq!(encode(|out| tree.write(out)), raw, "{}", case.name());
            decoded += 1;
        } else {
            // The one case without a verdict is nested too deeply to follow.
            assert!(decode(&raw).is_err(), "{}", case.name());
            refused += 1;
        }
    }
    assert_eq!((decoded, refused, integers), (77, 30, 7));
}

#[test]
fn digests_match() {
    let cases = cases("ethereum/keccak.json");
    assert_eq!(cases.len(), 386);
    for case in cases {
        let data = case.bytes("data");
        assert_eq!(
            keccak256(&data).0,
            case.array("keccak256"),
            "{}",
            case.name()
        );
        assert_eq!(sha256(&data).0, case.array("sha256"), "{}", case.name());
    }
}

#[test]
fn keys_give_their_addresses() {
    let mut keys = 0;
    for case in cases("ethereum/accounts.json") {
        if !case.has("key") {
            let address: Address = case.str("address").parse().unwrap();
            assert_eq!(address.to_string(), case.str("address"));
            continue;
        }
        let key = SecretKey::<Secp256k1>::from_bytes(&case.array("key")).unwrap();
        let address = Address::from_public_key(key.public_key());
        let form = if case.has("address") {
            "address"
        } else {
            "address_lower"
        };
        let printed = if form == "address" {
            format!("{address}")
        } else {
            format!("{address:x}")
        };
        assert_eq!(printed, case.str(form), "{}", case.name());
        keys += 1;
    }
    assert_eq!(keys, 280);
}

#[test]
fn address_checksums_decide() {
    for case in cases("ethereum/eip55.json") {
        let parsed = case.str("address").parse::<Address>();
        match case.str("expect") {
            "ok" => assert_eq!(
                parsed.unwrap().to_string(),
                case.str("address"),
                "{}",
                case.name()
            ),
            "lenient-ok" => assert!(parsed.is_ok(), "{}", case.name()),
            _ => assert!(parsed.is_err(), "{}", case.name()),
        }
    }
}

/// Whether a signature of Wycheproof is accepted, under the rule of its case.
fn accepts<C: coracle_core::ecdsa::Curve>(case: &Case) -> bool {
    let Ok(key) = PublicKey::<C>::from_sec1(&case.bytes("pub")) else {
        return false;
    };
    let raw = case.bytes("sig");
    let signature = match case.str("rule") {
        "p1363" => raw
            .try_into()
            .ok()
            .and_then(|raw| Signature::<C>::from_bytes(&raw, None).ok()),
        _ => Signature::<C>::from_der(&raw).ok(),
    };
    let low_s_alone = case.str("rule") == "der-lows";
    signature.is_some_and(|signature| {
        let verified = key.verify_prehash(&sha256(&case.bytes("msg")), &signature);
        verified.is_ok() && (signature.is_low_s() || !low_s_alone)
    })
}

fn check_wycheproof<C: coracle_core::ecdsa::Curve>(path: &str, expected: (usize, usize)) {
    let (mut valid, mut invalid) = (0, 0);
    for case in cases(path) {
        let is_valid = case.str("result") == "valid";
        assert_eq!(
            accepts::<C>(&case),
            is_valid,
            "{}: {}",
            case.name(),
            case.0["flags"]
        );
        *if is_valid { &mut valid } else { &mut invalid } += 1;
    }
    assert_eq!((valid, invalid), expected);
}

#[test]
fn secp256k1_signatures_of_wycheproof() {
    check_wycheproof::<Secp256k1>("ethereum/ecdsa_secp256k1.json", (249, 347));
}

#[test]
fn p256_signatures_of_wycheproof() {
    check_wycheproof::<P256>("ethereum/ecdsa_secp256r1.json", (86, 45));
}
