"""Notices to customers and staff, by way of the outbox, and the mail that delivers them."""
