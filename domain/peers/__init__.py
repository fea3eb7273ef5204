"""Change cases that other billers have priced, and what Planshift computes for them."""
