"""A host: the system that runs the customers' services and knows what each really has.

`store` holds the services, `api` is what a provisioner and a tester call.
"""
