"""The HTTP API for frontends, host systems and operators."""
