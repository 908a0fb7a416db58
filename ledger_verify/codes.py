"""The numbers of the protocol (docs/protocol.md §1), each with its name and its one kebab-case code.

Only numbers and names: what they mean for an item is decided in `judging` and `transition`.
"""

from enum import IntEnum, IntFlag
from typing import Self


class Coded(IntEnum):
    """A number whose code is its name in kebab-case: `Kind.RAW_MATERIAL` is 1 and `raw-material` everywhere."""

    @property
    def code(self) -> str:
        return self.name.lower().replace("_", "-")

    @classmethod
    def from_code(cls, code: str) -> Self:
        """Raises ValueError when no member has this code."""
        for member in cls:
            if member.code == code:
                return member
        raise ValueError(f"{cls.__name__} has no code {code!r}")


class Kind(Coded):
    RAW_MATERIAL = 1
    MANUFACTURE = 2
    SHIPMENT = 3
    SALE = 4
    RESALE = 5
    TRANSFER = 6
    VERDICT = 7
    ENROLMENT = 8
    DISPUTE = 9
    RULING = 10
    SERVICE = 11
    HOLD = 12
    RELEASE = 13
    RECOVERY = 14
    CORRECTION = 15
    RETIRE = 16


class Stage(Coded):
    UNBORN = 0
    LOT = 1
    UNSOLD = 2
    SOLD = 3
    ENROLLED = 4  # sold, born in a store; its brand has not spoken yet
    RETIRED = 5


class Outcome(Coded):
    NONE = 0
    AUTHENTIC = 1
    NOT_AUTHENTIC = 2
    INCONCLUSIVE = 3


class Method(Coded):
    """In rising strength."""

    NONE = 0
    PHOTO = 1
    CHIP = 2
    IN_PERSON = 3
    RULING = 4  # a ruling's own; no verdict may claim it


class Hold(Coded):
    """Indexes; the bit in `State.holds` is `1 << hold`, which `.bit` gives."""

    LOST = 0
    STOLEN = 1
    DISPUTED = 2
    RECALLED = 3
    IN_VERIFICATION = 4

    @property
    def bit(self) -> int:
        return 1 << self


class Phase(Coded):
    """What a recovery event is about: field `a` of its detail."""

    REQUEST = 1
    VETO = 2
    COMPLETE = 3


class Role(IntFlag):
    SUPPLIER = 1
    BRAND = 2
    RETAILER = 4
    PLATFORM = 8
    AUTHENTICATOR = 16


class Category(Coded):
    """0 to 63: one bit each of an accreditation's scope. The numbers without a name yet are `category-11` and so on, so
    that an item recorded under one can still be read."""

    UNSPECIFIED = 0
    HANDBAG = 1
    WATCH = 2
    SHOES = 3
    SCARF = 4
    JEWELLERY = 5
    CLOTHING = 6
    LEATHER_GOODS = 7
    EYEWEAR = 8
    CAR = 9
    OTHER = 10

    @classmethod
    def _missing_(cls, value: object) -> "Category | None":
        if not isinstance(value, int) or not 0 <= value <= LAST_CATEGORY:
            return None
        unnamed = int.__new__(cls, value)
        unnamed._name_ = f"CATEGORY_{value}"
        unnamed._value_ = value
        return unnamed


class Reason(Coded):
    """Why an event was refused. When several apply the lowest is given. TIME_ZONE_MISSING, GTIN_CHECK_DIGIT,
    SERIAL_INVALID and UNKNOWN_LOT are found by a service before anything is signed; no contract gives them."""

    MALFORMED = 1
    TIME_ZONE_MISSING = 2
    IN_THE_FUTURE = 3
    GTIN_CHECK_DIGIT = 4
    SERIAL_INVALID = 5
    UNKNOWN_ORGANIZATION = 6
    UNKNOWN_LOT = 7
    UNKNOWN_ITEM = 8
    ALREADY_RECORDED = 9
    RETIRED = 10
    ROLE_MISSING = 11
    NOT_ACCREDITED = 12
    SUSPENDED = 13
    SIGNER_INVALID = 14
    ALREADY_SOLD = 15
    NOT_SOLD = 16
    ON_HOLD = 17
    NOT_AUTHENTIC = 18
    NOT_THE_HOLDER = 19
    CONSENT_MISSING = 20
    CONSENT_INVALID = 21
    NOT_DISPUTED = 22
    WAITING_PERIOD = 23
    TOO_EARLY = 24
    SUPERSEDED = 25
    NOT_ON_HOLD = 26
    GROUP_REFUSED = 27
    DEADLINE_PASSED = 28


LAST_CATEGORY = 63

KIND_CODES = {kind: kind.code for kind in Kind}
STAGE_CODES = {stage: stage.code for stage in Stage}
OUTCOME_CODES = {outcome: outcome.code for outcome in Outcome}
METHOD_CODES = {method: method.code for method in Method}
HOLD_CODES = {hold: hold.code for hold in Hold}
PHASE_CODES = {phase: phase.code for phase in Phase}
ROLE_CODES = {role: str(role.name).lower() for role in Role}
CATEGORY_CODES = {Category(number): Category(number).code for number in range(LAST_CATEGORY + 1)}
REASON_CODES = {reason: reason.code for reason in Reason}

# seconds
SKEW = 900
STOLEN_RELEASE = 72 * 3600
RULING_PERIOD = 30 * 86400
RECOVERY_PERIOD = 30 * 86400
LONGEST_VERIFICATION = 30 * 86400
