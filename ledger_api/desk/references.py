"""Numbers by which makers know one piece, beside its serial: a watch's reference and movement, a car's VIN. Which ones is data
(`policy.toml`); here is how one is checked, pure.
"""

import re
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

CheckName = Literal["vin"]
VIN_LENGTH = 17
_VIN_VALUES = dict(
    zip("0123456789ABCDEFGHJKLMNPRSTUVWXYZ", [*range(10), 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 7, 9, 2, 3, 4, 5, 6, 7, 8, 9], strict=True)
)
_VIN_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
_VIN_CHECKED = "12345L"  # makers of North America (49 CFR 565.15) and China (GB 16735); elsewhere the ninth place is the maker's own


class Wrong(NamedTuple):
    """What is wrong with a value: the rule that it breaks, and what to do."""

    rule: str
    fix: str


class PieceNumber(BaseModel):
    """One such number. `pattern`: a regular expression that the whole of it matches; `check`: what it has to add up to."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
    required: bool = False
    pattern: Annotated[str, Field(max_length=200)] | None = None
    check: CheckName | None = None

    @field_validator("pattern")
    @classmethod
    def _can_be_read(cls, pattern: str | None) -> str | None:
        try:
            re.compile(pattern or "")
        except re.error as error:
            raise ValueError(f"this is no regular expression: {error}") from None
        return pattern

    def wrong(self, value: str) -> Wrong | None:
        """None: nothing is."""
        if self.check == "vin":
            return vin_wrong(value)
        if self.pattern is not None and re.fullmatch(self.pattern, value) is None:
            return Wrong("pattern", f"Write it as it stands on the piece; it matches {self.pattern}.")
        return None


def vin_wrong(value: str) -> Wrong | None:
    """ISO 3779: seventeen characters without I, O and Q. The check digit counts where the law demands one."""
    vin = value.upper()
    if len(vin) != VIN_LENGTH:
        return Wrong("vin-length", f"A VIN has {VIN_LENGTH} characters, not {len(vin)}.")
    strange = sorted(set(vin) - set(_VIN_VALUES))
    if strange:
        return Wrong("vin-characters", "A VIN has digits and capital letters without I, O and Q; look again for 1 and 0.")
    if vin[0] in _VIN_CHECKED and vin[8] != check_digit(vin):
        return Wrong("vin-check-digit", "The ninth character does not fit the others: compare it digit by digit.")
    return None


def check_digit(vin: str) -> str:
    """49 CFR 565.15(c): the weighted sum modulo 11, ten written X. Its own place weighs nothing."""
    remainder = sum(_VIN_VALUES[letter] * weight for letter, weight in zip(vin, _VIN_WEIGHTS, strict=True)) % 11
    return "X" if remainder == 10 else str(remainder)
