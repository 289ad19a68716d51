//! Keys in files, version 3 of Ethereum's Web3 Secret Storage.
//!
//! | field | content |
//! | --- | --- |
//! | `version` | 3 |
//! | `id` | a random UUID |
//! | `address` | of the key, 40 digits; optional, believed only after decryption |
//! | `crypto.kdf`, `crypto.kdfparams` | `scrypt` (`n`, `r`, `p`) or `pbkdf2` (`c`, `prf`), with `salt` and `dklen` |
//! | `crypto.cipher`, `crypto.cipherparams.iv` | `aes-128-ctr` |
//! | `crypto.ciphertext` | the scalar, encrypted with the first half of the derived key |
//! | `crypto.mac` | Keccak-256 of the second half and the ciphertext |
//!
//! Byte strings are hexadecimal without `0x`. Names are read in either case, as wallets
//! write them. Files are written with scrypt alone.

use std::io::Write;
use std::path::Path;

use coracle_core::ecdsa::{KeyError, Secp256k1, SecretKey};
use coracle_core::hex::Hex;
use coracle_core::{Address, Keccak256, Sink};
use ctr::cipher::{KeyIvInit, StreamCipher};
use getrandom::SysRng;
use getrandom::rand_core::TryRng;
use serde_json::{Map, Value as Json, json};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::failure::{Failure, Within};
use crate::input::{Input, read_file, to_bytes};
use crate::passphrase::PassphraseArgs;

type Aes128Ctr = ctr::Ctr128BE<aes::Aes128>;

/// A derived key: one half encrypts, the other authenticates.
type Derived = Zeroizing<[u8; 32]>;

/// Of files that are written: 128 MiB and about a second.
const SCRYPT_LOG_N: u8 = 17;
const SCRYPT_R: u32 = 8;
const SCRYPT_P: u32 = 1;

/// A file may ask for as much work, not more: 1 GiB of memory, 16 times the usual time.
const MAX_SCRYPT_MEMORY: u64 = 1 << 30;
const MAX_SCRYPT_P: u32 = 16;
const MAX_PBKDF2_ROUNDS: u32 = 16_000_000;

/// Opens a keystore file with the passphrase that the arguments name.
pub(crate) fn open(
    path: &Path,
    passphrase: &PassphraseArgs,
) -> Result<SecretKey<Secp256k1>, Failure> {
    let content = read_file(path)?;
    let json: Json = serde_json::from_slice(&content)
        .map_err(|error| Failure::new("not-json", error.to_string()))
        .within(path.display())?;
    let sealed = Sealed::read(&json).within(path.display())?;
    sealed
        .open(passphrase.read()?.as_bytes())
        .within(path.display())
}

/// Writes a key to a new file, readable by its owner alone. The file is there whole or
/// not at all, and one that exists is never replaced.
pub(crate) fn create(
    path: &Path,
    key: &SecretKey<Secp256k1>,
    passphrase: &[u8],
) -> Result<(), Failure> {
    if path.exists() {
        return Err(Failure::new("already-exists", "file exists")).within(path.display());
    }
    let text = format!("{:#}\n", seal(key, passphrase)?);
    write_new(path, text.as_bytes()).within(path.display())
}

fn write_new(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    // Made with mode 0600 where files have modes, and removed if anything fails.
    let mut file = tempfile::Builder::new()
        .prefix(".coracle-")
        .tempfile_in(folder)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist_noclobber(path)?;
    Ok(())
}

/// Encrypts a key.
fn seal(key: &SecretKey<Secp256k1>, passphrase: &[u8]) -> Result<Json, Failure> {
    let (salt, iv, id) = (random::<32>()?, random::<16>()?, random::<16>()?);
    let kdf = Kdf::Scrypt {
        params: scrypt::Params::new(SCRYPT_LOG_N, SCRYPT_R, SCRYPT_P)?,
        salt: salt.to_vec(),
    };
    let derived = kdf.derive(passphrase)?;
    let mut text = key.dangerous_to_bytes();
    apply_cipher(&derived, &iv, &mut *text)?;
    Ok(json!({
        "version": 3,
        "id": uuid(id),
        "address": bare(Address::from_public_key(key.public_key()).as_bytes()),
        "crypto": {
            "cipher": "aes-128-ctr",
            "cipherparams": { "iv": bare(&iv) },
            "ciphertext": bare(&*text),
            "kdf": "scrypt",
            "kdfparams": {
                "dklen": 32,
                "n": 1_u64 << SCRYPT_LOG_N,
                "r": SCRYPT_R,
                "p": SCRYPT_P,
                "salt": bare(&salt),
            },
            "mac": bare(&mac(&derived, &*text).0),
        },
    }))
}

/// A file that was read and not opened yet.
pub(crate) struct Sealed {
    address: Option<Address>,
    kdf: Kdf,
    iv: [u8; 16],
    ciphertext: [u8; 32],
    mac: [u8; 32],
}

enum Kdf {
    Scrypt {
        params: scrypt::Params,
        salt: Vec<u8>,
    },
    Pbkdf2 {
        rounds: u32,
        salt: Vec<u8>,
    },
}

impl Sealed {
    /// Reads a file without opening it.
    pub(crate) fn read(json: &Json) -> Result<Self, Failure> {
        let fields = object("the file", json)?;
        let fields = Input(&fields);
        if fields.u64("version")? != 3 {
            return Err(unsupported("version"));
        }
        let crypto = object("crypto", fields.json("crypto")?)?;
        let crypto = Input(&crypto);
        if crypto.text("cipher")? != "aes-128-ctr" {
            return Err(unsupported("cipher"));
        }
        let params = object("cipherparams", crypto.json("cipherparams")?)?;
        Ok(Self {
            address: read_address(fields)?,
            kdf: Kdf::read(crypto)?,
            iv: bytes(Input(&params), "iv")?,
            ciphertext: bytes(crypto, "ciphertext")?,
            mac: bytes(crypto, "mac")?,
        })
    }

    /// Decrypts the key, and checks the address that the file names.
    ///
    /// A wrong passphrase and a changed file look the same.
    pub(crate) fn open(&self, passphrase: &[u8]) -> Result<SecretKey<Secp256k1>, Failure> {
        let derived = self.kdf.derive(passphrase)?;
        if !bool::from(mac(&derived, &self.ciphertext).0.ct_eq(&self.mac)) {
            let message = "wrong passphrase, or the file was changed";
            return Err(Failure::new("wrong-passphrase", message));
        }
        let mut text = Zeroizing::new(self.ciphertext);
        apply_cipher(&derived, &self.iv, &mut *text)?;
        let key = SecretKey::from_bytes(&text)?;
        let address = Address::from_public_key(key.public_key());
        if self.address.is_some_and(|named| named != address) {
            let message = format!("file names another address than that of its key, {address}");
            return Err(Failure::new("wrong-address", message));
        }
        Ok(key)
    }
}

impl Kdf {
    fn read(crypto: Input<'_>) -> Result<Self, Failure> {
        let params = object("kdfparams", crypto.json("kdfparams")?)?;
        let params = Input(&params);
        if params.u64("dklen")? != 32 {
            return Err(unsupported("dklen"));
        }
        let salt = hex_field(params, "salt")?;
        match crypto.text("kdf")? {
            "scrypt" => Ok(Self::Scrypt {
                params: read_scrypt(params)?,
                salt,
            }),
            "pbkdf2" => Ok(Self::Pbkdf2 {
                rounds: read_rounds(params)?,
                salt,
            }),
            _ => Err(unsupported("kdf")),
        }
    }

    fn derive(&self, passphrase: &[u8]) -> Result<Derived, Failure> {
        let mut out = Zeroizing::new([0; 32]);
        match self {
            Self::Scrypt { params, salt } => scrypt::scrypt(passphrase, salt, params, &mut *out)?,
            Self::Pbkdf2 { rounds, salt } => {
                pbkdf2::pbkdf2_hmac::<sha2::Sha256>(passphrase, salt, *rounds, &mut *out);
            }
        }
        Ok(out)
    }
}

fn read_scrypt(params: Input<'_>) -> Result<scrypt::Params, Failure> {
    let (n, r, p) = (params.u64("n")?, params.u64("r")?, params.u64("p")?);
    let memory = n.saturating_mul(r).saturating_mul(128);
    let (r, p) = (u32::try_from(r).within("r")?, u32::try_from(p).within("p")?);
    if memory > MAX_SCRYPT_MEMORY || p > MAX_SCRYPT_P {
        return Err(unsupported("scrypt with that much work"));
    }
    if !n.is_power_of_two() {
        return Err(unsupported("n"));
    }
    let log_n = u8::try_from(n.ilog2()).within("n")?;
    Ok(scrypt::Params::new(log_n, r, p)?)
}

fn read_rounds(params: Input<'_>) -> Result<u32, Failure> {
    if params.text("prf")? != "hmac-sha256" {
        return Err(unsupported("prf"));
    }
    match u32::try_from(params.u64("c")?) {
        Ok(rounds @ 1..=MAX_PBKDF2_ROUNDS) => Ok(rounds),
        _ => Err(unsupported("pbkdf2 with that number of rounds")),
    }
}

fn unsupported(what: &str) -> Failure {
    Failure::new("unsupported", format!("{what} not supported"))
}

/// An object with its names in lower case.
fn object(name: &str, json: &Json) -> Result<Map<String, Json>, Failure> {
    let fields = json
        .as_object()
        .ok_or_else(|| crate::input::wrong(name, "an object"))?;
    let lower = fields
        .iter()
        .map(|(name, value)| (name.to_lowercase(), value.clone()));
    Ok(lower.collect())
}

fn read_address(fields: Input<'_>) -> Result<Option<Address>, Failure> {
    if !fields.has("address") {
        return Ok(None);
    }
    bytes(fields, "address").map(|bytes| Some(Address(bytes)))
}

fn bytes<const N: usize>(input: Input<'_>, name: &str) -> Result<[u8; N], Failure> {
    hex_field(input, name)?
        .try_into()
        .map_err(|_| Failure::new("bad-length", format!("{name} is not {N} bytes long")))
}

fn hex_field(input: Input<'_>, name: &str) -> Result<Vec<u8>, Failure> {
    let text = input.text(name)?;
    let digits = text.strip_prefix("0x").unwrap_or(text);
    to_bytes(&format!("0x{digits}")).within(name)
}

fn apply_cipher(derived: &Derived, iv: &[u8; 16], text: &mut [u8]) -> Result<(), Failure> {
    let (key, _) = derived.split_at(16);
    Aes128Ctr::new_from_slices(key, iv)?.apply_keystream(text);
    Ok(())
}

fn mac(derived: &Derived, ciphertext: &[u8]) -> coracle_core::B256 {
    let mut digest = Keccak256::new();
    digest.write(derived.split_at(16).1);
    digest.write(ciphertext);
    digest.finish()
}

fn random<const N: usize>() -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    SysRng.try_fill_bytes(&mut bytes)?;
    Ok(bytes)
}

/// A new key from the random source of the system.
pub(crate) fn generate() -> Result<SecretKey<Secp256k1>, KeyError> {
    SecretKey::generate(&mut SysRng)
}

/// The text form of a random UUID (RFC 9562, version 4).
fn uuid(mut id: [u8; 16]) -> String {
    id[6] = (id[6] & 0x0f) | 0x40;
    id[8] = (id[8] & 0x3f) | 0x80;
    let digits = bare(&id);
    let (a, rest) = digits.split_at(8);
    let (b, rest) = rest.split_at(4);
    let (c, rest) = rest.split_at(4);
    let (d, e) = rest.split_at(4);
    format!("{a}-{b}-{c}-{d}-{e}")
}

/// Hexadecimal digits without a prefix.
fn bare(bytes: &[u8]) -> String {
    Hex(bytes).to_string().split_off(2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use coracle_testkit::{Case, cases};

    fn read(case: &Case) -> Result<Sealed, Failure> {
        Sealed::read(&serde_json::from_str(case.str("json")).unwrap())
    }

    /// Every version 3 file of the vectors; the crowdsale wallet is another format.
    #[test]
    fn files_of_other_wallets_open() {
        let (mut opened, mut other) = (0, 0);
        for case in cases("ethereum/keystore.json") {
            if case.str("kind") != "keystore" {
                assert!(read(&case).is_err(), "{}", case.name());
                other += 1;
                continue;
            }
            let key = read(&case).unwrap().open(&case.bytes("password_utf8"));
            let key = key.unwrap();
            if case.has("key") {
                assert_eq!(
                    *key.dangerous_to_bytes(),
                    case.array("key"),
                    "{}",
                    case.name()
                );
            } else {
                let address = Address::from_public_key(key.public_key()).to_string();
                assert_eq!(address, case.str("address"), "{}", case.name());
            }
            opened += 1;
        }
        assert_eq!((opened, other), (6, 1));
    }

    /// A file with little work, so that the tests below take no time.
    fn light() -> Json {
        let all = cases("ethereum/keystore.json");
        let case = all
            .iter()
            .find(|case| case.name().contains("parity_pbkdf2"));
        serde_json::from_str(case.unwrap().str("json")).unwrap()
    }

    fn kind(result: Result<SecretKey<Secp256k1>, Failure>) -> String {
        result.unwrap_err().kind().to_owned()
    }

    #[test]
    fn a_wrong_passphrase_is_refused() {
        let sealed = Sealed::read(&light()).unwrap();
        assert!(sealed.open(b"").is_ok());
        assert_eq!(kind(sealed.open(b" ")), "wrong-passphrase");
    }

    #[test]
    fn a_changed_file_is_refused() {
        for (field, digit) in [("ciphertext", "0"), ("mac", "0")] {
            let mut json = light();
            let text = json["crypto"][field].as_str().unwrap().to_owned();
            json["crypto"][field] = format!("{digit}{}", &text[1..]).into();
            assert_ne!(json, light());
            let opened = Sealed::read(&json).unwrap().open(b"");
            assert_eq!(kind(opened), "wrong-passphrase", "{field}");
        }
        let mut json = light();
        json["address"] = "00".repeat(20).into();
        assert_eq!(
            kind(Sealed::read(&json).unwrap().open(b"")),
            "wrong-address"
        );
        // The counter is under no MAC; the key that it gives has another address.
        let mut json = light();
        json["crypto"]["cipherparams"]["iv"] = "00".repeat(16).into();
        assert_eq!(
            kind(Sealed::read(&json).unwrap().open(b"")),
            "wrong-address"
        );
    }

    #[test]
    fn what_is_no_keystore_is_refused() {
        let scrypt =
            |n: u64, r: u64, p: u64| json!({ "dklen": 32, "n": n, "r": r, "p": p, "salt": "00" });
        for (pointer, value) in [
            ("/version", json!(1)),
            ("/version", json!("three")),
            ("/crypto", json!([])),
            ("/crypto/cipher", json!("aes-128-cbc")),
            ("/crypto/cipherparams/iv", json!("00")),
            ("/crypto/ciphertext", json!("")),
            ("/crypto/ciphertext", json!(7)),
            ("/crypto/mac", json!("zz")),
            ("/crypto/kdf", json!("argon2")),
            ("/crypto/kdfparams/dklen", json!(64)),
            ("/crypto/kdfparams/prf", json!("hmac-sha1")),
            ("/crypto/kdfparams/c", json!(0)),
            ("/crypto/kdfparams/c", json!(4_000_000_000_u64)),
            ("/crypto/kdfparams", scrypt(1 << 40, 8, 1)),
            ("/address", json!("00")),
        ] {
            let mut json = light();
            *json.pointer_mut(pointer).unwrap() = value.clone();
            assert!(Sealed::read(&json).is_err(), "{pointer} = {value}");
        }
        for (n, r, p) in [
            (0, 8, 1),
            (3, 8, 1),
            (1 << 24, 8, 1),
            (1 << 10, 8, 1 << 20),
            (2, 0, 1),
        ] {
            let mut json = light();
            json["crypto"]["kdf"] = "scrypt".into();
            json["crypto"]["kdfparams"] = scrypt(n, r, p);
            assert!(Sealed::read(&json).is_err(), "{n} {r} {p}");
        }
    }

    #[test]
    fn ids_are_random_uuids() {
        let id = uuid([0xff; 16]);
        assert_eq!(id, "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }
}
