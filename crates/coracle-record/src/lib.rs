//! Trusted records: canonical CBOR in COSE_Sign1, numbered and chained.
