//! `Encodable` and `Decodable` of the crate `rlp`, for hosts that already speak it.

extern crate alloc;

use rlp::{Decodable, DecoderError, Encodable, Rlp, RlpStream};

use crate::address::Address;
use crate::amount::Wei;
use crate::hash::B256;
use crate::uint::{U256, significant};

macro_rules! bytes {
    ($name:ident) => {
        impl Encodable for $name {
            fn rlp_append(&self, stream: &mut RlpStream) {
                stream.encoder().encode_value(&self.0);
            }
        }

        impl Decodable for $name {
            fn decode(rlp: &Rlp<'_>) -> Result<Self, DecoderError> {
                rlp.decoder().decode_value(|bytes| {
                    let bytes = <[u8; Self::LEN]>::try_from(bytes);
                    bytes.map(Self).map_err(|_| DecoderError::RlpInvalidLength)
                })
            }
        }
    };
}

bytes!(Address);
bytes!(B256);

impl Encodable for U256 {
    fn rlp_append(&self, stream: &mut RlpStream) {
        let word = self.to_be_bytes();
        stream.encoder().encode_value(significant(&word));
    }
}

impl Decodable for U256 {
    fn decode(rlp: &Rlp<'_>) -> Result<Self, DecoderError> {
        rlp.decoder().decode_value(|bytes| {
            if bytes.first() == Some(&0) {
                return Err(DecoderError::RlpInvalidIndirection);
            }
            Self::from_be_slice(bytes).ok_or(DecoderError::RlpIsTooBig)
        })
    }
}

/// An amount is the integer of its wei.
impl Encodable for Wei {
    fn rlp_append(&self, stream: &mut RlpStream) {
        self.0.rlp_append(stream);
    }
}

impl Decodable for Wei {
    fn decode(rlp: &Rlp<'_>) -> Result<Self, DecoderError> {
        U256::decode(rlp).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_survive_the_other_crate() {
        for value in [U256::ZERO, U256::ONE, U256::from(0x80_u64), U256::MAX] {
            assert_eq!(rlp::decode::<U256>(&rlp::encode(&value)), Ok(value));
            assert_eq!(
                rlp::decode::<Wei>(&rlp::encode(&Wei(value))),
                Ok(Wei(value))
            );
        }
        let address = Address([7; 20]);
        assert_eq!(rlp::decode::<Address>(&rlp::encode(&address)), Ok(address));
        assert!(rlp::decode::<B256>(&rlp::encode(&address)).is_err());
        assert!(rlp::decode::<U256>(&[0x82, 0x00, 0x01]).is_err());
    }
}
