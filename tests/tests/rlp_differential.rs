//! `coracle_core::rlp` against the crate `rlp`, and `U256` against `alloy_primitives`.

use alloy_primitives::U256 as Alloy;
use coracle_core::json::Quantity;
use coracle_core::rlp::{Item, Reader, write_bytes, write_list};
use coracle_core::{CountSink, Encode, Sink, U256};
use coracle_testkit::{SeededRng, rounds};
use rlp::{Rlp, RlpStream};

/// How deep the trees are.
const DEPTH: usize = 5;

#[derive(Clone, Debug, Eq, PartialEq)]
enum Tree {
    Bytes(Vec<u8>),
    List(Vec<Tree>),
}

impl Tree {
    fn any(rng: &mut SeededRng, depth: usize) -> Self {
        if depth == 0 || rng.below(3) > 0 {
            // Around the lengths at which the header changes, now and then.
            let len = match rng.below(6) {
                0 => 0,
                1 => 1,
                2 => 54 + rng.below(4),
                3 => 254 + rng.below(4),
                _ => rng.below(40),
            };
            return Self::Bytes(rng.bytes(len));
        }
        let len = rng.below(6);
        Self::List((0..len).map(|_| Self::any(rng, depth - 1)).collect())
    }

    fn write(&self, out: &mut dyn Sink) {
        match self {
            Self::Bytes(bytes) => write_bytes(out, bytes),
            Self::List(items) => write_list(out, |out| {
                items.iter().for_each(|item| item.write(out));
            }),
        }
    }

    fn append(&self, out: &mut RlpStream) {
        match self {
            Self::Bytes(bytes) => {
                out.append(bytes);
            }
            Self::List(items) => {
                out.begin_list(items.len());
                items.iter().for_each(|item| item.append(out));
            }
        }
    }

    /// As the strict reader reads it: one item and nothing after it.
    fn read(input: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(input);
        let tree = Self::read_item(&mut reader)?;
        reader.finish().ok()?;
        Some(tree)
    }

    fn read_item(reader: &mut Reader<'_>) -> Option<Self> {
        match reader.item().ok()? {
            Item::Bytes(bytes) => Some(Self::Bytes(bytes.to_vec())),
            Item::List(mut items) => {
                let mut list = Vec::new();
                while !items.is_empty() {
                    list.push(Self::read_item(&mut items)?);
                }
                Some(Self::List(list))
            }
        }
    }

    /// As the crate `rlp` reads it.
    fn read_theirs(item: &Rlp<'_>) -> Result<Self, rlp::DecoderError> {
        if item.is_list() {
            let items = item.iter().map(|item| Self::read_theirs(&item));
            return items.collect::<Result<_, _>>().map(Self::List);
        }
        item.data().map(|bytes| Self::Bytes(bytes.to_vec()))
    }
}

impl Encode for Tree {
    fn encode(&self, out: &mut dyn Sink) {
        self.write(out);
    }
}

fn ours(tree: &Tree) -> Vec<u8> {
    let mut out = vec![0; tree.encoded_len()];
    tree.encode_into(&mut out).unwrap();
    out
}

fn theirs(tree: &Tree) -> Vec<u8> {
    let mut out = RlpStream::new();
    tree.append(&mut out);
    out.out().to_vec()
}

#[test]
fn random_trees_encode_and_decode_alike() {
    let mut rng = SeededRng::from_env(0x71c0);
    for round in 0..rounds(2_000, 200_000) {
        let tree = Tree::any(&mut rng, DEPTH);
        let bytes = ours(&tree);
        assert_eq!(bytes, theirs(&tree), "round {round}");
        assert_eq!(Tree::read(&bytes).as_ref(), Some(&tree), "round {round}");
        let mut count = CountSink::new();
        tree.encode(&mut count);
        assert_eq!(count.len(), bytes.len(), "round {round}");
    }
}

/// What is taken has one meaning and one form.
fn check_bytes(bytes: &[u8]) -> bool {
    let Some(tree) = Tree::read(bytes) else {
        return false;
    };
    assert_eq!(ours(&tree), bytes, "another form of the same: {bytes:02x?}");
    assert_eq!(theirs(&tree), bytes);
    assert_eq!(
        Tree::read_theirs(&Rlp::new(bytes)),
        Ok(tree),
        "{bytes:02x?}"
    );
    true
}

#[test]
fn what_the_strict_reader_takes_the_other_reads_alike() {
    let mut rng = SeededRng::from_env(0x71c1);
    let mut taken = 0;
    let total = rounds(20_000, 1_000_000);
    for _ in 0..total {
        let mut bytes = match rng.below(3) {
            0 => {
                let len = rng.below(12);
                rng.bytes(len)
            }
            _ => ours(&Tree::any(&mut rng, 3)),
        };
        for _ in 0..rng.below(3) {
            damage(&mut rng, &mut bytes);
        }
        taken += usize::from(check_bytes(&bytes));
    }
    println!("{taken} of {total} taken");
    assert!(taken > total / 10 && taken < total, "neither none nor all");
}

fn damage(rng: &mut SeededRng, bytes: &mut Vec<u8>) {
    let at = rng.below(bytes.len());
    match rng.below(4) {
        0 => bytes.truncate(at),
        1 => bytes.extend(rng.bytes(1)),
        _ => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = rng.bytes(1)[0];
            }
        }
    }
}

/// A number of any length, with runs of zeros and ones.
fn number(rng: &mut SeededRng) -> [u8; 32] {
    let mut bytes = [0; 32];
    let len = rng.below(33);
    let fill = rng.bytes(32);
    for (at, byte) in bytes.iter_mut().enumerate().skip(32 - len) {
        *byte = match rng.below(4) {
            0 => 0,
            1 => 0xff,
            _ => fill[at],
        };
    }
    bytes
}

fn ours_of(value: Alloy) -> U256 {
    U256::from_be_bytes(&value.to_be_bytes())
}

#[test]
fn arithmetic_agrees() {
    let mut rng = SeededRng::from_env(0x71c2);
    for _ in 0..rounds(2_000, 200_000) {
        let (a, b) = (number(&mut rng), number(&mut rng));
        let (x, y) = (U256::from_be_bytes(&a), U256::from_be_bytes(&b));
        let (p, q) = (Alloy::from_be_bytes(a), Alloy::from_be_bytes(b));
        assert_eq!(x.checked_add(y), p.checked_add(q).map(ours_of), "{p} + {q}");
        assert_eq!(x.checked_sub(y), p.checked_sub(q).map(ours_of), "{p} - {q}");
        assert_eq!(x.checked_mul(y), p.checked_mul(q).map(ours_of), "{p} * {q}");
        assert_eq!(x.saturating_add(y), ours_of(p.saturating_add(q)));
        assert_eq!(x.saturating_mul(y), ours_of(p.saturating_mul(q)));
        assert_eq!(x.wrapping_neg(), ours_of(p.wrapping_neg()), "-{p}");
        assert_eq!(x.cmp(&y), p.cmp(&q), "{p} <=> {q}");
        assert_eq!(usize::try_from(x.bits()).unwrap(), p.bit_len(), "{p}");
        let divisor = rng.next_word() >> rng.below(64);
        let quotient = p.checked_div(Alloy::from(divisor)).map(ours_of);
        let rest = p
            .checked_rem(Alloy::from(divisor))
            .map(|rest| rest.to::<u64>());
        assert_eq!(
            x.div_rem_u64(divisor),
            quotient.zip(rest),
            "{p} / {divisor}"
        );
        assert_eq!(u64::try_from(x).ok(), u64::try_from(p).ok(), "{p}");
    }
}

#[test]
fn printing_and_reading_agree() {
    let mut rng = SeededRng::from_env(0x71c3);
    for _ in 0..rounds(2_000, 200_000) {
        let bytes = number(&mut rng);
        let (x, p) = (U256::from_be_bytes(&bytes), Alloy::from_be_bytes(bytes));
        let (decimal, hex) = (p.to_string(), format!("{p:#x}"));
        assert_eq!(x.to_string(), decimal);
        assert_eq!(Quantity(x).to_string(), hex);
        assert_eq!(U256::from_decimal(&decimal), Ok(x));
        assert_eq!(U256::from_quantity(&hex), Ok(x));
        // A digit changed, added or taken away: the same number for both, or none.
        let mut digits = decimal.into_bytes();
        damage_digit(&mut rng, &mut digits);
        let text = String::from_utf8(digits).unwrap();
        let theirs = Alloy::from_str_radix(&text, 10).ok().map(ours_of);
        let is_plain = text.bytes().all(|c| c.is_ascii_digit()) && !text.is_empty();
        let theirs = theirs.filter(|_| is_plain);
        if let Ok(value) = U256::from_decimal(&text) {
            assert_eq!(Some(value), theirs, "{text}");
        } else {
            // Stricter at most in form, never in value.
            let is_canonical = text == "0" || !text.starts_with('0');
            assert!(theirs.is_none() || !is_canonical, "{text}");
        }
    }
}

fn damage_digit(rng: &mut SeededRng, digits: &mut Vec<u8>) {
    let at = rng.below(digits.len());
    match rng.below(4) {
        0 => digits[at] = b"0123456789 +-x_"[rng.below(15)],
        1 => digits.insert(at, b'0' + u8::try_from(rng.below(10)).unwrap()),
        2 => drop(digits.remove(at)),
        _ => {}
    }
}
