//! Keys, digests, signer trait, sinks, RLP, JSON and amounts for devices without a heap.
