//! Ethereum-like chains for devices without a heap: transactions, ABI, requests and answers.
