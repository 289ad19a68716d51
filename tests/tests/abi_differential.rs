//! `coracle_eth::abi` against `alloy-dyn-abi`: random types and values, and encodings
//! with random damage.

use alloy_dyn_abi::{DynSolType, DynSolValue};
use alloy_primitives::{B256 as Word, Function, I256 as AlloyInt, U256 as AlloyUint, keccak256};
use bumpalo::Bump;
use coracle_core::{Address, Encode, U256};
use coracle_eth::abi::{Call, Decoded, I256, Params, Signature, Type, Value, Values, decode};
use coracle_testkit::{SeededRng, rounds};

/// How deep the types may be, the parameter list not counted.
const DEPTH: usize = 4;

/// The most work for one decoding of damaged data.
const BUDGET: usize = 4096;

fn any_type(rng: &mut SeededRng, depth: usize) -> DynSolType {
    let choices = if depth == 0 { 8 } else { 14 };
    match rng.below(choices) {
        0 => DynSolType::Uint(8 * (1 + rng.below(32))),
        1 => DynSolType::Int(8 * (1 + rng.below(32))),
        2 => DynSolType::Bool,
        3 => DynSolType::Address,
        4 => DynSolType::FixedBytes(1 + rng.below(32)),
        5 => DynSolType::Bytes,
        6 => DynSolType::String,
        7 => DynSolType::Function,
        8 | 9 => DynSolType::Array(Box::new(any_type(rng, depth - 1))),
        10 | 11 => DynSolType::FixedArray(Box::new(any_type(rng, depth - 1)), 1 + rng.below(3)),
        _ => DynSolType::Tuple(
            (0..=rng.below(4))
                .map(|_| any_type(rng, depth - 1))
                .collect(),
        ),
    }
}

fn any_params(rng: &mut SeededRng) -> DynSolType {
    DynSolType::Tuple((0..rng.below(5)).map(|_| any_type(rng, DEPTH)).collect())
}

/// The text of a type; alloy's own has a comma in a tuple of one.
fn name(ty: &DynSolType) -> String {
    match ty {
        DynSolType::Array(element) => format!("{}[]", name(element)),
        DynSolType::FixedArray(element, len) => format!("{}[{len}]", name(element)),
        DynSolType::Tuple(types) => {
            let names: Vec<_> = types.iter().map(name).collect();
            format!("({})", names.join(","))
        }
        scalar => scalar.sol_type_name().into_owned(),
    }
}

/// Bits with long runs of equal ones, so that the ends of each range occur.
fn any_word(rng: &mut SeededRng) -> Word {
    match rng.below(4) {
        0 => Word::ZERO,
        1 => Word::repeat_byte(0xff),
        2 => Word::with_last_byte(rng.next_word().to_le_bytes()[0]),
        _ => Word::from_slice(&rng.bytes(32)),
    }
}

fn any_text(rng: &mut SeededRng) -> String {
    let chars = ['a', '0', '\0', '"', 'é', '水', '🜄'];
    (0..rng.below(40))
        .map(|_| chars[rng.below(chars.len())])
        .collect()
}

fn any_value(rng: &mut SeededRng, ty: &DynSolType) -> DynSolValue {
    match ty {
        DynSolType::Bool => DynSolValue::Bool(rng.below(2) == 1),
        DynSolType::Uint(bits) => {
            let value: AlloyUint = any_word(rng).into();
            DynSolValue::Uint(value >> (256 - bits), *bits)
        }
        DynSolType::Int(bits) => {
            let value = AlloyInt::from_raw(any_word(rng).into());
            DynSolValue::Int(value.asr(256 - bits), *bits)
        }
        DynSolType::FixedBytes(len) => {
            let mut word = any_word(rng);
            word[*len..].fill(0);
            DynSolValue::FixedBytes(word, *len)
        }
        DynSolType::Address => {
            DynSolValue::Address(alloy_primitives::Address::from_word(any_word(rng)))
        }
        DynSolType::Function => DynSolValue::Function(Function::from_slice(&rng.bytes(24))),
        DynSolType::Bytes => {
            let len = rng.below(100);
            DynSolValue::Bytes(rng.bytes(len))
        }
        DynSolType::String => DynSolValue::String(any_text(rng)),
        DynSolType::Array(element) => {
            DynSolValue::Array((0..rng.below(4)).map(|_| any_value(rng, element)).collect())
        }
        DynSolType::FixedArray(element, len) => {
            DynSolValue::FixedArray((0..*len).map(|_| any_value(rng, element)).collect())
        }
        DynSolType::Tuple(types) => {
            DynSolValue::Tuple(types.iter().map(|ty| any_value(rng, ty)).collect())
        }
    }
}

/// The same value for coracle.
fn ours<'a>(value: &'a DynSolValue, arena: &'a Bump) -> Value<'a> {
    match value {
        DynSolValue::Bool(value) => Value::Bool(*value),
        DynSolValue::Uint(value, _) => Value::Uint(U256::from_be_bytes(&value.to_be_bytes())),
        DynSolValue::Int(value, _) => Value::Int(I256::from_be_bytes(&value.to_be_bytes())),
        DynSolValue::FixedBytes(word, len) => Value::FixedBytes(&word[..*len]),
        DynSolValue::Address(address) => Value::Address(Address(address.into_array())),
        DynSolValue::Function(function) => Value::FixedBytes(function.as_slice()),
        DynSolValue::Bytes(bytes) => Value::from(&bytes[..]),
        DynSolValue::String(text) => Value::from(&text[..]),
        DynSolValue::Array(members) | DynSolValue::FixedArray(members) => {
            Value::Array(ours_list(members, arena))
        }
        DynSolValue::Tuple(members) => Value::Tuple(ours_list(members, arena)),
    }
}

fn ours_list<'a>(members: &'a [DynSolValue], arena: &'a Bump) -> &'a [Value<'a>] {
    let values: Vec<_> = members.iter().map(|value| ours(value, arena)).collect();
    arena.alloc_slice_copy(&values)
}

fn members(value: &DynSolValue) -> &[DynSolValue] {
    value.as_tuple().expect("a parameter list")
}

fn is_same(found: Decoded<'_>, expected: &DynSolValue) -> bool {
    match (found, expected) {
        (Decoded::Bool(a), DynSolValue::Bool(b)) => a == *b,
        (Decoded::Uint(a), DynSolValue::Uint(b, _)) => a.to_be_bytes() == b.to_be_bytes::<32>(),
        (Decoded::Int(a), DynSolValue::Int(b, _)) => a.to_be_bytes() == b.to_be_bytes::<32>(),
        (Decoded::FixedBytes(a), DynSolValue::FixedBytes(b, len)) => *a == b[..*len],
        (Decoded::FixedBytes(a), DynSolValue::Function(b)) => a == b.as_slice(),
        (Decoded::Address(a), DynSolValue::Address(b)) => a.0 == b.into_array(),
        (Decoded::Bytes(a), DynSolValue::Bytes(b)) => a == b,
        (Decoded::String(a), DynSolValue::String(b)) => a == b,
        (Decoded::Array(a), DynSolValue::Array(b) | DynSolValue::FixedArray(b))
        | (Decoded::Tuple(a), DynSolValue::Tuple(b)) => are_same(a, b),
        _ => false,
    }
}

fn are_same(found: Values<'_>, expected: &[DynSolValue]) -> bool {
    found.len() == expected.len()
        && found
            .zip(expected)
            .all(|(found, expected)| found.is_ok_and(|found| is_same(found, expected)))
}

fn encode(value: &dyn Encode) -> Vec<u8> {
    let mut out = vec![0; value.encoded_len()];
    let len = value.encode_into(&mut out).expect("encoded_len is enough");
    assert_eq!(len, out.len(), "encoded_len is exact");
    out
}

#[test]
fn calls_and_parameters_are_those_of_alloy() {
    let mut rng = SeededRng::from_env(0xab1);
    for round in 0..rounds(300, 20_000) {
        let ty = any_params(&mut rng);
        let value = any_value(&mut rng, &ty);
        let text = name(&ty);
        let arena = Bump::new();
        let values = ours_list(members(&value), &arena);
        let expected = value.abi_encode_params();

        let params = Params::new(Type::parse(&text).unwrap(), values).unwrap();
        assert_eq!(encode(&params), expected, "round {round}: {text}");

        let signature = format!("f{round}{text}");
        let call = Call::new(Signature::parse(&signature).unwrap(), values).unwrap();
        let selector = &keccak256(&signature)[..4];
        assert_eq!(encode(&call), [selector, &expected].concat(), "{signature}");
    }
}

#[test]
fn what_alloy_encodes_is_decoded() {
    let mut rng = SeededRng::from_env(0xab2);
    for round in 0..rounds(300, 20_000) {
        let ty = any_params(&mut rng);
        let value = any_value(&mut rng, &ty);
        let text = name(&ty);
        let data = value.abi_encode_params();
        let found = decode(Type::parse(&text).unwrap(), &data).unwrap();
        assert!(are_same(found, members(&value)), "round {round}: {text}");
    }
}

/// A word that a hostile encoder would write as an offset or a length.
fn hostile_word(rng: &mut SeededRng, len: usize) -> Word {
    let end = u64::try_from(len).expect("a small test");
    let number = match rng.below(6) {
        0 => 32 * (rng.next_word() % 8),
        1 => rng.next_word() % (end + 64),
        2 => end,
        3 => (1 << 32) + 32,
        4 => 1 << 59,
        _ => u64::MAX,
    };
    let number = AlloyUint::from(number);
    Word::from(match rng.below(6) {
        0 => number + (AlloyUint::ONE << 64),
        1 => AlloyUint::MAX - number,
        _ => number,
    })
}

fn damage(rng: &mut SeededRng, data: &mut Vec<u8>) {
    let at = rng.below(data.len());
    match rng.below(5) {
        _ if data.is_empty() => {}
        0 => data.truncate(at),
        1 => data[at] ^= 1 << rng.below(8),
        2 => data[at] = rng.next_word().to_le_bytes()[0],
        _ => {
            let start = at / 32 * 32;
            let word = hostile_word(rng, data.len());
            if let Some(place) = data.get_mut(start..start + 32) {
                place.copy_from_slice(word.as_slice());
            }
        }
    }
}

/// alloy also wants as many bytes as an encoding without shared parts has. Zeros after
/// the last value, which both ignore, give it them.
fn their_reading(ty: &DynSolType, data: &[u8]) -> Result<DynSolValue, alloy_dyn_abi::Error> {
    ty.abi_decode_params(data).or_else(|_| {
        let longer = [data, &[0; 1 << 16]].concat();
        ty.abi_decode_params(&longer)
    })
}

/// Damaged data never panics or runs on, and what is accepted is what alloy makes of it.
#[test]
fn damaged_data_is_refused_or_read_as_alloy_reads_it() {
    let mut rng = SeededRng::from_env(0xab3);
    let (mut accepted, mut refused) = (0, 0);
    for round in 0..rounds(300, 20_000) {
        let ty = any_params(&mut rng);
        let text = name(&ty);
        let intact = any_value(&mut rng, &ty).abi_encode_params();
        for _ in 0..10 {
            let mut data = intact.clone();
            (0..=rng.below(3)).for_each(|_| damage(&mut rng, &mut data));
            let found = decode(Type::parse(&text).unwrap(), &data);
            let Ok(found) = found.and_then(|found| found.check(BUDGET).map(|_| found)) else {
                refused += 1;
                continue;
            };
            accepted += 1;
            let theirs = their_reading(&ty, &data);
            let theirs = theirs.unwrap_or_else(|e| panic!("round {round}: {text} {e} {data:02x?}"));
            assert!(are_same(found, members(&theirs)), "round {round}: {text}");
        }
    }
    println!("{accepted} accepted, {refused} refused");
    assert!(accepted > 0 && refused > accepted);
}
