"""A payment gateway: payments with a checkout page, refunds, signed webhooks that are repeated until answered.

`store` holds the state, `api` is what merchants call, `checkout` what the payer sees, `delivery` sends the webhooks.
"""
