"""Months of a service's life, played on the pricing and on a model of its own."""
