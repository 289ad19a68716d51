//! Roots of Merkle Patricia tries, computed from all their entries.
//!
//! Reference: Ethereum yellow paper, appendix D.

use alloy_rlp::Encodable;
use revm::primitives::{B256, keccak256};

use crate::rlp::list;

/// A key as nibbles, and its value.
type Entry = (Vec<u8>, Vec<u8>);

/// Root over `values` keyed by the RLP of their index: transactions, receipts.
pub(crate) fn ordered_root(values: impl IntoIterator<Item = Vec<u8>>) -> B256 {
    let keyed = values.into_iter().enumerate();
    root(keyed.map(|(index, value)| (alloy_rlp::encode(index), value)))
}

/// Root over entries; of two with the same key the first one stands.
pub(crate) fn root(entries: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>) -> B256 {
    let mut entries: Vec<Entry> = entries
        .into_iter()
        .map(|(key, value)| (nibbles(&key), value))
        .collect();
    entries.sort();
    entries.dedup_by(|a, b| a.0 == b.0);
    if entries.is_empty() {
        return keccak256([alloy_rlp::EMPTY_STRING_CODE]);
    }
    keccak256(node(&entries, 0))
}

/// RLP of the node over `entries`, which agree in their first `depth` nibbles.
fn node(entries: &[Entry], depth: usize) -> Vec<u8> {
    if let [(key, value)] = entries {
        return pair(&key[depth..], true, &alloy_rlp::encode(value.as_slice()));
    }
    let shared = shared_nibbles(entries, depth);
    if shared == 0 {
        return branch(entries, depth);
    }
    let path = &entries[0].0[depth..depth + shared];
    pair(path, false, &reference(branch(entries, depth + shared)))
}

fn branch(entries: &[Entry], depth: usize) -> Vec<u8> {
    // Sorted, so a key that ends here comes first.
    let (ends, mut rest) = match entries {
        [(key, value), rest @ ..] if key.len() == depth => (value.as_slice(), rest),
        all => (&[][..], all),
    };
    let mut payload = Vec::new();
    for nibble in 0..16 {
        let count = rest.partition_point(|(key, _)| key[depth] <= nibble);
        let (child, others) = rest.split_at(count);
        rest = others;
        if child.is_empty() {
            payload.push(alloy_rlp::EMPTY_STRING_CODE);
        } else {
            payload.extend(reference(node(child, depth + 1)));
        }
    }
    ends.encode(&mut payload);
    list(&payload)
}

/// A leaf or an extension: the packed path and a value that is already RLP.
fn pair(path: &[u8], leaf: bool, value: &[u8]) -> Vec<u8> {
    let mut payload = Vec::new();
    packed(path, leaf).as_slice().encode(&mut payload);
    payload.extend_from_slice(value);
    list(&payload)
}

/// Nodes shorter than a hash stand for themselves.
fn reference(node: Vec<u8>) -> Vec<u8> {
    if node.len() < 32 {
        return node;
    }
    alloy_rlp::encode(keccak256(node))
}

/// Hex-prefix encoding.
fn packed(path: &[u8], leaf: bool) -> Vec<u8> {
    let odd = path.len() % 2 == 1;
    let flag = (u8::from(leaf) * 2 + u8::from(odd)) << 4;
    let (first, even) = path.split_at(usize::from(odd));
    let mut out = vec![flag | first.first().copied().unwrap_or_default()];
    out.extend(even.chunks_exact(2).map(|pair| (pair[0] << 4) | pair[1]));
    out
}

fn shared_nibbles(entries: &[Entry], depth: usize) -> usize {
    let (Some((first, _)), Some((last, _))) = (entries.first(), entries.last()) else {
        return 0;
    };
    let pairs = first[depth..].iter().zip(&last[depth..]);
    pairs.take_while(|(a, b)| a == b).count()
}

fn nibbles(key: &[u8]) -> Vec<u8> {
    key.iter().flat_map(|byte| [byte >> 4, byte & 15]).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use revm::primitives::{b256, hex};
    use serde_json::Value;

    use super::*;

    fn bytes(value: &Value) -> Option<Vec<u8>> {
        value.as_str().map(|text| hex::decode(text).unwrap())
    }

    /// tests/vectors/ethereum/trie_root.json, from ethereum/tests `TrieTests`.
    #[test]
    fn roots_are_those_of_the_public_trie_tests() {
        let file = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../tests/vectors/ethereum/trie_root.json"
        );
        let cases: Vec<Value> =
            serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        for case in &cases {
            let mut entries = BTreeMap::new();
            for op in case["ops"].as_array().unwrap() {
                let mut key = bytes(&op[0]).unwrap();
                if case["secure"] == true {
                    key = keccak256(key).to_vec();
                }
                match bytes(&op[1]) {
                    Some(value) if !value.is_empty() => entries.insert(key, value),
                    _ => entries.remove(&key),
                };
            }
            let expected = bytes(&case["root"]).unwrap();
            assert_eq!(root(entries).as_slice(), expected, "{}", case["name"]);
        }
        assert!(!cases.is_empty());
    }

    #[test]
    fn empty_trie_has_the_root_of_an_empty_string() {
        let empty = b256!("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421");
        assert_eq!(ordered_root([]), empty);
    }
}
