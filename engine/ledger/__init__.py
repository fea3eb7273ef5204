"""Double entry: one recipe for each business event."""
