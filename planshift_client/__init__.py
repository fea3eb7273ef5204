"""The typed client of Planshift's HTTP API."""
