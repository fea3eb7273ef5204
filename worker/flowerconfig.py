"""Flower: a window for operators, not a record. It shows one task a step, with the change's id and summary."""

from settings import settings

_auth = settings().flower_auth
if _auth is None or ":" not in _auth.get_secret_value():
    raise SystemExit("PLANSHIFT_FLOWER_AUTH is not set. Set it to user:password; Flower is never open to everybody.")

basic_auth = [_auth.get_secret_value()]
# It could otherwise revoke tasks and send any message.
read_only = True
max_tasks = 20_000  # about 100 MB
natural_time = True
purge_offline_workers = 60
tasks_columns = "name,uuid,state,args,received,runtime,worker"
