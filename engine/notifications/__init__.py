"""What customers and staff are told, by way of the outbox, and the mail that tells them."""
