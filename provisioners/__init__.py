"""Provisioners make the service really have the plan: one file a way to do it, behind `protocol.py`."""
