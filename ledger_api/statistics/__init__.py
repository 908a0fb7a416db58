"""How opinions fared and how many there are, counted from the ledger alone.

The rules are pure (`overturns` of authors, `verdicts` of weeks, brands and the like); `counting` reads records, `keeping` keeps what was
counted, `telling` puts questions and answers into words.
"""
