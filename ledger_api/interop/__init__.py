"""Other people's shapes, turned into ours and back. No rules of our own."""
