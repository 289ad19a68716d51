//! A small in-process EVM chain behind JSON-RPC, for demos and tests.
