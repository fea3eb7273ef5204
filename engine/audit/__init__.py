"""Every invariant checked, documents read back, and what a restored database does not know."""
