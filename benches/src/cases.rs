//! The operations: those that are counted on a device, and k256 by itself as a baseline.

use std::hint::black_box;

use bench_firmware::{Meter, Operation, WrongResult};
use k256::ecdsa::SigningKey;

/// The names of all operations.
pub(crate) fn names() -> Result<Vec<&'static str>, String> {
    let mut names = Names(Vec::new());
    all(&mut names)?;
    Ok(names.0)
}

/// Runs one operation so many times.
pub(crate) fn run(name: &str, times: u64) -> Result<(), String> {
    let mut runs = Runs {
        name,
        times,
        is_found: false,
    };
    all(&mut runs)?;
    match runs.is_found {
        true => Ok(()),
        false => Err(format!("no operation {name}")),
    }
}

fn all(meter: &mut dyn Meter) -> Result<(), String> {
    let counted = bench_firmware::all(meter).and_then(|()| k256_sign(meter));
    counted.map_err(|WrongResult| "wrong result".into())
}

/// Runs nothing.
struct Names(Vec<&'static str>);

impl Meter for Names {
    fn count(&mut self, name: &'static str, _: Operation<'_>) -> Result<(), WrongResult> {
        self.0.push(name);
        Ok(())
    }
}

struct Runs<'a> {
    name: &'a str,
    times: u64,
    is_found: bool,
}

impl Meter for Runs<'_> {
    fn count(&mut self, name: &'static str, operation: Operation<'_>) -> Result<(), WrongResult> {
        if name != self.name {
            return Ok(());
        }
        self.is_found = true;
        (0..self.times).try_for_each(operation)
    }
}

/// What lies beneath ours.
fn k256_sign(meter: &mut dyn Meter) -> Result<(), WrongResult> {
    let key = SigningKey::from_slice(&[0x46; 32]).map_err(|_| WrongResult)?;
    meter.count("secp256k1-sign/k256", &mut |number| {
        let mut digest = [0x5a; 32];
        digest[..8].copy_from_slice(&number.to_be_bytes());
        let (signature, _) = key.sign_prehash_recoverable(black_box(&digest));
        match signature.to_bytes()[..] != [0; 64] {
            true => Ok(()),
            false => Err(WrongResult),
        }
    })
}
