"""`ledger import`: a folder of exports becomes events. `files` reads rows, `members` brings the organizations, `buyers`
plays the buyers of past sales, `running` sends it all through the door and counts what the ledger made of it."""
