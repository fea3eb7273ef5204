"""External calls with lease and fence, and the sweep that finds rows with work left."""
