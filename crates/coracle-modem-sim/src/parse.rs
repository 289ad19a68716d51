//! Configuration written as text, for command lines and scripts.

use std::{error::Error, fmt, path::PathBuf, str::FromStr};

use crate::config::{Dialect, Listen, SimCard};

/// A text that is none of those expected.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BadText {
    expected: &'static str,
}

impl fmt::Display for BadText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}", self.expected)
    }
}

impl Error for BadText {}

/// `quectel`, `simcom` or `ublox`.
impl FromStr for Dialect {
    type Err = BadText;

    fn from_str(text: &str) -> Result<Self, BadText> {
        match text {
            "quectel" => Ok(Self::Quectel),
            "simcom" => Ok(Self::Simcom),
            "ublox" => Ok(Self::Ublox),
            _ => Err(BadText {
                expected: "quectel, simcom or ublox",
            }),
        }
    }
}

/// `tcp:127.0.0.1:7000`, `unix:PATH` or `pty`.
impl FromStr for Listen {
    type Err = BadText;

    fn from_str(text: &str) -> Result<Self, BadText> {
        let bad = BadText {
            expected: "tcp:127.0.0.1:PORT, unix:PATH or pty",
        };
        match text.split_once(':') {
            None if text == "pty" => Ok(Self::Pty),
            Some(("tcp", addr)) => addr.parse().map(Self::Tcp).map_err(|_| bad),
            Some(("unix", path)) if !path.is_empty() => Ok(Self::Unix(PathBuf::from(path))),
            _ => Err(bad),
        }
    }
}

/// `ready`, `pin:1234`, `puk` or `absent`.
impl FromStr for SimCard {
    type Err = BadText;

    fn from_str(text: &str) -> Result<Self, BadText> {
        let is_pin = |code: &str| {
            (4..=8).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_digit())
        };
        match text.split_once(':') {
            None if text == "ready" => Ok(Self::Ready),
            None if text == "puk" => Ok(Self::Puk),
            None if text == "absent" => Ok(Self::Absent),
            Some(("pin", code)) if is_pin(code) => Ok(Self::Pin {
                code: code.to_owned(),
                tries: 3,
            }),
            _ => Err(BadText {
                expected: "ready, pin:1234, puk or absent",
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read() {
        assert_eq!("ublox".parse(), Ok(Dialect::Ublox));
        let tcp = Listen::Tcp(([127, 0, 0, 1], 7000).into());
        assert_eq!("tcp:127.0.0.1:7000".parse(), Ok(tcp));
        assert_eq!("unix:a:b".parse(), Ok(Listen::Unix("a:b".into())));
        assert_eq!("pty".parse(), Ok(Listen::Pty));
        assert_eq!("absent".parse(), Ok(SimCard::Absent));
    }

    #[test]
    fn other_texts_are_refused() {
        assert!("Quectel2".parse::<Dialect>().is_err());
        for text in ["tcp", "tcp:", "tcp:localhost", "unix:", "pty:x", "7000", ""] {
            assert!(text.parse::<Listen>().is_err(), "{text}");
        }
        for text in [
            "pin",
            "pin:",
            "pin:12",
            "pin:123456789",
            "pin:12a4",
            "Ready",
        ] {
            assert!(text.parse::<SimCard>().is_err(), "{text}");
        }
    }
}
