"""The `planshift` command."""
