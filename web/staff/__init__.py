"""Pages for the provider's own people: what waits for them, what they look for, what they decide."""
