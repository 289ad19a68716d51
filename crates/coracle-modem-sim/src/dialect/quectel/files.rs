//! Files: `QFUPL`, `QFDEL`, `QFLST`, `QFLDS`, `QFDWL`.
//!
//! Facts: "EC2x&EG9x&EG2x-G&EM05 Series FILE Application Note".

use crate::{
    answer::{Answer, Done, Refusal},
    command::{Command, Op},
    core::Core,
    dialect::Purpose,
    files::{CAPACITY, Files},
};

/// `<err>` of the file commands, as `+CME ERROR`.
const INVALID: Refusal = Refusal::Cme(400);
const FULL: Refusal = Refusal::Cme(403);
const NOT_FOUND: Refusal = Refusal::Cme(405);
const EXISTS: Refusal = Refusal::Cme(407);

const MAX_NAME: usize = 80;

pub(super) fn command(core: &mut Core, command: &Command) -> Option<Answer> {
    Some(match command.name.as_str() {
        "+QFUPL" => upload(core, command),
        "+QFDWL" => download(core, command),
        "+QFDEL" => delete(core, command),
        "+QFLST" => list(core, command),
        "+QFLDS" => space(core),
        _ => return None,
    })
}

/// `UFS:` is the storage that is meant without a prefix.
pub(super) fn stored_name(name: &str) -> &str {
    name.strip_prefix("UFS:").unwrap_or(name)
}

/// `QFUPL="name",len[,timeout]`, `CONNECT`, the bytes, `+QFUPL: len,checksum`.
fn upload(core: &mut Core, command: &Command) -> Answer {
    let name = command.text(0).map(stored_name).unwrap_or_default();
    let len = command.number(1).and_then(|len| usize::try_from(len).ok());
    let (Op::Set, Some(len @ 1..)) = (command.op, len) else {
        return Err(INVALID);
    };
    if name.is_empty() || name.len() > MAX_NAME {
        return Err(INVALID);
    }
    if core.files.get(name).is_some() {
        return Err(EXISTS);
    }
    if core.files.used() + len > CAPACITY {
        return Err(FULL);
    }
    core.prompt("\r\nCONNECT\r\n", Some(len), Purpose::File(name.to_owned()))
}

pub(super) fn uploaded(core: &mut Core, name: &str, bytes: Vec<u8>) -> Answer {
    let (len, sum) = (bytes.len(), checksum(&bytes));
    if !core.files.write(name, bytes) {
        return Err(FULL);
    }
    core.line(format!("+QFUPL: {len},{sum:x}"));
    Ok(Done::Ok)
}

/// Words of two bytes, the first one high, added without carry.
fn checksum(bytes: &[u8]) -> u16 {
    bytes.chunks(2).fold(0, |sum, word| {
        let high = word.first().copied().unwrap_or(0);
        let low = word.get(1).copied().unwrap_or(0);
        sum ^ u16::from_be_bytes([high, low])
    })
}

fn download(core: &mut Core, command: &Command) -> Answer {
    let name = command.text(0).map(stored_name).unwrap_or_default();
    let bytes = core.files.get(name).ok_or(NOT_FOUND)?.to_vec();
    let (len, sum) = (bytes.len(), checksum(&bytes));
    core.block("CONNECT\r\n".into(), bytes, "");
    core.line(format!("+QFDWL: {len},{sum:x}"));
    Ok(Done::Ok)
}

fn delete(core: &mut Core, command: &Command) -> Answer {
    let name = command.text(0).map(stored_name).ok_or(INVALID)?;
    if name == "*" {
        core.files = Files::default();
        return Ok(Done::Ok);
    }
    match core.files.remove(name) {
        true => Ok(Done::Ok),
        false => Err(NOT_FOUND),
    }
}

fn list(core: &mut Core, command: &Command) -> Answer {
    let wanted = command.text(0).map_or("*", stored_name);
    let fits = |name: &str| matches!(wanted, "*" | "UFS") || wanted == name;
    let found = core.files.list().filter(|(name, _)| fits(name));
    let lines: Vec<String> = found
        .map(|(name, len)| format!("+QFLST: \"{name}\",{len}"))
        .collect();
    if lines.is_empty() && wanted != "*" {
        return Err(NOT_FOUND);
    }
    lines.iter().for_each(|line| core.line(line));
    Ok(Done::Ok)
}

fn space(core: &mut Core) -> Answer {
    let free = CAPACITY - core.files.used();
    core.line(format!("+QFLDS: {free},{CAPACITY}"));
    Ok(Done::Ok)
}

#[cfg(test)]
mod tests {
    use super::checksum;

    #[test]
    fn a_checksum_adds_words_without_carry() {
        assert_eq!(checksum(b""), 0);
        assert_eq!(checksum(b"ab"), 0x6162);
        assert_eq!(checksum(b"abc"), 0x6162 ^ 0x6300);
    }
}
