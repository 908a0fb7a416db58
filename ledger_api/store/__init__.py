"""Every query, as functions of a connection. Nothing here commits, and nothing here decides."""
