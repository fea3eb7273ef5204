"""Payments requested from gateways (attempts, checkout), refunds, reconciliation, the store of what gateways report."""
