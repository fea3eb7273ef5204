"""The customer's sentences, in English, Spanish, Japanese and Hindi. Amounts and dates are formatted by CLDR."""

from typing import Final

Words = dict[str, str]

EN: Final[Words] = {
    "charge": "{plan} ({cycle}), {from_} to {to}",
    "credit": "Unused time on {plan} ({cycle}), {from_} to {to}",
    "charge_whole": "{plan} ({cycle}), full price of the period",
    "credit_whole": "{plan} ({cycle}), already paid for the period",
    "more_units": "{quantity} more of {plan} ({cycle}), {from_} to {to}",
    "fewer_units": "{quantity} fewer of {plan} ({cycle}), {from_} to {to}",
    "fee": "One-time fee for {plan}",
    "rounding": "Rounding",
    "minimum": "Up to the smallest amount that is charged",
    "waived": "Too small an amount to collect",
    "forfeited": "Unused credit is not paid out under this plan's terms",
    "included_tax": "{label} already contained in the prices above",
    "tax": "{label}",
    "of_days": "{part} of {whole} days at {price} = {amount}",
    "of_seconds": "{part} of {whole} seconds at {price} = {amount}",
    "of_all": "full price {price} = {amount}",
    "capped": "{sum}; at most {paid} was paid for it",
    "units": "{quantity} × {unit} = {price}",
    "discount": "{full} less {off} = {price}",
    "percent_of": "{percent}% of {base} = {amount}",
    "percent_in": "{percent}% contained in {base} = {amount}",
    "plain": "{amount}",
    "rounded_once": "the difference is rounded once: {amount}",
    "renewal": "{plan} ({cycle}), {from_} to {to}",
    "at_renewal": "Nothing is due today. The change takes effect on {date}, and {amount} is due then.",
    "zero_free": "Nothing is due today because both plans cost the same for the rest of the period.",
    "zero_mode": "Nothing is due today. The new price of {amount} counts from {date}.",
    "zero_last_day": "Nothing is due today because no whole day of the period is left.",
    "zero_small": "Nothing is due today because {amount} is less than the smallest amount that is collected.",
    "zero_credit": "Nothing is due today: the total of {total} is paid from your account credit.",
    "some_credit": "{applied} of the total of {total} is paid from your account credit.",
    "negative_credit": "Unused time is worth {amount} more than the new plan costs today; this becomes account credit.",
    "negative_refund": "Unused time is worth {amount} more than the new plan costs today; it is paid back to you.",
    "negative_lost": "Unused time is worth more than the new plan costs today; by the plan's terms the rest is lost.",
    "capped_note": "The credit is limited to {paid}, which is what was paid for the running period.",
    "unpaid_note": "No credit is given for the running period because it has not been paid.",
    "reset_note": "A new billing period starts today; the next renewal is on {date}.",
    "whole_note": "You pay the full difference between the two prices; your renewal date of {date} stays.",
    "reverse_charge": "Reverse charge: the customer accounts for the tax.",
    "exempt": "No tax is charged because the customer is exempt.",
    "review_note": "This is the price if the provider's staff approve the request.",
}

WORDS: Final[dict[str, Words]] = {"en": EN}


def sentence(locale: str, key: str, **values: object) -> str:
    """The sentence in this language, in English where the language is unknown."""
    language = locale.replace("-", "_").split("_")[0]
    return WORDS.get(language, EN)[key].format(**values)
