"""What happens to a plan change, one file a step, in the order in which it happens:

request.py    somebody asks: the request is checked, priced against what was accepted, and written down
quote.py      the catalogue's rule and the price are frozen: pay now, change at renewal, ask staff, or refuse
review.py     staff decide about a change that the catalogue leaves to them
invoice.py    lines and parties are frozen; documents.py gives the values that are printed, once each
attempt.py    a payment is attempted: the row that says so, before anybody is asked
payment.py    the gateway is asked for the payment, and asked again how it stands
inbox.py      what gateways tell (receiving.py writes it down) is read, and booking.py makes money of it, once
settle.py     enough money is held: the invoice gets its number, the change is paid
apply.py      the host is told, and asked back; the service has the plan
notices.py    what customers are told, from the outbox; mail.py delivers it
renewal.py    a period ends: the next one is invoiced, and a promised downgrade is applied; due.py finds them
expiry.py     a change ends unpaid: canceled, expired, superseded

When money goes another way: late.py (it comes after the offer), returned.py and reversal.py (it goes back),
giving_back.py and refund.py (we send it back), correction.py (a settled invoice is answered by a credit note),
recovery.py (a stuck change is tried again or compensated), money_desk.py and retries.py (operators' hands).

Around the story: services.py (what the host system tells us), offers.py (what may be chosen), printable.py (what can
be printed), providers.py (tenants, catalogues, connections), postings.py (the ledger's recipes), outside.py (leases),
asking.py (gateways are asked, too), attention.py (which rows the sweep rings for), dead_letters.py (what was rung for
in vain), audit*.py (every promise checked), after_restore.py (what a database that came back from a backup does not
know).

Every step takes a session and the business time, returns the status reached, and never commits.
"""
