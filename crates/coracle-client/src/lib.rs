//! From a record to a settled transaction, over any transport and any store.
