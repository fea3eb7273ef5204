"""What happens to a plan change: the story is flat in this folder, in this order; what it stands on has a package.

request.py    somebody asks: the request is checked, priced against what was accepted, and written down
offers.py     what may be chosen, and what it would cost
quote.py      the catalogue's rule and the price are frozen: pay now, change at renewal, ask staff, or refuse
review.py     staff decide about a change that the catalogue leaves to them
settle.py     enough money is held: the invoice gets its number, the change is paid
apply.py      the host is told, and reads back what the service has
renewal.py    a period ends: the next one is invoiced, and a promised downgrade is applied
expiry.py     a change ends unpaid: canceled, expired, superseded
reversal.py   the money of an applied change went back, and the plan follows

late_payment.py (money that comes after its offer) and host_reports.py (what the host system reports) stand beside it.

operators/      what people decide: a stuck change, money by hand, dead letters, corrections
inbox/          what gateways report: processed, allocated to what it pays, returned, put off
payments/       money asked of gateways and sent back through them, and the store of what they report
invoicing/      invoice rows, their numbers and their printed documents
notifications/  what customers and staff are told, and the mail that tells them
accounts/       providers with their catalogues and connections; services as they are priced
ledger/         the recipes of double entry
jobs/           external calls with lease and fence, and the sweep that finds overdue rows
audit/          every invariant checked, and what a restored database does not know

Every step takes a session and the business time, returns the status reached, and never commits. The order of the
layers stands in pyproject.toml and is checked.
"""
