"""The second-hand verification call: what is decided (`decision`), whether the holder agreed (`agreement`), how it is signed."""
