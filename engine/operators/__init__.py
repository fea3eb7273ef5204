"""What operators decide: recovery of stuck changes, corrections, manual payments, dead letters, replayed events."""
