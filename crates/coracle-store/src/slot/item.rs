//! The item of a slot; see the table of the parent's docs.

use coracle_core::ecdsa::{Curve, PublicKey};
use coracle_core::{Encode, Sink};

use crate::slot::seal::SEALED_LEN;
use crate::slot::{KeyHome, Policy, SlotCurve, SlotInfo};
use crate::wire::Fields;

const VERSION: u8 = 1;

/// The key is sealed behind the policy.
pub(super) const SEALED: u8 = 0;
/// A handle stands behind the policy.
pub(super) const ELEMENT: u8 = 1;

const HEAD_LEN: usize = 3;
const PUBLIC_LEN: usize = 33;

/// The longest body.
pub(super) const MAX_BODY_LEN: usize = HEAD_LEN + PUBLIC_LEN + Policy::MAX_ENCODED_LEN + SEALED_LEN;

/// The slot's id, then the body of its item: so what a seal binds is one piece.
pub(super) struct ItemBuf {
    bytes: [u8; 1 + MAX_BODY_LEN],
    len: usize,
}

impl ItemBuf {
    /// No body yet.
    pub(super) const fn new(id: u8) -> Self {
        let mut bytes = [0; 1 + MAX_BODY_LEN];
        let [first, ..] = &mut bytes;
        *first = id;
        Self { bytes, len: 1 }
    }

    pub(super) const fn id(&self) -> u8 {
        let [id, ..] = self.bytes;
        id
    }

    /// Where the body goes.
    pub(super) fn space(&mut self) -> &mut [u8] {
        self.bytes.get_mut(1..).unwrap_or_default()
    }

    pub(super) const fn set_body_len(&mut self, len: usize) {
        self.len = len.saturating_add(1);
    }

    /// Writes all that comes before the sealed key or the handle; `None` where the curve
    /// has no number.
    pub(super) fn write<C: Curve>(
        &mut self,
        home: u8,
        public: &PublicKey<C>,
        policy: &Policy,
    ) -> Option<()> {
        let start = Start {
            curve: SlotCurve::of::<C>()?,
            home,
            public: public.to_compressed(),
            policy,
        };
        let len = start.encode_into(self.space()).ok()?;
        self.set_body_len(len);
        Some(())
    }

    pub(super) fn append(&mut self, bytes: &[u8]) -> Option<()> {
        let end = self.len.saturating_add(bytes.len());
        self.bytes.get_mut(self.len..end)?.copy_from_slice(bytes);
        self.len = end;
        Some(())
    }

    /// Id and body.
    pub(super) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    pub(super) fn body(&self) -> &[u8] {
        self.bytes.get(1..self.len).unwrap_or_default()
    }

    pub(super) fn slot(&self) -> Option<Slot<'_>> {
        Slot::read(self.as_bytes())
    }
}

struct Start<'a> {
    curve: SlotCurve,
    home: u8,
    public: [u8; PUBLIC_LEN],
    policy: &'a Policy,
}

impl Encode for Start<'_> {
    fn encode(&self, out: &mut dyn Sink) {
        out.write(&[VERSION, self.curve as u8, self.home]);
        out.write(&self.public);
        self.policy.encode(out);
    }
}

pub(super) enum Home<'a> {
    Sealed(&'a [u8; SEALED_LEN]),
    Element(u8),
}

/// What an item says.
pub(super) struct Slot<'a> {
    curve: SlotCurve,
    public_key: &'a [u8; PUBLIC_LEN],
    pub(super) policy: Policy,
    /// What the seal binds.
    pub(super) bound: &'a [u8],
    pub(super) home: Home<'a>,
}

impl<'a> Slot<'a> {
    /// From id and body.
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut fields = Fields::new(bytes);
        let [_, version, curve, home] = fields.take()?;
        if version != VERSION {
            return None;
        }
        let public_key = fields.bytes(PUBLIC_LEN)?.first_chunk()?;
        let rest = fields.rest();
        let (policy, home) = match home {
            SEALED => {
                let (policy, sealed) = rest.split_last_chunk()?;
                (policy, Home::Sealed(sealed))
            }
            ELEMENT => {
                let (handle, policy) = rest.split_last()?;
                (policy, Home::Element(*handle))
            }
            _ => return None,
        };
        let behind = rest.len().saturating_sub(policy.len());
        Some(Self {
            curve: SlotCurve::from_byte(curve)?,
            public_key,
            policy: Policy::decode(policy)?,
            bound: bytes.get(..bytes.len().saturating_sub(behind))?,
            home,
        })
    }

    /// The public key; `None` where it is on another curve.
    pub(super) fn public<C: Curve>(&self) -> Option<PublicKey<C>> {
        if SlotCurve::of::<C>() != Some(self.curve) {
            return None;
        }
        PublicKey::from_sec1(self.public_key).ok()
    }

    /// Whether this is the slot's key.
    pub(super) fn is_of<C: Curve>(&self, public: &PublicKey<C>) -> bool {
        SlotCurve::of::<C>() == Some(self.curve) && *self.public_key == public.to_compressed()
    }

    pub(super) fn info(&self, id: u8) -> SlotInfo {
        SlotInfo {
            id,
            curve: self.curve,
            home: match self.home {
                Home::Sealed(_) => KeyHome::Sealed,
                Home::Element(handle) => KeyHome::Element(handle),
            },
            public_key: *self.public_key,
            policy: self.policy,
        }
    }
}
