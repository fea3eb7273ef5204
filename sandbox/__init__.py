"""The outside world in small: a payment gateway, a host that runs services, and a mail server.

Programs of their own, in the style of the real ones: `python -m sandbox.gateway --port 9001 --folder var/gateway`.
Each keeps its state in its folder and starts again where it stopped. Nothing of Planshift is imported here, and
nothing of this is imported by Planshift: they know each other by HTTP alone. For the loopback address only; the
set-up routes (`/accounts`, `/services`, `/_knobs`, `/_clock`) ask for no password.
"""
