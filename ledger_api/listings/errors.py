"""What can go wrong with a listing: leaves of the one tree in `ledger_api.errors`."""

from ledger_api.errors import CallerError, NotFound


class NoSuchListing(NotFound):
    """There is no such listing, or it is not yours."""

    code = "no-such-listing"


class ListingReferenceTaken(CallerError):
    """You have another listing under this reference: `listing` names it. Only its consent and its authenticator may be added later."""

    code, status = "listing-reference-taken", 409


class ListingNamesNoDesk(CallerError):
    """The listing names no authenticator whose desk looks at its photos: send it again as it was, with `authenticator` (a DID)."""

    code, status = "listing-names-no-desk", 409


class ListingOver(CallerError):
    """The listing was closed or withdrawn; `state` says which."""

    code, status = "listing-over", 409
