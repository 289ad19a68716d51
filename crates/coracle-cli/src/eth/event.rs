//! `coracle eth decode-log`.

use std::io::Write;

use clap::Args;
use coracle_core::B256;
use coracle_eth::abi::{Event, Signature};
use serde_json::{Map, Value as Json, json};

use crate::abi_json::log_to_json;
use crate::failure::{Failure, Within};
use crate::input::{Input, to_b256, to_flag, wrong};
use crate::output::{Lines, Outcome, needed, run};

#[derive(Args, Debug)]
pub(crate) struct DecodeLogArgs {
    #[command(flatten)]
    lines: Lines,
    /// The event, with "indexed": "Paid(address indexed from, uint256)".
    event: Option<String>,
    /// A topic (0x...), each in its order.
    #[arg(long = "topic", value_name = "HEX")]
    topics: Vec<String>,
    /// The data (0x...).
    #[arg(long, value_name = "HEX", default_value = "0x")]
    data: String,
    /// The event is declared anonymous: no topic names it.
    #[arg(long)]
    anonymous: bool,
}

impl DecodeLogArgs {
    pub(crate) fn run(self, out: &mut dyn Write) -> Outcome {
        run(out, self.lines, &decode, || self.fields())
    }

    fn fields(&self) -> Result<Map<String, Json>, Failure> {
        let (event, indexed) = read_declaration(needed(self.event.as_deref(), "EVENT")?);
        Ok(Map::from_iter([
            ("event".to_owned(), event.into()),
            ("indexed".to_owned(), indexed.into()),
            ("anonymous".to_owned(), self.anonymous.into()),
            ("topics".to_owned(), self.topics.clone().into()),
            ("data".to_owned(), self.data.as_str().into()),
        ]))
    }
}

/// The signature that a declaration stands for, and which parameters are indexed: of
/// `type [indexed] [name]`, the type is kept. What else is wrong shows when the
/// signature is read.
fn read_declaration(text: &str) -> (String, Vec<bool>) {
    let text = text.trim();
    let inner = text.split_once('(').and_then(|(name, rest)| {
        let params = rest.strip_suffix(')')?;
        Some((name, params))
    });
    let Some((name, params)) = inner else {
        return (text.to_owned(), Vec::new());
    };
    let mut types = Vec::new();
    let mut indexed = Vec::new();
    for param in split_params(params) {
        let mut words = param.split_whitespace();
        types.push(words.next().unwrap_or_default());
        indexed.push(words.next() == Some("indexed"));
    }
    (format!("{}({})", name.trim(), types.join(",")), indexed)
}

/// Splits at the commas that stand in no bracket.
fn split_params(params: &str) -> Vec<&str> {
    if params.trim().is_empty() {
        return Vec::new();
    }
    let mut depth = 0_usize;
    let split = params.split(|c: char| {
        match c {
            '(' => depth = depth.saturating_add(1),
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    });
    split.collect()
}

/// `event`, `anonymous`, `indexed`, `topics` and `data` to `values`.
fn decode(input: Input<'_>) -> Result<Json, Failure> {
    let signature = Signature::parse(input.text("event")?).within("event")?;
    let flags = input.list("indexed")?.iter().map(to_flag);
    let flags = flags.collect::<Option<Vec<_>>>();
    let indexed = flags.ok_or_else(|| wrong("indexed", "an array of flags"))?;
    let event = if input.flag("anonymous")? {
        Event::anonymous(signature, &indexed)?
    } else {
        Event::new(signature, &indexed)?
    };
    let topics = input.list("topics")?.iter();
    let topics = topics.map(|topic| to_b256("topics", topic));
    let topics = topics.collect::<Result<Vec<B256>, _>>()?;
    let data = input.bytes("data")?;
    let values = log_to_json(event.decode(&topics, &data)?)?;
    Ok(json!({ "values": values }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declarations_lose_names_and_keep_flags() {
        for (text, signature, flags) in [
            ("E()", "E()", &[][..]),
            (
                "E(uint256 indexed id, bytes)",
                "E(uint256,bytes)",
                &[true, false],
            ),
            (
                "E((uint8,bool)[] list,bool indexed)",
                "E((uint8,bool)[],bool)",
                &[false, true],
            ),
            ("E(bool", "E(bool", &[]),
            ("E(bool,)", "E(bool,)", &[false, false]),
        ] {
            assert_eq!(
                read_declaration(text),
                (signature.to_owned(), flags.to_vec()),
                "{text}"
            );
        }
    }
}
