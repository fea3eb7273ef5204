"""Money asked of gateways (attempts, checkout) and sent back (refunds), and the store of what gateways report."""
