//! `coracle key`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use coracle_core::Address;
use coracle_core::ecdsa::{Secp256k1, SecretKey};
use coracle_core::hex::Hex;
use serde_json::{Value as Json, json};

use crate::failure::{Failure, Within};
use crate::input::Input;
use crate::keystore;
use crate::output::{Lines, Outcome, answer_lines, needed, show};
use crate::passphrase::{PassphraseArgs, read_raw_key};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a key and keep it in a new keystore file.
    New(NewArgs),
    /// Keep a key from elsewhere in a new keystore file.
    Import(ImportArgs),
    /// Show the address of a keystore file, or check an address.
    Address(AddressArgs),
}

#[derive(Args, Debug)]
pub(crate) struct NewArgs {
    /// The file to make; one that exists is never replaced.
    file: PathBuf,
    #[command(flatten)]
    passphrase: PassphraseArgs,
}

#[derive(Args, Debug)]
pub(crate) struct ImportArgs {
    /// The file to make; one that exists is never replaced.
    file: PathBuf,
    /// Read the key, 64 hexadecimal digits, from the first line of a file; without
    /// this, from the terminal or a pipe.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    #[command(flatten)]
    passphrase: PassphraseArgs,
}

#[derive(Args, Debug)]
pub(crate) struct AddressArgs {
    #[command(flatten)]
    lines: Lines,
    /// A keystore file, or an address (0x...).
    what: Option<String>,
    /// Show the public key too, in SEC 1 compressed form, as records are verified with.
    #[arg(long)]
    public_key: bool,
    #[command(flatten)]
    passphrase: PassphraseArgs,
}

impl Command {
    pub(crate) fn run(self, out: &mut dyn Write) -> Outcome {
        match self {
            Self::New(args) => {
                let passphrase = args.passphrase.read_new()?;
                save(
                    out,
                    &args.file,
                    &keystore::generate()?,
                    passphrase.as_bytes(),
                )
            }
            Self::Import(args) => {
                let raw = read_raw_key(args.key_file.as_deref())?;
                let key = SecretKey::from_bytes(&raw).within("private key")?;
                let passphrase = args.passphrase.read_new()?;
                save(out, &args.file, &key, passphrase.as_bytes())
            }
            Self::Address(args) => args.run(out),
        }
    }
}

/// Keeps a key and prints its address.
fn save(
    out: &mut dyn Write,
    file: &Path,
    key: &SecretKey<Secp256k1>,
    passphrase: &[u8],
) -> Outcome {
    keystore::create(file, key, passphrase)?;
    writeln!(out, "{}", Address::from_public_key(key.public_key()))?;
    Ok(ExitCode::SUCCESS)
}

impl AddressArgs {
    fn run(self, out: &mut dyn Write) -> Outcome {
        if self.lines.jsonl {
            return answer_lines(out, &address);
        }
        let what = needed(self.what.as_deref(), "WHAT")?;
        if what.starts_with("0x") {
            let address = what.parse::<Address>().within("address")?;
            return show(out, &json!({ "address": address.to_string() }));
        }
        let key = keystore::open(Path::new(what), &self.passphrase)?;
        let public = key.public_key();
        let mut answer = json!({ "address": Address::from_public_key(public).to_string() });
        if self.public_key {
            answer["publicKey"] = Hex(&public.to_compressed()).to_string().into();
        }
        show(out, &answer)
    }
}

/// `key`, else `address`, to `address` in EIP-55 form.
fn address(input: Input<'_>) -> Result<Json, Failure> {
    let address = if input.has("key") {
        let key = SecretKey::<Secp256k1>::from_bytes(&*input.secret("key")?).within("key")?;
        Address::from_public_key(key.public_key())
    } else if input.has("address") {
        input.address("address")?
    } else {
        return Err(Failure::new("missing-field", "key or address is missing"));
    };
    Ok(json!({ "address": address.to_string() }))
}
