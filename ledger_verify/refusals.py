"""Why a proof is refused: one stable code for each reason, the same in every implementation (docs/proof.md §8)."""

REFUSALS = {
    "too-large": "The file is larger than a proof may be.",
    "not-canonical": "The file is not JSON in its one canonical form (RFC 8785).",
    "unknown-format": "The file is not a proof of a version that is known here.",
    "malformed": "A member is missing, unknown, or not of its form.",
    "header": "The block header is none.",
    "account": "The state root does not lead to the account.",
    "code": "The account at the address has other code than the file says.",
    "storage": "The storage root does not lead to the word.",
    "unused-node": "There is a trie node that no proof needs, or one twice, or out of order.",
    "payload": "The fields shown do not make one payload.",
    "name": "The name shown is not what the item's id was made of.",
    "history": "The events do not follow from each other by the rules.",
    "witness": "The times shown do not belong to the state after the last event.",
    "word": "Folding the events does not give the word that the ledger stores.",
    "signature": "A batch was not signed by the signer shown.",
    "registry": "The registry does not know an organization that recorded.",
    "receipt": "A log is not in the receipts of its block.",
    "other-chain": "The proof is of another chain than the trusted one.",
    "other-ledger": "The proof is of another ledger than the trusted one.",
    "other-code": "The ledger has other code than the trusted one.",
    "other-block": "The block is not the trusted one.",
    "other-registry": "The registry is not the trusted one.",
}


class Refused(Exception):
    """This is no proof, and why. Nothing else is raised by the verifier, whatever bytes it is given."""

    def __init__(self, code: str, message: str) -> None:
        assert code in REFUSALS
        self.code, self.message = code, message
        super().__init__(f"{code}: {message}")
