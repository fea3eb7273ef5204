"""Money asked of gateways (attempts, checkout), sent back through them (refunds), and what they report, written down."""
