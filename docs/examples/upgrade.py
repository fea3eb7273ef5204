import json

import httpx

from planshift_client import Client, create_plan_change, create_quote

with open("var/up/ready.json") as file:
    ready = json.load(file)

with Client(ready["api"], ready["keys"]["hosting"]["frontend"]) as planshift:
    quote = planshift.send(create_quote("lago-azul", "web-m", "annual"))
    print("due today:", quote.total_due_today)
    change = planshift.send(create_plan_change("lago-azul", "web-m", "annual", quote=quote.id))
    change = planshift.wait(change.id)
    assert change.payment is not None
    assert change.payment.checkout_url is not None
    httpx.post(change.payment.checkout_url, data={"outcome": "pay"})  # what the customer does at the gateway
    for moved in planshift.events(change.id):
        print(moved.status)
