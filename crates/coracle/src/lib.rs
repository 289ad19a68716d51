//! Device-side blockchain SDK for cellular IoT modules.
