"""The doors: they translate, make one call, translate back, and ring."""
