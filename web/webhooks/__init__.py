"""The webhook receiver: verify, write down, commit, answer, and only then enqueue."""
