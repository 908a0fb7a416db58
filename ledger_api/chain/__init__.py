"""The chain as Python: a node's JSON-RPC, transactions as bytes, the contracts' reads and writes, their deployment.

No keys and no database: whoever needs a signature passes a function that signs.
"""
