"""Everything that can go wrong, as one tree.

LedgerError
  CallerError      you asked wrongly            4xx
  BusyError        try again later              503, the loop retries
  ChainError       the node or contract refused 502, recorded on the submission
  IntegrityError   two hashes disagree          500, stop and shout, never retry

A leaf has a stable `code`, a `status`, and a docstring that is the default sentence.
Facts go to the constructor and come out in the problem document (RFC 9457) as members.
"""

from typing import Any, ClassVar


class LedgerError(Exception):
    """Something went wrong."""

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500

    def __init__(self, message: str | None = None, **facts: Any) -> None:
        self.message = message or (self.__doc__ or "").strip().splitlines()[0]
        self.facts = facts
        super().__init__(self.message)


class Unexpected(LedgerError):
    """Something went wrong that should not; it was logged under the request id."""

    code, status = "unexpected", 500


class CallerError(LedgerError):
    """The request cannot be served as it is."""

    code, status = "bad-request", 400


class BusyError(LedgerError):
    """Try again later."""

    code, status = "busy", 503


class ChainError(LedgerError):
    """The node or the contract refused."""

    code, status = "chain", 502


class IntegrityError(LedgerError):
    """Two records that must agree do not."""

    code, status = "integrity", 500


# --- callers -----------------------------------------------------------------------------------------------------


class InvalidBody(CallerError):
    """The body does not have the documented shape."""

    code, status = "invalid-body", 422


class BodyTooLarge(CallerError):
    """The body is larger than the limit."""

    code, status = "body-too-large", 413


class BodyTooSlow(CallerError):
    """The body came too slowly; send it again."""

    code, status = "body-too-slow", 408


class Unauthenticated(CallerError):
    """An API key is needed: send `Authorization: Bearer <key>`."""

    code, status = "unauthenticated", 401


class Forbidden(CallerError):
    """The API key does not allow this."""

    code, status = "forbidden", 403


class NotFound(CallerError):
    """There is nothing here."""

    code, status = "not-found", 404


class MethodNotAllowed(CallerError):
    """This address does not know the method."""

    code, status = "method-not-allowed", 405


class UnknownItem(NotFound):
    """No item with this identifier is known. That is not a verdict: it may be older than the ledger, or mistyped."""

    code = "unknown-item"


class NoSuchLink(NotFound):
    """There is no link of this type for the item; `linkset` says which there are."""

    code = "no-such-link"


class Withheld(CallerError):
    """The item exists; its brand shows it to the holder and to partners only."""

    code, status = "withheld", 403


class EventRefused(CallerError):
    """The event was refused; `reason` has the code of the rule."""

    code, status = "event-refused", 409


class EventUnreadable(CallerError):
    """The event cannot be read as it is; `reason` has the code of the rule and `field` what it is about."""

    code, status = "event-unreadable", 422


class IdempotencyMismatch(CallerError):
    """This Idempotency-Key was used with another body."""

    code, status = "idempotency-mismatch", 422


class IdempotencyInFlight(CallerError):
    """The first request with this Idempotency-Key is still being answered."""

    code, status = "idempotency-in-flight", 409


class ConsentRefused(CallerError):
    """The holder's consent is not good for this."""

    code, status = "consent-refused", 409


class ConsentNotSigned(ConsentRefused):
    """The signature is not the named holder's under this consent."""

    code = "consent-not-signed"


class ConsentToAnotherChain(ConsentRefused):
    """The consent was given for another chain."""

    code = "consent-to-another-chain"


class ConsentToAnotherLedger(ConsentRefused):
    """The consent was given for another ledger: another contract, or an older version of it."""

    code = "consent-to-another-ledger"


class ConsentToAnotherItem(ConsentRefused):
    """The consent was given for another item."""

    code = "consent-to-another-item"


class ConsentToAnotherDeed(ConsentRefused):
    """The consent was given to something else than this: another action, another new holder, or other details."""

    code = "consent-to-another-deed"


class ConsentNotTheHolder(ConsentRefused):
    """The key that signed does not hold the item, or does not hold it any more."""

    code = "consent-not-the-holder"


class ConsentWithdrawn(ConsentRefused):
    """Something happened to the item since this was signed, which withdraws it: look again, then sign anew."""

    code = "consent-withdrawn"


class ConsentExpired(ConsentRefused):
    """The consent's deadline has passed."""

    code = "consent-expired"


class KeyMissing(NotFound):
    """The service holds no such key."""

    code = "key-missing"


class WrongPassphrase(CallerError):
    """The passphrase does not open this keystore."""

    code, status = "wrong-passphrase", 500


class DevelopmentKeyRefused(CallerError):
    """This key is published with a development tool; it may only sign on a development chain."""

    code, status = "development-key-refused", 500


class RateLimited(CallerError):
    """Too many requests; wait the seconds in `Retry-After`."""

    code, status = "rate-limited", 429


# --- later ---------------------------------------------------------------------------------------------------------


class NodeUnreachable(BusyError):
    """The chain's node does not answer."""

    code = "node-unreachable"


class NodeInconsistent(BusyError):
    """The node's answers do not fit together: it lags behind, or the chain moved while it was asked."""

    code = "node-inconsistent"


class DatabaseBusy(BusyError):
    """The database is busy; `cause` says how: locked, slow, full, read-only, disk, crowded or away."""

    code = "database-busy"


class NotFollowedYet(BusyError):
    """The chain has not been read yet: nothing can be said of any item."""

    code = "not-followed-yet"


class LaneBusy(BusyError):
    """Another worker holds this lane of nonces."""

    code = "lane-busy"


class RelayerUnfunded(BusyError):
    """A relayer has not enough ether for the next transaction; the lane waits."""

    code = "relayer-unfunded"


class FeeTooHigh(BusyError):
    """The chain's base fee is above the cap of `LEDGER_MAX_FEE_GWEI`; the lane waits."""

    code = "fee-too-high"


# --- chain -----------------------------------------------------------------------------------------------------------


class NodeRefused(ChainError):
    """The node refused the request."""

    code = "node-refused"


class WouldRevert(ChainError):
    """The contract would revert; the decoded error is in `error`."""

    code = "would-revert"


# --- integrity -------------------------------------------------------------------------------------------------------


class WrongChain(IntegrityError):
    """The node serves another chain than the one this database was made for."""

    code = "wrong-chain"


class ContractMissing(IntegrityError):
    """The contract is not at its address, or has other code."""

    code = "contract-missing"


class LaneMismatch(IntegrityError):
    """The chain's nonce for a relayer is not what the database says; the lane is stopped."""

    code = "lane-mismatch"


class DeploymentUnusable(IntegrityError):
    """The deployment file is not one of ours, or the contracts it names cannot be used."""

    code = "deployment-unusable"


class DatabaseDamaged(IntegrityError):
    """The database is not whole: restore it from a backup, then run `ledger audit`."""

    code = "database-damaged"


class KeystoreDamaged(IntegrityError):
    """A keystore cannot be read: restore the file from a backup of the keys."""

    code = "keystore-damaged"


class FoldMismatch(IntegrityError):
    """Folding an item's logs does not give its word."""

    code = "fold-mismatch"


class ReorgTooDeep(IntegrityError):
    """The chain changed below the last block that was final; nothing was touched."""

    code = "reorg-too-deep"
