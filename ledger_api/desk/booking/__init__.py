"""Booked verification: an order's two parties meet at a partner's store, its staff see the item, and only then it changes hands.

`life` is the state machine, `slots` the calendar (pure), `stores` and `campaigns` what a partner offers, `settling` how a time is found,
`counter` what happens at the store, `closing` what is recorded together, `labels` the tag. Imports from the desk; the desk's rooms do not
know it.
"""
