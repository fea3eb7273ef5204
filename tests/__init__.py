"""The tests; packages, so that tests/domain is not taken for domain."""
