"""The provenance ledger's service: accepts events, carries them to the chain, answers what is known of an item."""
