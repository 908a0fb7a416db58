"""How opinions fared, counted from the ledger alone: the rules (`overturns`, pure) and the reading of records (`counting`)."""
