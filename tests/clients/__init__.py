"""The same story on every client we can get: `make test-clients` runs it and writes the README's table of tested clients."""
