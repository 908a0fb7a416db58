"""What each refusal reason means, in one sentence a shop assistant can act on."""

from ledger_verify.transition import Reason

SENTENCES: dict[Reason, str] = {
    Reason.MALFORMED: "The event does not have the documented shape.",
    Reason.TIME_ZONE_MISSING: "A time has no zone: add Z or an offset such as +01:00.",
    Reason.IN_THE_FUTURE: "The event says it happened later than now.",
    Reason.GTIN_CHECK_DIGIT: "The GTIN is not valid: look at the number again.",
    Reason.SERIAL_INVALID: "The serial has characters or a length that GS1 does not allow.",
    Reason.UNKNOWN_ORGANIZATION: "An organization in it is no member of the consortium.",
    Reason.UNKNOWN_LOT: "A lot that it names is not on the ledger.",
    Reason.UNKNOWN_ITEM: "No such item is on the ledger.",
    Reason.ALREADY_RECORDED: "This item is on the ledger already, with other content.",
    Reason.RETIRED: "The item is retired.",
    Reason.ROLE_MISSING: "The organization does not have the role that this takes.",
    Reason.NOT_ACCREDITED: "The brand has not accredited the organization for this.",
    Reason.SUSPENDED: "The organization is suspended.",
    Reason.SIGNER_INVALID: "The signer does not speak for the organization.",
    Reason.ALREADY_SOLD: "The item is sold already.",
    Reason.NOT_SOLD: "The item is not sold yet.",
    Reason.ON_HOLD: "The item is on hold and cannot change hands.",
    Reason.NOT_AUTHENTIC: "The item was judged not authentic and cannot change hands.",
    Reason.NOT_THE_HOLDER: "The item is held by somebody else.",
    Reason.CONSENT_MISSING: "This takes the holder's consent.",
    Reason.CONSENT_INVALID: "The consent is not by the holder, not for this event, or out of date.",
    Reason.NOT_DISPUTED: "There is no dispute to rule on.",
    Reason.WAITING_PERIOD: "The waiting period is not over.",
    Reason.TOO_EARLY: "It is too early for this, or it says it happened before the item's last event.",
    Reason.SUPERSEDED: "The item's history has moved on since this was signed.",
    Reason.NOT_ON_HOLD: "No such hold is set.",
    Reason.GROUP_REFUSED: "Another event of the group was refused, and the group is all or nothing.",
    Reason.DEADLINE_PASSED: "The batch's deadline has passed.",
}
