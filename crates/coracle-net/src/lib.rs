//! HTTP/1.1 and JSON-RPC for devices without a heap.
