"""The page at / of a sandbox: be any of its customers, move the clock, read the mails. Production has none."""
