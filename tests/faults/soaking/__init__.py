"""The soak: the whole service as processes, callers that never stop, and faults of every kind at once; then it is counted.

`callers` send and keep their own book of what was answered, `crew` restarts what died, `injecting` breaks things and counts what
took effect, `checking` holds the chain against the callers' book, `running` puts it together and reports.
"""
