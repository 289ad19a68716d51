//! What a host has in place of a chip's flash and fuses: files.
//!
//! For gateways with Linux, and for tests.
//!
//! # Examples
//!
//! A key that outlives the program, and signs records alone:
//!
//! ```
//! use std::error::Error;
//! use std::path::Path;
//!
//! use coracle::core::ecdsa::{PublicKey, Secp256k1};
//! use coracle::host::{FileFlash, FileSecret};
//! use coracle::net::host::block_on;
//! use coracle::store::{Intake, Memory, Policy, SlotInfo, Store, WhenFull};
//! use rand_core::TryCryptoRng;
//!
//! /// The key in slot 0; made where there is none.
//! fn key(
//!     folder: &Path,
//!     rng: &mut impl TryCryptoRng,
//! ) -> Result<PublicKey<Secp256k1>, Box<dyn Error>> {
//!     let mut secret = FileSecret::open_or_create(&folder.join("secret"), rng)?;
//!     let flash = FileFlash::open(&folder.join("flash"), 8)?;
//!     let intake = Intake {
//!         max_entries: 0,
//!         when_full: WhenFull::Refuse,
//!         max_state: 0,
//!     };
//!     let mut memory = Memory::<{ SlotInfo::ITEMS + 3 }, { SlotInfo::MAX_LEN }>::new();
//!     let store = Store::new(flash, &mut memory, intake);
//!     block_on(async {
//!         store.open_or_format(rng).await?;
//!         if store.slot(0).await?.is_none() {
//!             let policy = Policy::records();
//!             let made = store.create_slot(0, &policy, &mut secret, rng).await?;
//!             return Ok(made);
//!         }
//!         let slot = store.open_slot::<Secp256k1, _, _>(0, secret, rng).await?;
//!         Ok(*coracle::core::Signer::public_key(&slot))
//!     })
//! }
//!
//! # fn main() -> Result<(), Box<dyn Error>> {
//! let folder = tempfile::tempdir()?;
//! let made = key(folder.path(), &mut getrandom::SysRng)?;
//! let opened = key(folder.path(), &mut getrandom::SysRng)?;
//! assert_eq!(made, opened);
//! # Ok(())
//! # }
//! ```

mod flash;
mod secret;

pub use self::flash::{FileFlash, FileFlashError};
pub use self::secret::{FileSecret, FileSecretError};
