//! `coracle record show`: what bytes claim.

use std::io::Write;
use std::process::ExitCode;

use coracle_core::hex::Hex;
use coracle_core::sha256;
use coracle_record::{Claims, DeviceId, Reading, TimeSource, Unverified};
use serde_json::{Map, Value as Json, json};

use super::{ShowArgs, decode_bundle, entries, is_bundle, read_bytes};
use crate::failure::{Failure, Plain, Within};
use crate::input::Input;
use crate::output::{Outcome, answer_lines, line, needed};

impl ShowArgs {
    pub(crate) fn run(self, out: &mut dyn Write) -> Outcome {
        if self.lines.jsonl {
            return answer_lines(out, &show_line);
        }
        let file = needed(self.file, "FILE")?;
        let bytes = read_bytes(&file)?;
        writeln!(
            out,
            "UNVERIFIED: these are claims, no signature was checked"
        )?;
        if !is_bundle(&bytes) {
            print(out, &record(&bytes).within(file.display())?)?;
            return Ok(ExitCode::SUCCESS);
        }
        print_bundle(out, &bytes).within(file.display())?;
        Ok(ExitCode::SUCCESS)
    }
}

fn print_bundle(out: &mut dyn Write, bytes: &[u8]) -> Result<(), Failure> {
    let bundle = decode_bundle(bytes)?;
    let entries = entries(bytes, &bundle)?;
    line(out, "device", device_text(bundle.claimed_device()))?;
    line(out, "algorithm", bundle.claimed_algorithm())?;
    line(out, "key", Hex(bundle.claimed_key_bytes()))?;
    line(out, "records", entries.len())?;
    for entry in entries {
        writeln!(out)?;
        match record(entry) {
            Ok(fields) => print(out, &fields)?,
            Err(failure) => line(out, "malformed", failure)?,
        }
    }
    Ok(())
}

/// `record` or `bundle` to its fields.
fn show_line(input: Input<'_>) -> Result<Json, Failure> {
    if !input.has("bundle") {
        return record(&input.bytes("record")?).map(Json::Object);
    }
    let bytes = input.bytes("bundle")?;
    let bundle = decode_bundle(&bytes)?;
    let records = entries(&bytes, &bundle)?.into_iter().map(|entry| {
        record(entry).map_or_else(
            |failure| json!({ "error": failure.kind(), "message": failure.to_string() }),
            Json::Object,
        )
    });
    Ok(json!({
        "device": bundle.claimed_device().to_string(),
        "algorithm": bundle.claimed_algorithm().to_string(),
        "key": Hex(bundle.claimed_key_bytes()).to_string(),
        "records": records.collect::<Vec<_>>(),
        "verified": false,
    }))
}

fn record(bytes: &[u8]) -> Result<Map<String, Json>, Failure> {
    let unverified = Unverified::decode(bytes)?;
    let mut fields = fields(unverified.claims());
    fields.insert("hash".into(), sha256(bytes).to_string().into());
    let algorithm = unverified.claimed_algorithm().to_string();
    fields.insert("algorithm".into(), algorithm.into());
    let key_id = unverified.claimed_key_id().to_string();
    fields.insert("keyId".into(), key_id.into());
    fields.insert("verified".into(), false.into());
    Ok(fields)
}

/// What a record says, whoever says it.
pub(crate) fn fields(claims: &Claims<'_>) -> Map<String, Json> {
    let (place, time) = (claims.place(), claims.time());
    let readings: Vec<_> = claims
        .readings()
        .map(|reading| reading_json(&reading))
        .collect();
    let mut fields = Map::new();
    let mut put = |name: &str, value: Json| {
        fields.insert(name.to_owned(), value);
    };
    put("device", claims.device().to_string().into());
    put("sequence", place.sequence().into());
    put("previous", place.previous().to_string().into());
    put("seconds", time.seconds.into());
    put("source", source_name(time.source).into());
    if let Some(accuracy) = time.accuracy_ms {
        put("accuracyMs", accuracy.into());
    }
    put("readings", readings.into());
    fields
}

fn reading_json(reading: &Reading<'_>) -> Json {
    json!({
        "name": reading.name.as_str(),
        "value": reading.value.to_string(),
        "unit": reading.unit.as_str(),
        "offsetMs": reading.offset_ms,
    })
}

const fn source_name(source: TimeSource) -> &'static str {
    match source {
        TimeSource::Unknown => "since-start",
        TimeSource::Rtc => "rtc",
        TimeSource::Network => "network",
        TimeSource::Gnss => "gnss",
        TimeSource::Chain => "chain",
        _ => "other",
    }
}

/// Digits, and the text that they are where they are printable text.
pub(crate) fn device_text(device: &DeviceId) -> String {
    let bytes = device.as_bytes();
    match std::str::from_utf8(bytes) {
        Ok(text) if bytes.iter().all(u8::is_ascii_graphic) => format!("{device} ({text})"),
        _ => device.to_string(),
    }
}

/// Prints fields one a line, and readings as people write them.
pub(crate) fn print(out: &mut dyn Write, fields: &Map<String, Json>) -> std::io::Result<()> {
    for (name, value) in fields {
        match (name.as_str(), value) {
            ("readings", Json::Array(readings)) => {
                readings
                    .iter()
                    .try_for_each(|reading| print_reading(out, reading))?;
            }
            (_, Json::String(text)) => line(out, name, text)?,
            (_, other) => line(out, name, other)?,
        }
    }
    Ok(())
}

fn print_reading(out: &mut dyn Write, reading: &Json) -> std::io::Result<()> {
    let text = |name: &str| Plain(reading[name].as_str().unwrap_or_default()).to_string();
    let offset = match reading["offsetMs"].as_i64() {
        None | Some(0) => String::new(),
        Some(offset) => format!(" at {offset:+} ms"),
    };
    let (name, value, unit) = (text("name"), text("value"), text("unit"));
    line(
        out,
        "reading",
        format_args!("{name} = {value} {unit}{offset}"),
    )
}
