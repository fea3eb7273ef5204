"""The entry points: they translate, make one call, translate back, and enqueue."""
