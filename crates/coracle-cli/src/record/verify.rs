//! `coracle record verify`: what a key proves of bytes.

use std::io::Write;
use std::process::ExitCode;

use coracle_core::ecdsa::PublicKey;
use coracle_record::{Bundle, CoseAlgorithm, DeviceId, Entry, Place, Start, Summary, Unverified};
use serde_json::{Value as Json, json};

use super::key::{AlgorithmArg, AnyKey, read_sec1};
use super::show::{device_text, fields, print};
use super::{VerifyArgs, decode_bundle, is_bundle, read_bytes};
use crate::failure::{Failure, Within};
use crate::input::{Input, to_bytes};
use crate::output::{Outcome, answer_lines, line, needed};

impl VerifyArgs {
    pub(crate) fn run(self, out: &mut dyn Write) -> Outcome {
        if self.lines.jsonl {
            return answer_lines(out, &verify_line);
        }
        let file = needed(self.file.as_deref(), "FILE")?;
        let sec1 = read_sec1(needed(self.key.as_deref(), "--key")?)?;
        let bytes = read_bytes(file)?;
        if is_bundle(&bytes) {
            return self.verify_bundle(out, &bytes, &sec1);
        }
        self.verify_record(out, &bytes, &sec1)
            .within(file.display())
    }

    fn verify_record(&self, out: &mut dyn Write, bytes: &[u8], sec1: &[u8]) -> Outcome {
        let record = Unverified::decode(bytes)?;
        let key = AnyKey::new(self.alg.or(record.claimed_algorithm()), sec1)?;
        let claims = record.claims().clone();
        let device = self.device()?;
        if device.is_some_and(|device| device != *claims.device()) {
            return Err(Failure::new("other-device", "signed for another device"));
        }
        let hash = verify_signature(record, &key)?;
        line(out, "verified", "signed by the key given")?;
        print(out, &fields(&claims))?;
        line(out, "hash", hash)?;
        self.chain.compare(out, claims.device(), &key, &[bytes])
    }

    fn verify_bundle(&self, out: &mut dyn Write, bytes: &[u8], sec1: &[u8]) -> Outcome {
        let bundle = decode_bundle(bytes)?;
        let key = AnyKey::new(self.alg.or(bundle.claimed_algorithm()), sec1)?;
        let claimed = *bundle.claimed_device();
        let device = self.device()?.unwrap_or(claimed);
        let is_named = self.device.is_some();
        line(out, "device", device_text(&device))?;
        if !is_named {
            line(
                out,
                "note",
                "device as the bundle names it; --device checks it",
            )?;
        }
        let audit = audit(&bundle, &key, device, self.start()?);
        for (number, entry) in audit.entries.iter().enumerate() {
            print_entry(out, number, entry)?;
        }
        print_summary(out, &audit.summary)?;
        let is_good = match self.from_anywhere {
            true => audit.summary.is_unbroken(),
            false => audit.summary.is_complete(),
        };
        if !is_good {
            let message = "records are missing, out of place or not the device's";
            return Err(Failure::new("not-intact", message));
        }
        let records: Vec<_> = audit.entries.iter().filter_map(bytes_of).collect();
        let code = self.chain.compare(out, &device, &key, &records)?;
        if code == ExitCode::SUCCESS {
            line(out, "result", "intact")?;
        }
        Ok(code)
    }

    fn device(&self) -> Result<Option<DeviceId>, Failure> {
        let Some(text) = &self.device else {
            return Ok(None);
        };
        let bytes = match text.starts_with("0x") {
            true => to_bytes(text).within("--device")?,
            false => text.as_bytes().to_vec(),
        };
        DeviceId::from_slice(&bytes).map(Some).within("--device")
    }

    fn start(&self) -> Result<Start, Failure> {
        match (self.from, self.previous) {
            (Some(sequence), Some(previous)) => {
                Ok(Start::At(Place::new(sequence, previous).within("--from")?))
            }
            _ if self.from_anywhere => Ok(Start::Anywhere),
            _ => Ok(Start::At(Place::FIRST)),
        }
    }
}

fn bytes_of<'a>(entry: &Entry<'a>) -> Option<&'a [u8]> {
    entry.record.as_ref().map(|record| record.as_bytes())
}

fn verify_signature(record: Unverified<'_>, key: &AnyKey) -> Result<coracle_core::B256, Failure> {
    Ok(match key {
        AnyKey::Es256k(key) => *record.verify(key)?.hash(),
        AnyKey::Es256(key) => *record.verify(key)?.hash(),
    })
}

/// Whether the key signed this, for this device.
pub(super) fn is_signed(bytes: &[u8], device: &DeviceId, key: &AnyKey) -> bool {
    Unverified::decode(bytes).is_ok_and(|record| {
        record.claims().device() == device && verify_signature(record, key).is_ok()
    })
}

struct Audited<'a> {
    entries: Vec<Entry<'a>>,
    summary: Summary,
}

fn audit<'a>(bundle: &Bundle<'a>, key: &AnyKey, device: DeviceId, start: Start) -> Audited<'a> {
    match key {
        AnyKey::Es256k(key) => audit_with(bundle, key, device, start),
        AnyKey::Es256(key) => audit_with(bundle, key, device, start),
    }
}

fn audit_with<'a, C: CoseAlgorithm>(
    bundle: &Bundle<'a>,
    key: &PublicKey<C>,
    device: DeviceId,
    start: Start,
) -> Audited<'a> {
    let mut audit = bundle.audit(key, device, start);
    let entries = audit.by_ref().collect();
    let summary = *audit.summary();
    Audited { entries, summary }
}

fn print_entry(out: &mut dyn Write, number: usize, entry: &Entry<'_>) -> std::io::Result<()> {
    let sequence = entry
        .record
        .as_ref()
        .map(|record| record.place().sequence());
    match sequence {
        Some(sequence) => line(out, &format!("record {sequence}"), entry.finding),
        None => line(out, &format!("entry {number}"), entry.finding),
    }
}

fn print_summary(out: &mut dyn Write, summary: &Summary) -> std::io::Result<()> {
    let counts = [
        ("intact", summary.intact),
        ("before start", summary.before_start),
        ("missing", summary.missing),
        ("gaps", summary.gaps),
        ("forks", summary.forks),
        ("duplicates", summary.duplicates),
        ("out of order", summary.out_of_order),
        ("other device", summary.other_device),
        ("unsigned", summary.unsigned),
        ("malformed", summary.malformed),
    ];
    for (name, count) in counts {
        if count > 0 || name == "intact" {
            line(out, name, count)?;
        }
    }
    if let (Some(last), Some(hash)) = (summary.last, summary.last_hash) {
        line(out, "last", format_args!("record {last}, hash {hash}"))?;
    }
    Ok(())
}

/// `record` and `key` to the fields; `bundle` and `key` to `findings` and a summary.
fn verify_line(input: Input<'_>) -> Result<Json, Failure> {
    let sec1 = input.bytes("key")?;
    if input.has("bundle") {
        return verify_bundle_line(&input.bytes("bundle")?, &sec1);
    }
    let bytes = input.bytes("record")?;
    let record = Unverified::decode(&bytes)?;
    let key = AnyKey::new(record.claimed_algorithm(), &sec1)?;
    let mut fields = fields(record.claims());
    let hash = verify_signature(record, &key)?;
    fields.insert("hash".into(), hash.to_string().into());
    fields.insert("verified".into(), true.into());
    Ok(Json::Object(fields))
}

fn verify_bundle_line(bytes: &[u8], sec1: &[u8]) -> Result<Json, Failure> {
    let bundle = decode_bundle(bytes)?;
    let key = AnyKey::new(AlgorithmArg::Auto.or(bundle.claimed_algorithm()), sec1)?;
    let device = *bundle.claimed_device();
    let Audited { entries, summary } = audit(&bundle, &key, device, Start::At(Place::FIRST));
    let findings = entries.iter().map(|entry| {
        let record = entry.record.as_ref();
        json!({
            "finding": finding_kind(entry),
            "message": entry.finding.to_string(),
            "sequence": record.map(|record| record.place().sequence()),
            "hash": record.map(|record| record.hash().to_string()),
            "offset": entry.offset,
        })
    });
    Ok(json!({
        "device": device.to_string(),
        "findings": findings.collect::<Vec<_>>(),
        "missing": summary.missing,
        "last": summary.last,
        "lastHash": summary.last_hash.map(|hash| hash.to_string()),
        "complete": summary.is_complete(),
    }))
}

/// The finding's own variant, in kebab-case.
fn finding_kind(entry: &Entry<'_>) -> String {
    crate::failure::outer_kind(&format!("{:?}", entry.finding))
}
