"""Facts as plain data: read strictly, written whole, identified by their content, shown as tables.

Nothing here knows audio, networks or weights.
"""
