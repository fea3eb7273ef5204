"""What people decide: recovery of stuck changes, corrections, payments by hand, dead letters, replayed events."""
