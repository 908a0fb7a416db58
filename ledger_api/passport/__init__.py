"""The passport: made by the indexer (`making`), kept as bytes, read without being made again; its effective view (`effective`)."""
