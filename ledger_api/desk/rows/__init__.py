"""The desk's queries: Core statements on a connection; nothing here commits."""
