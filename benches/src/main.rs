//! Costs.
fn main() {}
