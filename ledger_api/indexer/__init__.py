"""Follow the chain, notice reorgs, apply events: `source` reads and checks, `folding` and `registry` fold, `following` writes."""
