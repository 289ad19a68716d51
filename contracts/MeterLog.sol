// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.18;

/// Keeps what devices say, in the order in which it came.
///
/// Takes every record and judges none: who may speak for a device, and whether a number
/// is missing or came twice, is for whoever reads the log to say. A contract that
/// refused a record would block the device for good, since a device that sends the same
/// bytes again is refused again.
///
/// Nobody owns it and nothing in it can be changed or removed.
contract MeterLog {
    /// One record of `device`, the `keccak256` of the device's id.
    ///
    /// `sequence` is what the sender says; the signed number stands in `record`.
    event Recorded(
        bytes32 indexed device,
        uint64 indexed sequence,
        address indexed sender,
        bytes record
    );

    /// What one sender appended for one device.
    struct Chain {
        /// Covers every record in order; see `append`.
        bytes32 head;
        /// How many there are.
        uint64 count;
    }

    mapping(address sender => mapping(bytes32 device => Chain)) private chains;

    /// Appends a record.
    ///
    /// The sender's head for the device becomes `keccak256(head . keccak256(record))`,
    /// from zero on. Whoever holds all records computes the same head and knows that
    /// none is missing, without reading a single log.
    function append(bytes32 device, uint64 sequence, bytes calldata record) external {
        Chain storage chain = chains[msg.sender][device];
        chain.head = keccak256(abi.encodePacked(chain.head, keccak256(record)));
        // 2^64 transactions are out of reach, and even they must not block a device.
        unchecked {
            ++chain.count;
        }
        emit Recorded(device, sequence, msg.sender, record);
    }

    /// The head over all records that `sender` appended for `device`, and their number;
    /// zero and zero before the first.
    function tip(address sender, bytes32 device) external view returns (bytes32 head, uint64 count) {
        Chain storage chain = chains[sender][device];
        return (chain.head, chain.count);
    }
}
