//! Test support for the coracle crates: vectors, random sources, transports.
