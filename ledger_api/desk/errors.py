"""What can go wrong at the desk: leaves of the one tree in `ledger_api.errors`."""

from ledger_api.errors import CallerError, NotFound


class NoSuchCase(NotFound):
    """There is no such case, or it is not yours."""

    code = "no-such-case"


class CaseMoved(CallerError):
    """The case is in another state by now; look again."""

    code, status = "case-moved", 409


class ShotsMissing(CallerError):
    """Required shots are missing or not good enough; `missing` names them."""

    code, status = "shots-missing", 409


class UnknownShot(CallerError):
    """The shot list of this category has no such shot; `shots` names those it has."""

    code, status = "unknown-shot", 422


class ReferenceTaken(CallerError):
    """The platform has another case under this reference."""

    code, status = "reference-taken", 409


class NotAnAuthenticator(CallerError):
    """This organization runs no authentication desk."""

    code, status = "not-an-authenticator", 422


class TooManyShots(CallerError):
    """This case has as many photos as it may have."""

    code, status = "too-many-shots", 409


class AlreadyAppealed(CallerError):
    """This verdict has been appealed; an appeal is heard once."""

    code, status = "already-appealed", 409


class AppealTooLate(CallerError):
    """The time to appeal is over; anyone with standing may still dispute the verdict on the ledger."""

    code, status = "appeal-too-late", 409
