"""What happens to a plan change: the story is flat in this folder, in this order; what it stands on has a package.

request.py    a change is requested: checked, priced against what was accepted, and written down
offers.py     what may be chosen, and what it would cost
quote.py      the catalogue's rule and the price are frozen: pay now, change at renewal, ask staff, or refuse
review.py     staff decide about a change that the catalogue leaves to them
settle.py     enough money is held: the invoice gets its number, the change is paid
apply.py      the host is ordered to set the plan, and what the service has then is read back
renewal.py    a period ends: the next one is invoiced, and a scheduled change is applied
expiry.py     a change ends unpaid: canceled, expired, superseded
reversal.py   the payment of an applied change was returned, and the plan follows

late_payment.py (money that comes after its offer) and host_reports.py (what the host system reports) stand beside it.

operators/      what operators decide: stuck changes, corrections, manual payments, dead letters, replayed events
inbox/          gateway events: processed, allocated to what they pay, payment returns, failures put off
payments/       attempts, refunds and reconciliation at the gateways, and the store of what they report
invoicing/      invoice rows, their numbers and their printed documents
notifications/  notices to customers and staff, and the mail that delivers them
accounts/       providers with their catalogues and connections; services as they are priced
ledger/         the recipes of double entry
jobs/           external calls with lease and fence, and the sweep that finds overdue rows
audit/          every invariant checked, and what a restored database does not know

Every step takes a session and the business time, returns the status reached, and never commits. The order of the
layers stands in pyproject.toml and is checked.
"""
