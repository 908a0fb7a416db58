// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title The provenance contract one would write first
/// @notice A yardstick of benchmarks/GAS.md: every event a struct with strings in a stored array. No rules, no signatures,
/// serials in clear. It is deployed nowhere else.
contract NaiveBaseline {
    struct Entry {
        string kind;
        string description;
        address recorder;
        uint256 recordedAt;
    }

    event Added(string serial, string kind, address recorder);

    mapping(string serial => Entry[] entries) private _histories;

    function add(string calldata serial, string calldata kind, string calldata description) external {
        _histories[serial].push(
            Entry({kind: kind, description: description, recorder: msg.sender, recordedAt: block.timestamp})
        );

        emit Added(serial, kind, msg.sender);
    }

    function history(string calldata serial) external view returns (Entry[] memory) {
        return _histories[serial];
    }
}
