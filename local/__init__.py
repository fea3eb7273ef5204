"""Real servers on this machine, and the supervisor that starts and stops the whole stack.

``postgres`` and ``valkey`` run the servers that come in wheels; ``process`` is one child that cannot outlive us;
``supervisor`` is several of them; ``stack`` is all of Planshift. Only the standard library is imported here.
"""
