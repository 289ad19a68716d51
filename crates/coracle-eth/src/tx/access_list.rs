//! Access lists.

use coracle_core::rlp::{self, Reader, RlpError};
use coracle_core::{Address, B256, Sink};

/// Accounts and storage slots that a transaction announces.
///
/// Reference: [EIP-2930](https://eips.ethereum.org/EIPS/eip-2930).
#[derive(Clone, Copy, Debug)]
pub struct AccessList<'a>(Form<'a>);

#[derive(Clone, Copy, Debug)]
enum Form<'a> {
    Items(&'a [AccessListItem<'a>]),
    /// The items of a decoded list, checked when it was decoded.
    Rlp(Reader<'a>),
}

/// One account of an access list.
#[derive(Clone, Copy, Debug)]
pub struct AccessListItem<'a> {
    /// The account.
    pub address: Address,
    /// Slots of its storage.
    pub storage_keys: &'a [B256],
}

impl<'a> AccessList<'a> {
    /// A list that announces nothing.
    pub const EMPTY: Self = Self(Form::Items(&[]));

    /// A list of the caller.
    pub const fn new(items: &'a [AccessListItem<'a>]) -> Self {
        Self(Form::Items(items))
    }

    /// Reads a list and checks each of its items.
    ///
    /// # Errors
    ///
    /// [`RlpError`] at the item that is malformed.
    pub(super) fn decode(reader: &mut Reader<'a>) -> Result<Self, RlpError> {
        let items = reader.list()?;
        let mut rest = items;
        while !rest.is_empty() {
            let (_, mut keys) = read_item(&mut rest)?;
            while !keys.is_empty() {
                keys.array::<{ B256::LEN }>()?;
            }
        }
        Ok(Self(Form::Rlp(items)))
    }

    /// The accounts, each with its slots.
    pub fn iter(&self) -> impl Iterator<Item = (Address, StorageKeys<'a>)> + use<'a> {
        let (slice, mut rlp) = match self.0 {
            Form::Items(items) => (items, Reader::new(&[])),
            Form::Rlp(reader) => (&[][..], reader),
        };
        let decoded = core::iter::from_fn(move || {
            let (address, keys) = read_item(&mut rlp).ok()?;
            Some((address, StorageKeys(Keys::Rlp(keys))))
        });
        slice
            .iter()
            .map(|item| {
                (
                    item.address,
                    StorageKeys(Keys::Items(item.storage_keys.iter())),
                )
            })
            .chain(decoded)
    }

    pub(super) fn write(&self, out: &mut dyn Sink) {
        match self.0 {
            Form::Items(items) => rlp::write_list(out, |out| write_items(items, out)),
            Form::Rlp(items) => {
                rlp::write_list_header(out, items.as_slice().len());
                out.write(items.as_slice());
            }
        }
    }
}

fn read_item<'a>(items: &mut Reader<'a>) -> Result<(Address, Reader<'a>), RlpError> {
    let mut item = items.list()?;
    let address = Address(item.array()?);
    let keys = item.list()?;
    item.finish()?;
    Ok((address, keys))
}

fn write_items(items: &[AccessListItem<'_>], out: &mut dyn Sink) {
    for item in items {
        rlp::write_list(out, |out| {
            rlp::write_bytes(out, item.address.as_bytes());
            rlp::write_list(out, |out| {
                for key in item.storage_keys {
                    rlp::write_bytes(out, key.as_bytes());
                }
            });
        });
    }
}

/// The slots of one account of an access list.
#[derive(Clone, Debug)]
pub struct StorageKeys<'a>(Keys<'a>);

#[derive(Clone, Debug)]
enum Keys<'a> {
    Items(core::slice::Iter<'a, B256>),
    Rlp(Reader<'a>),
}

impl Iterator for StorageKeys<'_> {
    type Item = B256;

    fn next(&mut self) -> Option<B256> {
        match &mut self.0 {
            Keys::Items(keys) => keys.next().copied(),
            Keys::Rlp(keys) => keys.array().ok().map(B256),
        }
    }
}
