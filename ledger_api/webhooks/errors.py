"""What can go wrong with webhooks: leaves of the one tree in `ledger_api.errors`."""

from ledger_api.errors import CallerError, NotFound


class NoSuchEndpoint(NotFound):
    """There is no such webhook endpoint, or it is not yours."""

    code = "no-such-endpoint"


class NoSuchDelivery(NotFound):
    """There is no such delivery to this endpoint."""

    code = "no-such-delivery"


class TooManyEndpoints(CallerError):
    """The organization has as many webhook endpoints as it may have; delete one first."""

    code, status = "too-many-endpoints", 409


class EndpointNotAllowed(CallerError):
    """No request is sent to this address: an endpoint is https, on port 443 or 8443, under a public host name."""

    code, status = "endpoint-not-allowed", 422


class EndpointStopped(CallerError):
    """Nothing is sent to this endpoint now: set `is_active` first."""

    code, status = "endpoint-stopped", 409


class UnknownNoticeType(CallerError):
    """There is no such type of notice; `types` names those there are."""

    code, status = "unknown-notice-type", 422
