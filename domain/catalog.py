"""A provider's catalogue: plans, prices, which changes are allowed and how they are priced. Plain frozen values."""

import hashlib
import json
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, StrictInt, StringConstraints

from domain.money import Money, Rounding
from domain.pricing.modes import ChangeDay, Proration, RoundingPlace
from domain.web_addresses import ORIGIN, PAGE

SLUG, COUNTRY, PERCENT = r"^[a-z0-9][a-z0-9_-]{0,63}$", r"^[A-Z]{2}$", r"^\d{1,3}(\.\d{1,4})?$"
COLOUR, REASON_CODE = r"^#[0-9a-fA-F]{6}$", r"^[a-z][a-z0-9_]{0,63}$"

Slug = Annotated[str, StringConstraints(pattern=SLUG)]
Country = Annotated[str, StringConstraints(pattern=COUNTRY)]
Percent = Annotated[str, StringConstraints(pattern=PERCENT)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Sentence = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
Texts = Annotated[
    dict[str, Sentence], BeforeValidator(lambda value: {"en": value} if isinstance(value, str) else value)
]


def in_language(texts: dict[str, str], locale: str) -> str:
    """The text in this locale's language, else in English, else in whatever there is."""
    language = locale.replace("-", "_").split("_")[0].lower()
    return texts.get(language) or texts.get("en") or next(iter(texts.values()))


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Seller(_Part):
    """Who issues the invoice."""

    name: Name
    address: tuple[Name, ...] = ()
    country: Country
    tax_id: str | None = None
    email: str | None = None


class MailStyle(_Part):
    """Whom mails come from, and who reads the answers: mail addresses. The installation's own sender where none is
    named, and the seller's address for answers."""

    sender: str | None = None
    reply_to: str | None = None


class InvoiceStyle(_Part):
    """How invoices are numbered, paid and coloured."""

    number_prefix: str = ""
    due_days: StrictInt = Field(default=7, ge=0, le=365)
    payment_instructions: Texts = {}
    colour: Annotated[str, StringConstraints(pattern=COLOUR)] = "#1f4e79"
    logo: str | None = None


class WebPages(_Part):
    """The provider's own pages: where the portal may send customers back to, whose scripts may call the API with a
    customer's token, where customers sign in, and where they ask for help."""

    return_urls: tuple[Annotated[str, StringConstraints(pattern=PAGE, max_length=500)], ...] = ()
    origins: tuple[Annotated[str, StringConstraints(pattern=ORIGIN, max_length=300)], ...] = ()
    login_url: Annotated[str, StringConstraints(pattern=PAGE, max_length=500)] | None = None
    support_url: Annotated[str, StringConstraints(pattern=PAGE, max_length=500)] | None = None


class RoundingPolicy(_Part):
    """How and where amounts before tax are rounded."""

    mode: Rounding = Rounding.HALF_UP
    place: RoundingPlace = RoundingPlace.LINE


class MinimumCharge(_Part):
    """What happens when a total, or what account credit leaves of it, is smaller than this, in minor units per
    currency."""

    amounts: dict[str, StrictInt]
    when_below: Literal["raise", "waive"] = "waive"
    after_credit: Literal["use_less_credit", "waive"] = "use_less_credit"


class Policies(_Part):
    """What holds for every change of this provider."""

    change_day: ChangeDay = ChangeDay.NEW
    rounding: RoundingPolicy = RoundingPolicy()
    quote_valid_minutes: StrictInt = Field(default=30, ge=1, le=7 * 24 * 60)
    payable_days: StrictInt = Field(default=7, ge=1, le=90)
    # Money that is on its way (a bank debit, a voucher) stops the offer's clock, at most for so long.
    pending_days_max: StrictInt = Field(default=14, ge=1, le=60)
    late_money: Literal["credit", "change"] = "credit"
    # Account credit that arrives while something of the customer's is open: it pays that, or is kept for later.
    arriving_credit: Literal["pay_open", "keep"] = "pay_open"
    money_returned: Literal["reverse", "suspend", "keep"] = "reverse"
    # Money of a refund that fails, which banks say weeks later: account credit again, or a person is asked.
    refund_failed: Literal["credit", "ask"] = "credit"
    # When the customer of an unpaid renewal is reminded: days after its due date, before it where negative.
    reminder_days: tuple[Annotated[StrictInt, Field(ge=-60, le=60)], ...] = Field(default=(-2, 3), max_length=10)
    # Whether a renewal that costs nothing makes an invoice.
    zero_renewals: Literal["invoice", "silent"] = "invoice"
    over_limit_at_renewal: Literal["keep", "ask"] = "keep"
    staff_review_days: StrictInt = Field(default=14, ge=1, le=365)
    minimum_charge: MinimumCharge | None = None
    # Time that was paid and not had, when a service is back: the next period begins then, or the paid rest moves there.
    resume: Literal["restart_period", "extend_period"] = "restart_period"
    # What a scheduled change costs at its renewal: what it was shown, or today's price (who would pay more is asked).
    scheduled_price: Literal["promised", "current_with_notice"] = "promised"
    # The day that a change which is charged by time is priced as of: that of its payment, where the accepted price is
    # the most that it can cost, or that of the request, with which the offer ends.
    priced_at: Literal["payment", "request"] = "payment"
    # What unused time is worth to a customer who ends the service before its period does, and what that becomes.
    ending_credit: Literal["by_day", "by_second", "nothing"] = "nothing"
    ending_credit_becomes: Literal["account_credit", "refund"] = "account_credit"
    # An unpaid renewal of a period in which the service ended.
    ended_invoice: Literal["void", "keep"] = "void"


class TaxRate(_Part):
    """One rate: first match by customer country and product wins. `percent` is a decimal string."""

    code: Slug
    percent: Percent
    country: Country | None = None
    product: Slug | None = None
    label: Texts


class TaxPolicy(_Part):
    """How tax is computed: on prices that exclude or include it, rounded per line or per invoice and rate."""

    prices: Literal["exclusive", "inclusive"] = "exclusive"
    rounding: Rounding = Rounding.HALF_UP
    place: Literal["line", "invoice"] = "invoice"
    reverse_charge: tuple[Country, ...] = ()
    rates: tuple[TaxRate, ...] = ()


class Cycle(_Part):
    """A billing cycle of whole months."""

    months: StrictInt = Field(ge=1, le=120)
    label: Texts


class Discount(_Part):
    """A percentage off, or an amount (minor units per currency) off each period's full price, until an instant."""

    percent: Percent | None = None
    amounts: dict[str, StrictInt] = {}
    until: str | None = None
    plans: tuple[Slug, ...] = ()


class Plan(_Part):
    """A plan with its rank in the category, limits, and prices[cycle][currency] in minor units per unit."""

    id: Slug
    name: Name
    category: Slug
    product: Slug
    rank: StrictInt
    limits: dict[str, StrictInt] = {}
    prices: dict[str, dict[str, StrictInt]]
    setup_fees: dict[str, StrictInt] = {}
    sold: StrictBool = True


class Outcome(StrEnum):
    """What a rule says about a change."""

    NOW = "now"
    AT_RENEWAL = "at_renewal"
    MANUAL_REVIEW = "manual_review"
    FORBIDDEN = "forbidden"


class Direction(StrEnum):
    """Which way a change goes."""

    UPGRADE = "upgrade"
    DOWNGRADE = "downgrade"
    LATERAL = "lateral"
    CYCLE = "cycle"


class Reason(_Part):
    """Why a change is not offered: a stable code and a sentence per language."""

    code: Annotated[str, StringConstraints(pattern=REASON_CODE)]
    text: Texts


class Rule(_Part):
    """What is matched, each key optional, and what follows. The first matching rule decides.

    counts_as is what the change is called in spite of ranks and prices, where the provider sees it otherwise.
    """

    from_plan: Slug | None = Field(default=None, alias="from")
    to_plan: Slug | None = Field(default=None, alias="to")
    from_category: Slug | None = None
    to_category: Slug | None = None
    category: Literal["same", "other"] | None = None
    cycle: Literal["same", "longer", "shorter", "other"] | None = None
    direction: Direction | None = None
    state: str | None = None
    outcome: Outcome
    counts_as: Direction | None = None
    reason: Reason | None = None
    proration: Proration | None = None

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Catalog(_Part):
    """Everything a provider decided about its plans. Frozen; a service keeps the price that it bought."""

    provider: Slug
    name: Name
    timezone: str
    locale: str = "en"
    currencies: tuple[str, ...] = Field(min_length=1)
    seller: Seller
    invoice: InvoiceStyle = InvoiceStyle()
    mail: MailStyle = MailStyle()
    web: WebPages = WebPages()
    policies: Policies = Policies()
    tax: TaxPolicy = TaxPolicy()
    cycles: dict[str, Cycle]
    categories: dict[str, Texts] = {}
    limit_names: dict[str, Texts] = {}
    discounts: dict[str, Discount] = {}
    plans: tuple[Plan, ...] = Field(min_length=1)
    rules: tuple[Rule, ...]

    def plan(self, plan_id: str) -> Plan | None:
        """The plan with this id, if the catalogue has one."""
        return next((plan for plan in self.plans if plan.id == plan_id), None)

    def price(self, plan_id: str, cycle: str, currency: str) -> Money | None:
        """The price of one unit for one cycle, if the plan has one."""
        plan = self.plan(plan_id)
        amount = plan.prices.get(cycle, {}).get(currency) if plan else None
        return None if amount is None else Money(amount, currency)

    def as_json(self) -> dict[str, Any]:
        """The copy for the database; from_json gives an equal catalogue."""
        return self.model_dump(mode="json", by_alias=True)

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Self:
        """A catalogue that was checked when it was loaded. Raises pydantic.ValidationError."""
        return cls.model_validate(document)

    @cached_property
    def digest(self) -> str:
        """sha256 of the canonical JSON, in hex."""
        return digest_of(self.as_json())


def digest_of(document: Any) -> str:
    """sha256 in hex of canonical JSON: keys sorted, no spaces, UTF-8."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
