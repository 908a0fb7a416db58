"""What a caller may say: identifiers, event bodies, what of them is committed. No input or output of any sort, no clock."""
