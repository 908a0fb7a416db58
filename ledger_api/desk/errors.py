"""What can go wrong at the desk: leaves of the one tree in `ledger_api.errors`."""

from ledger_api.errors import BusyError, CallerError, Forbidden, IntegrityError, NotFound, Unauthenticated


class NoSuchCase(NotFound):
    """There is no such case, or it is not yours."""

    code = "no-such-case"


class CaseMoved(CallerError):
    """The case is in another state by now; look again."""

    code, status = "case-moved", 409


class CaseOfBooking(CallerError):
    """The case ends with its booking: call that off instead (`POST /v1/bookings/{booking}/cancel`), and the store gives the item back."""

    code, status = "case-of-booking", 409


class ShotsMissing(CallerError):
    """Required shots are missing or not good enough; `missing` names them."""

    code, status = "shots-missing", 409


class PhotographedInPerson(CallerError):
    """The item lies before an appraiser, who photographs it; send no photos of it."""

    code, status = "photographed-in-person", 409


class UnknownShot(CallerError):
    """The shot list of this category has no such shot; `shots` names those it has."""

    code, status = "unknown-shot", 422


class ReferenceTaken(CallerError):
    """The platform has another case under this reference."""

    code, status = "reference-taken", 409


class CategoryNotServed(CallerError):
    """This desk judges nothing of this category; `categories` names those it does."""

    code, status = "category-not-served", 422


class ReferenceInvalid(CallerError):
    """A number of the piece cannot be right; `field`, `rule` and `fix` say which and why."""

    code, status = "reference-invalid", 422


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


class PhotosAway(BusyError):
    """The place where photos are kept does not answer, or is full; `cause` says how. Nothing was kept; send it again later."""

    code = "photos-away"


class PhotoTampered(IntegrityError):
    """A stored photo is not what was stored."""

    code = "photo-tampered"


# --- appraisers ------------------------------------------------------------------------------------------------------


class NotClaimed(CallerError):
    """This case is not on your desk: claim it (again)."""

    code, status = "not-claimed", 409


class NotInPerson(CallerError):
    """Only an item that is examined in person, that has a GTIN and a serial, and that the ledger does not know can be enrolled."""

    code, status = "not-in-person", 409


class NotAnAppraiser(Forbidden):
    """This API key is no appraiser's of an authentication desk."""

    code = "not-an-appraiser"


class DeskClosed(BusyError):
    """This service runs without an authentication desk: install the package with the extra `desk`."""

    code = "desk-closed"


class NoSuchReview(NotFound):
    """There is no such review, or it is not your desk's."""

    code = "no-such-review"


class ReviewDecided(CallerError):
    """Somebody has decided this review already."""

    code, status = "review-decided", 409


class ReviewChanged(CallerError):
    """Its photos or flags are others by now than those you ruled on; look again."""

    code, status = "review-changed", 409


class ModelUnusable(CallerError):
    """The classifier in LEDGER_DESK_MODEL cannot be used; `why` says what is wrong with it."""

    code, status = "model-unusable", 422


class NoSuchAppraiser(NotFound):
    """There is no such appraiser of yours."""

    code = "no-such-appraiser"


# --- accounts --------------------------------------------------------------------------------------------------------


class NotSignedIn(Unauthenticated):
    """Sign in to your account first, or send an API key: `Authorization: Bearer <key>`."""

    code = "not-signed-in"


class WrongCode(CallerError):
    """No account opens with this code; compare it letter by letter."""

    code, status = "wrong-code", 422


class PasskeyRefused(CallerError):
    """This passkey is not known here, or its answer came too late; begin again."""

    code, status = "passkey-refused", 422


class CrossSite(Forbidden):
    """Another site's page sent this; nothing was done. Use our own page."""

    code = "cross-site"


class TooManyCases(CallerError):
    """This account has as many cases under way as it may have; `most` says how many."""

    code, status = "too-many-cases", 409


# --- bookings --------------------------------------------------------------------------------------------------------


class NoSuchBooking(NotFound):
    """There is no such booking, or it is not yours."""

    code = "no-such-booking"


class NoSuchInvitation(NotFound):
    """This link opens nothing: it was never given out, or its time is over."""

    code = "no-such-invitation"


class BookingMoved(CallerError):
    """The booking is in another state by now; look again."""

    code, status = "booking-moved", 409


class BookingReferenceTaken(CallerError):
    """The platform has another booking under this reference."""

    code, status = "booking-reference-taken", 409


class NoSuchStore(NotFound):
    """There is no such store, or it cannot be chosen for this."""

    code = "no-such-store"


class NoSuchCampaign(NotFound):
    """No partner has this hashtag, or its time is over."""

    code = "no-such-campaign"


class CampaignTaken(CallerError):
    """Another partner has this hashtag."""

    code, status = "campaign-taken", 409


class StoreUnfit(CallerError):
    """None of the partner's stores sees items of this brand and category."""

    code, status = "store-unfit", 409


class NoSuchSlot(CallerError):
    """The store offers no such time: closed, past, or too far ahead."""

    code, status = "no-such-slot", 422


class SlotFull(CallerError):
    """Every place at this time is taken; choose another."""

    code, status = "slot-full", 409


class NotTheTime(CallerError):
    """It is not the time of this appointment; `from` and `until` say when it is."""

    code, status = "not-the-time", 409


class NoSuchCode(NotFound):
    """No appointment of yours has this code."""

    code = "no-such-code"


class NothingBooked(CallerError):
    """No time is settled."""

    code, status = "nothing-booked", 409


class NothingToSign(CallerError):
    """There is nothing to be signed for this booking now."""

    code, status = "nothing-to-sign", 409


class NoSuchLabel(NotFound):
    """There is no such label, or it is not yours."""

    code = "no-such-label"


class LabelMoved(CallerError):
    """The label is in another state by now."""

    code, status = "label-moved", 409


class ItemHasALabel(CallerError):
    """The item has a live label; report it damaged or lost first."""

    code, status = "item-has-a-label", 409


class NoVerdictToLabel(CallerError):
    """A label says that a store found the item authentic in person, and no such verdict stands on the ledger for this booking."""

    code, status = "no-verdict-to-label", 409
