"""What is right: money, periods, catalogue, policy, proration, tax, quotes. Pure: no I/O, no clock, no float."""
