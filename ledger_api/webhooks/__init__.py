"""Notices: what happened, told to those who asked to be told, by Standard Webhooks.

Whoever changes something calls `telling.tell` in the transaction that changes it. `ledger notify` (`notifying`) does the rest. This room
imports nobody who tells.
"""
