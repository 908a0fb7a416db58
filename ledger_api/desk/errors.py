"""What can go wrong at the desk: leaves of the one tree in `ledger_api.errors`."""

from ledger_api.errors import BusyError, CallerError, Forbidden, IntegrityError, NotFound


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


# --- photos ----------------------------------------------------------------------------------------------------------


class PhotoRefused(CallerError):
    """The photo cannot be taken as it is."""

    code, status = "photo-refused", 422


class PhotoNotAnImage(PhotoRefused):
    """This is no photo that we read; send a JPEG, PNG or WebP."""

    code = "photo-not-an-image"


class PhotoTooLarge(PhotoRefused):
    """The file is larger than a photo may be; `limit_bytes` says how large."""

    code = "photo-too-large"


class PhotoTooManyPixels(PhotoRefused):
    """The picture has more pixels than a photo may have; `limit` says how many."""

    code = "photo-too-many-pixels"


class PhotoTooSmall(PhotoRefused):
    """The picture is too small to judge anything by; `shortest_side` says how many pixels it needs."""

    code = "photo-too-small"


class PhotoDamaged(PhotoRefused):
    """The file is damaged; take the photo again."""

    code = "photo-damaged"


class PhotoAnimated(PhotoRefused):
    """This is an animation; send one photo."""

    code = "photo-animated"


class NoSuchPhoto(NotFound):
    """There is no such photo, it was deleted, or it is not yours to see."""

    code = "no-such-photo"


class PhotoTampered(IntegrityError):
    """A stored photo is not what was stored."""

    code = "photo-tampered"


# --- appraisers ------------------------------------------------------------------------------------------------------


class NotClaimed(CallerError):
    """This case is not on your desk: claim it (again)."""

    code, status = "not-claimed", 409


class NotAnAppraiser(Forbidden):
    """This API key is no appraiser's of an authentication desk."""

    code = "not-an-appraiser"


class DeskClosed(BusyError):
    """This service runs without an authentication desk: install the package with the extra `desk`."""

    code = "desk-closed"


class NoSuchAppraiser(NotFound):
    """There is no such appraiser of yours."""

    code = "no-such-appraiser"
