"""How many verdicts the ledger has, and what they said. Open to everybody, like the ledger itself. Parse, count, shape."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from ledger_api.routes.deps import Anonymous, Context, Ctx
from ledger_api.routes.problems import errors
from ledger_api.routes.schemas import Hex32, HexAddress, Out
from ledger_api.statistics.keeping import VerdictCounter
from ledger_api.statistics.telling import question_of, tell
from ledger_api.statistics.verdicts import RULES, SMALLEST, Grouping, Question

router = APIRouter(prefix="/v1/statistics/verdicts", tags=["statistics"])

Week = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-W[0-9]{2}$")]
Who = Annotated[str, StringConstraints(min_length=1, max_length=255)]


class QuestionIn(BaseModel):
    """Which verdicts, and told by what; all of it may be left out."""

    model_config = ConfigDict(extra="forbid")

    group_by: Grouping = "week"
    from_week: Week | None = Field(default=None, description="ISO week, included.", examples=["2026-W40"])
    to_week: Week | None = Field(default=None, description="ISO week, included.", examples=["2026-W48"])
    brand: Who | None = Field(default=None, description="DID, or id on the ledger.")
    category: str | None = Field(default=None, max_length=32, examples=["handbag"])
    method: Literal["photo", "chip", "in-person"] | None = None
    authenticator: Who | None = Field(default=None, description="DID, or id on the ledger.")

    def question(self) -> Question:
        """Raises InvalidBody."""
        return question_of(**self.model_dump())


class BlocksOut(Out):
    """Which blocks of which ledger every number here is counted from, both ends included."""

    chain_id: int
    ledger: HexAddress
    from_block: int
    to_block: int
    block_hash: Hex32 | None = Field(description="Of `to_block`: another hash there is another ledger. Null before the first was followed.")


class AskedOut(Out):
    """The question of which every number here is the answer."""

    group_by: Grouping
    from_week: str | None
    to_week: str | None
    brand: str | None
    category: str | None
    method: str | None
    authenticator: str | None


class FakeRateOut(Out):
    """*Not authentic* among the conclusions, with Wilson's interval of 95 %."""

    not_authentic: int
    of: int = Field(description="The denominator: *authentic* and *not authentic* together.")
    value: float
    low: float
    high: float


class CountsOut(Out):
    verdicts: int = Field(description="`authentic` + `not_authentic` + `inconclusive` + `withdrawn`.")
    authentic: int
    not_authentic: int
    inconclusive: int
    withdrawn: int = Field(description="By its author, or replaced by its author's later verdict.")
    appealed: int
    overturned: int
    corrected: int
    void: int = Field(description="Signed with a key compromised before; not in `verdicts`.")
    fake_rate: FakeRateOut | None = Field(description="Null where there is no conclusion.")


class GroupOut(Out):
    key: str = Field(description="The week, the code of the category or method, or the id of the organization.")
    did: str | None = Field(description="Of an organization that the registry knows.")
    counts: CountsOut | None = Field(
        description=f"Null where it is hidden: fewer than {SMALLEST} verdicts, or it would give such a one away."
    )


class VerdictsOut(Out):
    blocks: BlocksOut
    query: AskedOut
    definition: str
    smallest: int
    total: CountsOut | None
    groups: list[GroupOut]


def counter_of(request: Request, ctx: Ctx) -> VerdictCounter:
    """The process's one counter, made when it is first asked."""
    state = request.app.state
    if not hasattr(state, "verdict_counter"):
        state.verdict_counter = VerdictCounter(ctx.network)
    found = state.verdict_counter
    assert isinstance(found, VerdictCounter)
    return found


ACounter = Annotated[VerdictCounter, Depends(counter_of)]


@router.get(
    "",
    responses=errors(key=False),
    description=f"Counted from the ledger's records alone; `ledger statistics --from-chain` counts again.\n\n{RULES}",
)
def get_verdict_statistics(_guest: Anonymous, ctx: Ctx, counter: ACounter, wish: Annotated[QuestionIn, Query()]) -> VerdictsOut:
    return answer(ctx, counter, wish.question())


def answer(ctx: Context, counter: VerdictCounter, question: Question) -> VerdictsOut:
    counted = counter.count(ctx.engine)
    return VerdictsOut.model_validate(tell(counted.table(question), question, counted.blocks, counted.names))
