//! The one RLP helper that the encoder's crate lacks.

/// `payload` with the header of a list before it.
pub(crate) fn list(payload: &[u8]) -> Vec<u8> {
    let header = alloy_rlp::Header {
        list: true,
        payload_length: payload.len(),
    };
    let mut out = Vec::with_capacity(payload.len() + header.length());
    header.encode(&mut out);
    out.extend_from_slice(payload);
    out
}
