// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

// Every number that travels in an event, a word or a log, by name. Constants and not enums: a number that is out of
// range must end as the refusal `malformed`, never as a revert that takes its neighbours along.

/// @dev What happened. Kinds that a lot may have are marked.
library Kind {
    uint8 internal constant RAW_MATERIAL = 1; // lot
    uint8 internal constant MANUFACTURE = 2;
    uint8 internal constant SHIPMENT = 3; // lot
    uint8 internal constant SALE = 4;
    uint8 internal constant RESALE = 5;
    uint8 internal constant TRANSFER = 6;
    uint8 internal constant VERDICT = 7;
    uint8 internal constant ENROLMENT = 8;
    uint8 internal constant DISPUTE = 9; // lot
    uint8 internal constant RULING = 10;
    uint8 internal constant SERVICE = 11; // lot
    uint8 internal constant HOLD = 12; // lot
    uint8 internal constant RELEASE = 13; // lot
    uint8 internal constant RECOVERY = 14;
    uint8 internal constant CORRECTION = 15; // lot
    uint8 internal constant RETIRE = 16; // lot
}

library Stage {
    uint8 internal constant UNBORN = 0;
    uint8 internal constant LOT = 1;
    uint8 internal constant UNSOLD = 2;
    uint8 internal constant SOLD = 3;
    uint8 internal constant ENROLLED = 4; // sold, born in a store; its brand has not spoken yet
    uint8 internal constant RETIRED = 5;
}

library Outcome {
    uint8 internal constant NONE = 0;
    uint8 internal constant AUTHENTIC = 1;
    uint8 internal constant NOT_AUTHENTIC = 2;
    uint8 internal constant INCONCLUSIVE = 3;
}

/// @dev In rising strength.
library Method {
    uint8 internal constant PHOTO = 1;
    uint8 internal constant CHIP = 2;
    uint8 internal constant IN_PERSON = 3;
    uint8 internal constant RULING = 4; // a ruling's own; no verdict may claim it
}

/// @dev Indexes; in the clear byte of a word the bit is `1 << index`.
library HoldKind {
    uint8 internal constant LOST = 0;
    uint8 internal constant STOLEN = 1;
    uint8 internal constant DISPUTED = 2;
    uint8 internal constant RECALLED = 3;
    uint8 internal constant IN_VERIFICATION = 4;
    uint8 internal constant COUNT = 5;
}

/// @dev Bits of one byte.
library Role {
    uint8 internal constant SUPPLIER = 1;
    uint8 internal constant BRAND = 2;
    uint8 internal constant RETAILER = 4;
    uint8 internal constant PLATFORM = 8;
    uint8 internal constant AUTHENTICATOR = 16;
    uint8 internal constant ALL = 31;
}

/// @dev `a` of a recovery.
library Phase {
    uint8 internal constant REQUEST = 1;
    uint8 internal constant VETO = 2;
    uint8 internal constant COMPLETE = 3;
}

/// @dev Why an event or a batch was refused; the lowest that applies is given. 2, 4, 5 and 7 are found by a service
/// before anything is signed and never given by a contract.
library Reason {
    uint8 internal constant NONE = 0;
    uint8 internal constant MALFORMED = 1;
    uint8 internal constant IN_THE_FUTURE = 3;
    uint8 internal constant UNKNOWN_ORGANIZATION = 6;
    uint8 internal constant UNKNOWN_ITEM = 8;
    uint8 internal constant ALREADY_RECORDED = 9;
    uint8 internal constant RETIRED = 10;
    uint8 internal constant ROLE_MISSING = 11;
    uint8 internal constant NOT_ACCREDITED = 12;
    uint8 internal constant SUSPENDED = 13;
    uint8 internal constant SIGNER_INVALID = 14;
    uint8 internal constant ALREADY_SOLD = 15;
    uint8 internal constant NOT_SOLD = 16;
    uint8 internal constant ON_HOLD = 17;
    uint8 internal constant NOT_AUTHENTIC = 18;
    uint8 internal constant NOT_THE_HOLDER = 19;
    uint8 internal constant CONSENT_MISSING = 20;
    uint8 internal constant CONSENT_INVALID = 21;
    uint8 internal constant NOT_DISPUTED = 22;
    uint8 internal constant WAITING_PERIOD = 23;
    uint8 internal constant TOO_EARLY = 24;
    uint8 internal constant SUPERSEDED = 25;
    uint8 internal constant NOT_ON_HOLD = 26;
    uint8 internal constant GROUP_REFUSED = 27;
    uint8 internal constant DEADLINE_PASSED = 28;
}
