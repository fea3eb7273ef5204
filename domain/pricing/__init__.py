"""How a price is made: terms, exact shares of a period, items, tax and totals, and the sentences that explain them."""
