//! Where passphrases and raw keys come from: never from an argument.

use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};

use clap::Args;
use zeroize::Zeroizing;

use crate::failure::{Failure, Within};
use crate::input::read_file;

/// Text that is wiped when it is dropped.
pub(crate) type Secret = Zeroizing<String>;

#[derive(Args, Clone, Debug)]
pub(crate) struct PassphraseArgs {
    /// Take the passphrase from the first line of a file instead of the terminal.
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

impl PassphraseArgs {
    /// The passphrase of a file that exists.
    pub(crate) fn read(&self) -> Result<Secret, Failure> {
        match &self.passphrase_file {
            Some(path) => first_line(path),
            None => prompt("Passphrase: "),
        }
    }

    /// A new passphrase: from the terminal twice, and not empty.
    pub(crate) fn read_new(&self) -> Result<Secret, Failure> {
        let passphrase = match &self.passphrase_file {
            Some(path) => first_line(path)?,
            None => prompt_twice()?,
        };
        if passphrase.is_empty() {
            return Err(Failure::new("empty-passphrase", "passphrase is empty"));
        }
        Ok(passphrase)
    }
}

fn prompt(text: &str) -> Result<Secret, Failure> {
    let typed = rpassword::prompt_password(text);
    typed.map(Zeroizing::new).within("no passphrase")
}

fn prompt_twice() -> Result<Secret, Failure> {
    let passphrase = prompt("New passphrase: ")?;
    if passphrase != prompt("The same again: ")? {
        return Err(Failure::new("no-match", "passphrases differ"));
    }
    Ok(passphrase)
}

pub(crate) fn first_line(path: &Path) -> Result<Secret, Failure> {
    let content = read_file(path)?;
    let text = std::str::from_utf8(&content).within(path.display())?;
    let line = text.split('\n').next().unwrap_or_default();
    let line = line.strip_suffix('\r').unwrap_or(line);
    Ok(Zeroizing::new(line.to_owned()))
}

/// A raw key: from a file, else typed without an echo, else from a pipe.
pub(crate) fn read_raw_key(file: Option<&Path>) -> Result<Zeroizing<[u8; 32]>, Failure> {
    let text = match file {
        Some(path) => first_line(path)?,
        None if io::stdin().is_terminal() => prompt("Private key (hexadecimal): ")?,
        None => {
            // More than any key, with space around it.
            let mut text = Zeroizing::new(String::with_capacity(256));
            io::stdin().lock().take(256).read_to_string(&mut text)?;
            text
        }
    };
    parse_key(&text).within("private key")
}

/// 64 digits, with or without `0x`.
fn parse_key(text: &str) -> Result<Zeroizing<[u8; 32]>, Failure> {
    let digits = text.trim();
    let digits = digits.strip_prefix("0x").unwrap_or(digits);
    let prefixed = Zeroizing::new(format!("0x{digits}"));
    let key = coracle_core::hex::decode_array(&prefixed)?;
    Ok(Zeroizing::new(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_64_digits() {
        let digits = "01".repeat(32);
        for text in [
            digits.clone(),
            format!("0x{digits}\n"),
            format!(" {digits} "),
        ] {
            assert_eq!(*parse_key(&text).unwrap(), [1; 32], "{text:?}");
        }
        for text in ["", "0x", &digits[1..], &format!("{digits}01"), "zz"] {
            assert!(parse_key(text).is_err(), "{text:?}");
        }
    }
}
