//! Every fuzz target over its seed corpus and a bounded number of mutations.
//!
//! The long runs are `cargo xtask fuzz`; this keeps the targets and corpora working.

use coracle_testkit::{SeededRng, root, rounds};

/// Longer inputs teach nothing more here.
const MAX_LEN: usize = 4096;

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = root().join("fuzz/corpus").join(name);
    let files = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    paths.sort();
    paths
        .into_iter()
        .map(|path| std::fs::read(path).unwrap())
        .collect()
}

/// Bytes that mean something to one decoder or another.
const TELLING: [u8; 12] = [
    0x00, 0x01, 0x7f, 0x80, 0xb8, 0xc0, 0xf8, 0xff, b'"', b'{', b'\n', b'0',
];

fn mutate(seed: &[u8], corpus: &[Vec<u8>], rng: &mut SeededRng) -> Vec<u8> {
    let mut data = seed.to_vec();
    for _ in 0..=rng.below(4) {
        let at = rng.below(data.len() + 1);
        match rng.below(7) {
            0 => data.truncate(at),
            1 => data.insert(at, rng.next_word().to_le_bytes()[0]),
            2 if at < data.len() => data[at] ^= 1 << rng.below(8),
            3 if at < data.len() => data[at] = TELLING[rng.below(TELLING.len())],
            4 if at < data.len() => drop(data.remove(at)),
            5 => {
                let other = &corpus[rng.below(corpus.len())];
                data.truncate(at);
                data.extend_from_slice(&other[rng.below(other.len() + 1)..]);
            }
            _ => {
                let piece = data[at..data.len().min(at + rng.below(40))].to_vec();
                data.splice(at..at, piece);
            }
        }
        data.truncate(MAX_LEN);
    }
    data
}

#[test]
fn corpora_and_their_mutations_pass() {
    let mut rng = SeededRng::from_env(7);
    for (name, target) in coracle_fuzz::TARGETS {
        let corpus = corpus(name);
        assert!(corpus.len() >= 5, "{name}: a corpus of {}", corpus.len());
        corpus.iter().for_each(|seed| target(seed));
        let count = rounds(20_000, 1_000_000);
        for _ in 0..count {
            let seed = &corpus[rng.below(corpus.len())];
            target(&mutate(seed, &corpus, &mut rng));
        }
        println!("{name}: {} seeds, {count} mutations", corpus.len());
    }
}
