//! A water meter.
fn main() {}
