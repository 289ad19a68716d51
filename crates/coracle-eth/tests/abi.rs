//! Rules of the contract ABI that no published vector shows.

use coracle_core::Error;
use coracle_core::{Address, B256, Encode, ErrorKind, Sink, U256, encode_window, keccak256};
use coracle_eth::abi::{
    Call, DecodeErrorKind, Event, EventError, I256, LogError, LogValue, Params, Signature, Type,
    Value, ValueErrorKind, decode,
};

fn refusal(ty: &str, values: &[Value<'_>]) -> (ValueErrorKind, Vec<u16>) {
    let error = Params::new(Type::parse(ty).unwrap(), values).expect_err(ty);
    assert_eq!(error.kind(), ErrorKind::Caller);
    (error.what, error.path.indices().to_vec())
}

fn encode(value: &dyn Encode) -> Vec<u8> {
    let mut out = vec![0; value.encoded_len()];
    value.encode_into(&mut out).unwrap();
    out
}

/// Writes `len` bytes in pieces of uneven length.
struct Pieces {
    len: usize,
}

impl Encode for Pieces {
    fn encode(&self, out: &mut dyn Sink) {
        let bytes: Vec<u8> = (0..=250).cycle().take(self.len).collect();
        bytes.chunks(37).for_each(|piece| out.write(piece));
    }
}

#[test]
fn a_large_payload_streams_through_a_small_window() {
    let record = Pieces { len: 10 * 1024 };
    let bytes = encode(&record);
    let signature = Signature::parse("report(uint64,bytes,string)").unwrap();
    let around = |payload| [Value::from(7_u64), payload, Value::from("m3")];
    let (streamed, plain) = (around(Value::encoded(&record)), around(bytes[..].into()));
    let call = Call::new(signature, &streamed).unwrap();
    let expected = encode(&Call::new(signature, &plain).unwrap());
    let (mut out, mut window) = (Vec::new(), [0; 64]);
    while let len @ 1.. = encode_window(&call, out.len(), &mut window) {
        out.extend_from_slice(&window[..len]);
    }
    assert!(out == expected);
    assert_eq!(expected.len(), 4 + 32 * (3 + 1 + 320 + 2));
}

#[test]
fn padding_of_payloads_of_every_length() {
    let ty = Type::parse("(bytes,uint8)").unwrap();
    for len in 0..100 {
        let bytes = encode(&Pieces { len });
        let values = [Value::from(&bytes[..]), Value::from(9_u64)];
        let data = encode(&Params::new(ty, &values).unwrap());
        assert_eq!(data.len(), 96 + len.next_multiple_of(32));
        let mut values = decode(ty, &data).unwrap();
        assert_eq!(values.next().unwrap().unwrap().as_bytes(), Some(&bytes[..]));
        assert_eq!(
            values.next().unwrap().unwrap().as_uint(),
            Some(U256::from_u64(9))
        );
    }
}

#[test]
fn a_bad_value_is_named_by_its_path() {
    let good = [Value::from(1_u64), Value::from(true)];
    let bad = [Value::from(256_u64), Value::from(true)];
    let pairs = [Value::Tuple(&good), Value::Tuple(&good), Value::Tuple(&bad)];
    let values = [Value::from("x"), Value::Array(&pairs)];
    let ty = "(string,(uint8,bool)[])";
    assert_eq!(
        refusal(ty, &values),
        (ValueErrorKind::OutOfRange, vec![1, 2, 0])
    );
    let error = Params::new(Type::parse(ty).unwrap(), &values).unwrap_err();
    assert_eq!(error.to_string(), "parameter 1.2.0: number out of range");
}

#[test]
fn numbers_must_fit_their_width() {
    let over = |bits: u32| Value::Uint((0..bits).fold(U256::ONE, |n, _| n.saturating_add(n)));
    for bits in (8..256).step_by(8) {
        let found = refusal(&format!("uint{bits}"), &[over(bits)]);
        assert_eq!(found, (ValueErrorKind::OutOfRange, vec![0]), "uint{bits}");
    }
    for (ty, value) in [
        ("int8", 128),
        ("int8", -129),
        ("int16", 32768),
        ("int24", -8_388_609),
    ] {
        let found = refusal(ty, &[Value::from(value as i64)]);
        assert_eq!(found, (ValueErrorKind::OutOfRange, vec![0]), "{ty} {value}");
    }
}

#[test]
fn values_must_be_of_the_kind_of_the_type() {
    let list = [Value::from(1_u64)];
    let one_of_each = [
        ("uint8", Value::from(1_u64)),
        ("int8", Value::from(1_i64)),
        ("bool", Value::from(true)),
        ("address", Value::from(Address::ZERO)),
        ("bytes1", Value::FixedBytes(&[1])),
        ("bytes", Value::from(&[1][..])),
        ("string", Value::from("a")),
        ("uint8[]", Value::Array(&list)),
        ("(uint8)", Value::Tuple(&list)),
    ];
    for (i, (name, _)) in one_of_each.iter().enumerate() {
        let ty = format!("({name})");
        for (j, (_, value)) in one_of_each.iter().enumerate() {
            let params = Params::new(Type::parse(&ty).unwrap(), std::slice::from_ref(value));
            let expected = (i != j).then_some(ValueErrorKind::WrongKind);
            assert_eq!(
                params.err().map(|error| error.what),
                expected,
                "{name} {value:?}"
            );
        }
    }
}

#[test]
fn lengths_and_counts_must_be_those_of_the_type() {
    let two = [Value::from(1_u64), Value::from(2_u64)];
    let count = |expected, found| ValueErrorKind::WrongCount { expected, found };
    let len = |expected, found| ValueErrorKind::WrongLength { expected, found };
    assert_eq!(refusal("(uint8)", &two), (count(1, 2), vec![]));
    assert_eq!(refusal("(uint8,uint8,uint8)", &two), (count(3, 2), vec![]));
    assert_eq!(refusal("uint8", &two), (count(1, 2), vec![]));
    assert_eq!(refusal("()", &two), (count(0, 2), vec![]));
    assert_eq!(
        refusal("uint8[3]", &[Value::Array(&two)]),
        (count(3, 2), vec![0])
    );
    assert_eq!(
        refusal("((uint8))", &[Value::Tuple(&two)]),
        (count(1, 2), vec![0])
    );
    assert_eq!(
        refusal("bytes4", &[Value::FixedBytes(&[0; 5])]),
        (len(4, 5), vec![0])
    );
    assert_eq!(
        refusal("bytes4", &[Value::FixedBytes(&[])]),
        (len(4, 0), vec![0])
    );
    assert_eq!(
        refusal("function", &[Value::FixedBytes(&[0; 20])]),
        (len(24, 20), vec![0])
    );
}

#[test]
fn fixed_point_numbers_are_scaled_integers() {
    let ty = Type::parse("(fixed128x18,ufixed8x1)").unwrap();
    let values = [Value::from(-1_i64), Value::from(25_u64)];
    let data = encode(&Params::new(ty, &values).unwrap());
    let mut back = decode(ty, &data).unwrap();
    assert_eq!(
        back.next().unwrap().unwrap().as_int(),
        Some(I256::from(-1_i64))
    );
    assert_eq!(
        back.next().unwrap().unwrap().as_uint(),
        Some(U256::from_u64(25))
    );
}

const TRANSFER: &str = "Transfer(address,address,uint256)";

fn transfer(indexed: &[bool]) -> Event<'_> {
    Event::new(Signature::parse(TRANSFER).unwrap(), indexed).unwrap()
}

#[test]
fn an_event_has_a_flag_for_each_parameter_and_a_topic_for_each_flag() {
    let four = Signature::parse("E(uint8,uint8,uint8,uint8)").unwrap();
    let five = Signature::parse("E(uint8,uint8,uint8,uint8,uint8)").unwrap();
    let error = Event::new(four, &[true; 3]).unwrap_err();
    assert_eq!(
        error,
        EventError::WrongCount {
            expected: 4,
            found: 3
        }
    );
    let error = Event::new(four, &[true; 4]).unwrap_err();
    assert_eq!(error, EventError::TooManyIndexed { max: 3 });
    assert!(Event::anonymous(four, &[true; 4]).is_ok());
    let error = Event::anonymous(five, &[true; 5]).unwrap_err();
    assert_eq!(error, EventError::TooManyIndexed { max: 4 });
}

#[test]
fn a_log_of_another_shape_is_refused() {
    let event = transfer(&[true, true, false]);
    let topics = [event.topic0().unwrap(), B256::ZERO, B256::ZERO, B256::ZERO];
    let data = [0; 32];
    for found in [0, 1, 2, 4] {
        let error = event.decode(&topics[..found], &data).unwrap_err();
        assert_eq!(error, LogError::TopicCount { expected: 3, found });
        assert_eq!(error.kind(), ErrorKind::Remote);
    }
    let other = [B256::ZERO; 3];
    assert_eq!(
        event.decode(&other, &data).unwrap_err(),
        LogError::WrongEvent
    );
    let error = event.decode(&topics[..3], &data[1..]).unwrap_err();
    assert!(matches!(error, LogError::Data(cause) if cause.what == DecodeErrorKind::Truncated));
}

#[test]
fn a_dirty_topic_is_named() {
    let event = transfer(&[true, true, false]);
    let topics = [event.topic0().unwrap(), B256::ZERO, B256([1; 32])];
    let mut values = event.decode(&topics, &[0; 32]).unwrap();
    assert!(values.next().unwrap().is_ok());
    let what = DecodeErrorKind::DirtyNumber;
    assert_eq!(
        values.next().unwrap().unwrap_err(),
        LogError::Topic { index: 2, what }
    );
    assert!(values.next().unwrap().is_ok());
    assert!(values.next().is_none());
}

#[test]
fn an_indexed_string_is_known_by_its_hash() {
    let signature = Signature::parse("Named(string,uint8[2],(bool,bool),uint8)").unwrap();
    let event = Event::anonymous(signature, &[true; 4]).unwrap();
    let hash = keccak256(b"meter");
    let topics = [hash, hash, hash, B256::ZERO];
    let values: Vec<_> = event.decode(&topics, &[]).unwrap().collect();
    assert_eq!(values.len(), 4);
    for value in &values[..3] {
        assert!(matches!(value, Ok(LogValue::Hash(topic)) if *topic == hash));
    }
    assert!(matches!(&values[3], Ok(LogValue::Decoded(value)) if value.as_uint().is_some()));
}

#[test]
fn a_payload_of_another_error_is_refused() {
    let signature = Signature::parse("Bad(uint256)").unwrap();
    let good = [&signature.selector()[..], &[0; 32]].concat();
    assert_eq!(signature.decode(&good).unwrap().len(), 1);
    for data in [&[][..], &good[..3], &good[1..]] {
        let error = signature.decode(data).unwrap_err();
        assert_eq!(error.what, DecodeErrorKind::WrongSelector);
    }
    let error = signature.decode(&good[..35]).unwrap_err();
    assert_eq!(error.what, DecodeErrorKind::Truncated);
}
