"""What Planshift's throughput is measured beside: the same steps (benchmarks/steps.py), carried by other engines.

Each module enqueues changes with `enqueue(ids)` and works on them with `python -m benchmarks.peers.NAME`, in
`PROCESSES` such processes, which say when they are ready. `prepare()` makes what it needs in the database.
None of them has our sweep, so none finishes what a killed process left, unless its engine does.
"""
