//! Exactly once: a device with its outbox on flash, against a real node.
//!
//! The flash outlives the device: a reset is a client and a store that are dropped, and new
//! ones on the same chip. What is on the chain is looked at through a plain socket.

#[path = "store_chain/board.rs"]
mod board;
#[path = "store_chain/copies.rs"]
mod copies;
#[path = "store_chain/crash.rs"]
mod crash;
#[path = "store_chain/give_up.rs"]
mod give_up;
#[path = "store_chain/nodes.rs"]
mod nodes;
#[path = "store_chain/slot.rs"]
mod slot;
