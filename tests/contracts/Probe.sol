// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.24;

/// Stores, emits and fails in every way that the tests want to see.
contract Probe {
    uint256 public value;

    event Stored(address indexed by, uint256 indexed value, bytes data);

    error TooHigh(uint256 value, uint256 limit);

    constructor(uint256 first) {
        value = first;
    }

    function store(uint256 next, bytes calldata data) external {
        if (next == 1) revert("meter is closed");
        if (next == 2) assert(next != 2);
        if (next == 3) revert TooHigh(next, 2);
        if (next == 4) revert(unicode"\x1b[2Jcleared\x00");
        value = next;
        emit Stored(msg.sender, next, data);
    }
}
