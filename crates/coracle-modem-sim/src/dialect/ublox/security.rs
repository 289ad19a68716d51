//! TLS: `USECMNG`, `USECPRF`.
//!
//! Level 0 verifies nothing, 1 the issuer, 2 also the name, 3 also the dates. The name is
//! the one of parameter 4, or else the one that the firmware connects to.

use md5::{Digest, Md5};

use super::NOT_ALLOWED;
use crate::{
    answer::{Answer, Done},
    command::{Command, Op},
    core::Core,
    dialect::Purpose,
    stream::TlsClient,
    tls::{self, TlsOptions},
};

/// Profiles 0 to 4.
pub(super) const PROFILES: usize = 5;
const MAX_FILE: u32 = 8192;

#[derive(Debug, Default)]
pub(super) struct Security {
    profiles: [Profile; PROFILES],
}

#[derive(Debug, Default)]
struct Profile {
    level: u32,
    ca: String,
    expected_name: String,
    cert: String,
    key: String,
    sni: String,
}

pub(super) fn command(own: &mut Security, core: &mut Core, command: &Command) -> Option<Answer> {
    Some(match command.name.as_str() {
        "+USECMNG" => manage(core, command),
        "+USECPRF" => configure(own, core, command),
        _ => return None,
    })
}

/// `USECMNG=0,type,"name",len` stores, `=2,type,"name"` removes, `=3` lists.
fn manage(core: &mut Core, command: &Command) -> Answer {
    let kind = command.number(1).filter(|kind| *kind <= 2);
    match (command.op, command.number(0), kind, command.text(2)) {
        (Op::Set, Some(0), Some(kind), Some(name)) => {
            let len = command.number(3).filter(|len| (1..=MAX_FILE).contains(len));
            let len = len.and_then(|len| usize::try_from(len).ok());
            let len = len.ok_or(NOT_ALLOWED)?;
            core.prompt("\r\n>", Some(len), Purpose::File(stored_name(kind, name)))
        }
        (Op::Set, Some(2), Some(kind), Some(name)) => {
            match core.files.remove(&stored_name(kind, name)) {
                true => Ok(Done::Ok),
                false => Err(NOT_ALLOWED),
            }
        }
        (Op::Set, Some(3), None, None) => list(core),
        _ => Err(NOT_ALLOWED),
    }
}

/// Names are told apart by type: `0,name`.
fn stored_name(kind: u32, name: &str) -> String {
    format!("{kind},\"{name}\"")
}

/// The sum is that of the bytes as they came; a part takes it of the DER form.
pub(super) fn stored(core: &mut Core, name: &str, bytes: Vec<u8>) -> Answer {
    let sum: String = Md5::digest(&bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    if !core.files.write(name, bytes) {
        return Err(NOT_ALLOWED);
    }
    core.line(format!("+USECMNG: 0,{name},\"{sum}\""));
    Ok(Done::Ok)
}

fn list(core: &mut Core) -> Answer {
    let names: Vec<String> = core.files.list().map(|(name, _)| name.to_owned()).collect();
    for name in names {
        let Some((kind, name)) = name.split_once(',') else {
            continue;
        };
        let kind = match kind {
            "0" => "CA",
            "1" => "CC",
            _ => "PK",
        };
        core.line(format!("{kind},{name}"));
    }
    Ok(Done::Ok)
}

/// `USECPRF=profile` resets, `USECPRF=profile,param,value` sets.
fn configure(own: &mut Security, core: &mut Core, command: &Command) -> Answer {
    let place = command
        .number(0)
        .and_then(|place| usize::try_from(place).ok());
    let profile = place.and_then(|place| own.profiles.get_mut(place));
    let (Op::Set, Some(profile), Some(place)) = (command.op, profile, place) else {
        return Err(NOT_ALLOWED);
    };
    let Some(param) = command.number(1) else {
        *profile = Profile::default();
        return Ok(Done::Ok);
    };
    if command.args.len() == 2 {
        let value = profile.value(param).ok_or(NOT_ALLOWED)?;
        core.line(format!("+USECPRF: {place},{param},{value}"));
        return Ok(Done::Ok);
    }
    profile.set(param, command).ok_or(NOT_ALLOWED)?;
    Ok(Done::Ok)
}

impl Profile {
    fn set(&mut self, param: u32, command: &Command) -> Option<()> {
        let text = || command.text(2).map(str::to_owned);
        match param {
            0 => self.level = command.number(2).filter(|level| *level <= 3)?,
            1 | 2 | 7..=9 => {}
            3 => self.ca = text()?,
            4 => self.expected_name = text()?,
            5 => self.cert = text()?,
            6 => self.key = text()?,
            10 => self.sni = text()?,
            _ => return None,
        }
        Some(())
    }

    fn value(&self, param: u32) -> Option<String> {
        Some(match param {
            0 => self.level.to_string(),
            1 | 2 => "0".into(),
            3 => format!("\"{}\"", self.ca),
            4 => format!("\"{}\"", self.expected_name),
            5 => format!("\"{}\"", self.cert),
            6 => format!("\"{}\"", self.key),
            10 => format!("\"{}\"", self.sni),
            _ => return None,
        })
    }
}

impl Security {
    /// `None` if a certificate that is needed is not there or not usable.
    pub(super) fn client(&self, core: &Core, profile: usize, host: &str) -> Option<TlsClient> {
        let profile = self.profiles.get(profile)?;
        let file = |kind, name: &str| core.files.get(&stored_name(kind, name)).map(<[u8]>::to_vec);
        let roots = match profile.level {
            0 => None,
            _ => Some(file(0, &profile.ca)?),
        };
        let identity = match profile.cert.is_empty() {
            true => None,
            false => Some((file(1, &profile.cert)?, file(2, &profile.key)?)),
        };
        let expected = match profile.expected_name.is_empty() {
            true => host,
            false => &profile.expected_name,
        };
        let sni = Some(profile.sni.clone()).filter(|name| !name.is_empty());
        tls::client(TlsOptions {
            roots,
            identity,
            now: (profile.level == 3).then(|| core.unix_time().unwrap_or(0)),
            expected_name: (profile.level >= 2).then(|| expected.to_owned()),
            sni,
        })
        .ok()
    }
}
