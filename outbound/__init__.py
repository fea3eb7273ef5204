"""Calls to somebody else's network: bounded in time and size, and guarded, so that one of them slows down no other."""
