"""Payment gateways: one file each behind the small protocol of `protocol.py`, listed in `registry.py`."""
