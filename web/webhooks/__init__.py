"""The webhook door: verify, write down, commit, answer, and only then ring."""
