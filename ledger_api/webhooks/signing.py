"""Standard Webhooks: secrets, and the headers under which a notice travels. Pure: the time is a parameter.

A secret is never stored: it follows from a random salt and a key of the keyring, and is shown once.
https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
from collections.abc import Sequence
from datetime import datetime

from standardwebhooks.webhooks import Webhook

PREFIX = "whsec_"
SALT_BYTES = 32


def secret_text(secret: bytes) -> str:
    """As it is shown to whoever has to check our signatures."""
    return PREFIX + base64.b64encode(secret).decode()


def headers(secrets: Sequence[bytes], *, notice: str, body: str, at: datetime) -> dict[str, str]:
    """Signed with each secret: the new one first, then the one it replaces while both are good."""
    signatures = (Webhook(secret).sign(notice, at, body) for secret in secrets)
    return {"webhook-id": notice, "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": " ".join(signatures)}
