"""The second-hand verification call: what is decided (`decision`), what the holder agreed to (`agreement`), how it is signed (`statement`)."""
