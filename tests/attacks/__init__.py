"""Attacks on the running product; `make attack` runs all of them (docs/security.md)."""
