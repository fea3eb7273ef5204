"""What happens to a plan change, one file a step, in the order in which it happens:

request.py    somebody asks: the request is checked, priced against what was accepted, and written down
quote.py      the catalogue's rule and the price are frozen: pay now, change at renewal, ask staff, or refuse
invoice.py    lines and parties are frozen; documents are printed, once each
payment.py    the gateway is asked for a payment; what it tells comes in through inbox.py
inbox.py      a gateway's event becomes money in the ledger, once
settle.py     enough money is held: the invoice gets its number, the change is paid
apply.py      the host is told, and asked back; the service has the plan
notices.py    what customers are told, from the outbox
renewal.py    a period ends: the next one is invoiced, and a promised downgrade is applied
review.py     staff decide about a change that the catalogue leaves to them
expiry.py     a change ends unpaid: canceled, expired, superseded

Around the story: services.py (what the host system tells us), offers.py (what may be chosen), providers.py (tenants,
catalogues, connections), postings.py (the ledger's recipes), attention.py (which rows the sweep rings for).

Every step takes a session and the business time, returns the status reached, and never commits.
"""
