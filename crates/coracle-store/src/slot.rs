//! Key slots.
