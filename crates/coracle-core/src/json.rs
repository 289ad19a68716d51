//! JSON: a writer over sinks, a streaming reader, and flat objects by `serde-json-core`.
//!
//! Which reader for which answer:
//!
//! | answer | reader | because |
//! | --- | --- | --- |
//! | one scalar, or a flat object of known size, held in a buffer | [`flat`] (`serde-json-core`) | small code, no state |
//! | anything a node may make as long as it likes: receipts, logs, call results, error texts | [`Reader`] | bounded memory, whatever the length |
//!
//! Reference: RFC 8259.

mod flat;
mod reader;
mod writer;

pub use self::flat::flat;
pub use self::reader::{Event, JsonError, JsonErrorKind, Reader, Reject, Visitor};
pub use self::writer::{Quantity, Writer, write_escaped};
