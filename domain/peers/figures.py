"""The figures of a case once its shares are known: lines, net, tax, what is refunded, kept as credit or due."""

from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction as Exact
from math import floor
from typing import Any
from zoneinfo import ZoneInfo

from domain.money import Money, Rounding, divide_rounded
from domain.peers.terms import CaseDates, CaseTerms, discounted, exact_minor
from domain.periods import local_days
from domain.pricing.modes import ChangeDay, CreditBecomes, Fraction
from domain.pricing.proration import Share, by_day_rate, exact_part


@dataclass(frozen=True, slots=True)
class CaseRule:
    """How a case is priced: the axes of its mode, the biller's habits where the case is silent."""

    fraction: Fraction
    credit: bool
    reset: bool
    delta: bool
    change_day: ChangeDay
    rounding: Rounding
    place: str
    ratio_decimals: int | None
    credit_becomes: CreditBecomes
    deducts_credits: bool

    @property
    def by_line(self) -> bool:
        """Whether each line is rounded and the rest is added up."""
        return self.place in ("line", "day_rate")

    def rounded(self, exact: Exact) -> int:
        """Whole minor units."""
        return divide_rounded(exact.numerator, exact.denominator, self.rounding)


@dataclass(frozen=True, slots=True)
class PricedCase:
    """A case with its rule, old and new terms, dates, and the share of each."""

    case: dict[str, Any]
    rule: CaseRule
    currency: str
    old: CaseTerms | None
    new: CaseTerms | None
    dates: CaseDates | None
    old_share: Share
    new_share: Share

    def minor(self, key: str) -> Exact | None:
        """An amount of the case in minor units; None where it is not given."""
        text = self.case.get(key)
        return None if text is None else exact_minor(text, self.currency)

    def major(self, minor: int) -> str:
        """As the cases file writes amounts."""
        return Money(minor, self.currency).major()

    def parts(self, terms: CaseTerms | None, share: Share) -> dict[str, Exact]:
        """Exact amounts by component."""
        if terms is None:
            return {}
        return {name: self._part(price, share) for name, price in terms.full.items()}

    def _part(self, price: Exact, share: Share) -> Exact:
        full = price.numerator, price.denominator
        if self.rule.place == "day_rate" and share.unit == "day":
            return Exact(*by_day_rate(full, share, self.rule.rounding))
        return Exact(*exact_part(full, share, self.rule.ratio_decimals))


def figures_of(priced: PricedCase) -> dict[str, str | dict[str, str]]:
    """All figures by the names that cases files use."""
    rule, figures = priced.rule, dict[str, Any]()
    credit = priced.parts(priced.old, priced.old_share) if rule.credit else {}
    charge = priced.parts(priced.new, priced.new_share)
    exact_credit = _capped(priced, sum(credit.values(), Exact(0)))
    fee = _fee(priced)
    if rule.delta and priced.old and priced.new:
        net = _delta(priced, figures)
    else:
        net = _lines(priced, figures, credit, charge, exact_credit, fee)
    figures["net"] = net
    figures["setup_fee"] = fee
    total = _tax_on_net(priced, figures, net, sum(charge.values(), Exact(fee)) - exact_credit)
    _account(priced, figures, total)
    _credit_note(priced, figures, exact_credit)
    figures_text = {key: _text(priced, value) for key, value in figures.items()}
    return figures_text | _renewal(priced, net)


def _text(priced: PricedCase, value: Any) -> Any:
    if isinstance(value, dict):
        return {name: priced.major(amount) for name, amount in value.items()}
    return priced.major(value)


def _capped(priced: PricedCase, credit: Exact) -> Exact:
    """Never more than was billed for the running part, less credits already given.

    Lago takes earlier credits off the unused time itself; the others only keep the sum of all within what was billed.
    """
    billed, before = priced.minor("old_amount_billed"), priced.minor("previous_credits") or Exact(0)
    if priced.old is None or (billed is None and not before):
        return credit
    paid = priced.old.total if billed is None else billed
    if priced.rule.deducts_credits:
        return max(Exact(0), min(credit, paid) - before)
    return min(credit, max(Exact(0), paid - before))


def _fee(priced: PricedCase) -> int:
    """A one-time fee is not computed but charged in full; some files name it only among the expected lines."""
    places = (priced.case.get("new") or {}, priced.case, priced.case.get("expected") or {})
    text = next((place["setup_fee"] for place in places if place.get("setup_fee") is not None), "0")
    return Money.parse_major(str(text), priced.currency).amount


def _delta(priced: PricedCase, figures: dict[str, Any]) -> int:
    """More or fewer units of one thing: their price less the discount on it is prorated and rounded once.

    An amount off is taken off the difference once more, as Polar does when seats are added.
    """
    rule, share = priced.rule, priced.new_share
    old, new = (sum(terms.gross.values(), Exact(0)) if terms else Exact(0) for terms in (priced.old, priced.new))
    gross = abs(new - old)
    discount = (priced.case.get("new") or {}).get("discount")
    full = discounted({"": gross}, discount, priced.currency)[""]
    exact = Exact(*exact_part((full.numerator, full.denominator), share, rule.ratio_decimals))
    net = rule.rounded(exact) if new >= old else -rule.rounded(_capped(priced, exact))
    figures["credit"], figures["charge"] = max(0, -net), max(0, net)
    figures["discount"] = rule.rounded((gross - full) * share.part / share.whole)
    return net


def _lines(
    priced: PricedCase,
    figures: dict[str, Any],
    credit: dict[str, Exact],
    charge: dict[str, Exact],
    exact_credit: Exact,
    fee: int,
) -> int:
    rule = priced.rule
    figures["credit_lines"] = {name: rule.rounded(exact) for name, exact in credit.items()}
    figures["charge_lines"] = {name: rule.rounded(exact) for name, exact in charge.items()}
    if rule.by_line:
        cut = exact_credit != sum(credit.values(), Exact(0))
        figures["credit"] = rule.rounded(exact_credit) if cut else sum(figures["credit_lines"].values())
        figures["charge"] = sum(figures["charge_lines"].values())
        return int(figures["charge"] - figures["credit"] + fee)
    figures["credit"] = rule.rounded(exact_credit)
    figures["charge"] = rule.rounded(sum(charge.values(), Exact(0)))
    return rule.rounded(sum(charge.values(), Exact(0)) - exact_credit + fee)


def _rate(priced: PricedCase) -> tuple[Exact, bool]:
    tax = priced.case.get("tax") or {}
    return Exact(str(tax.get("rate", "0"))) / 100, bool(tax.get("inclusive"))


def _tax_on_net(priced: PricedCase, figures: dict[str, Any], net: int, exact_net: Exact) -> int:
    """Tax on the rounded net, or on the exact one where only the total is rounded; returns the total."""
    rate, inclusive = _rate(priced)
    base = exact_net if priced.rule.place == "total" else Exact(net)
    figures["tax"] = priced.rule.rounded(base * rate / (1 + rate) if inclusive else base * rate)
    if inclusive:
        figures["total"] = net
    elif priced.rule.place == "total":
        figures["total"] = priced.rule.rounded(exact_net * (1 + rate))
    else:
        figures["total"] = net + figures["tax"]
    return int(figures["total"])


def _account(priced: PricedCase, figures: dict[str, Any], total: int) -> None:
    before = priced.minor("account_credit_before") or Exact(0)
    used = min(max(0, int(before)), max(0, total))
    figures["account_credit"] = max(0, -total)
    figures["account_credit_used"] = used
    figures["due"] = max(0, total) - used


def _credit_note(priced: PricedCase, figures: dict[str, Any], exact_credit: Exact) -> None:
    """The credit as a document of its own: less its share of a coupon, with its tax, split by what was paid."""
    rule, old = priced.rule, priced.old
    if old is None:
        return
    rate, inclusive = _rate(priced)
    coupon = priced.minor("coupon") or Exact(0)
    share = coupon * exact_credit / old.total if old.total else Exact(0)
    base = exact_credit - share
    if rule.by_line:
        base = Exact(rule.rounded(exact_credit) - rule.rounded(share))
    tax = base * rate / (1 + rate) if inclusive else base * rate
    gross = rule.rounded(base if inclusive else base + tax)
    figures["credit_net"], figures["coupon_share"] = rule.rounded(exact_credit), rule.rounded(share)
    figures["credit_gross_of_tax"] = rule.rounded(exact_credit if inclusive else exact_credit * (1 + rate))
    figures["credit_total"] = gross
    if priced.new is None:
        figures["tax"] = rule.rounded(tax)
    if rule.credit_becomes is CreditBecomes.REFUND:
        _split(priced, figures, gross, old.total if inclusive else old.total * (1 + rate))


def _split(priced: PricedCase, figures: dict[str, Any], gross: int, full: Exact) -> None:
    """Refund what was paid beyond the time used; the rest was never paid and becomes credit."""
    paid, used = priced.minor("paid_for_this_fee"), priced.minor("used_total")
    paid = full if paid is None else paid
    used = full - gross if used is None else used
    figures["refund"] = min(gross, max(0, priced.rule.rounded(paid - used)))
    figures["credit"] = gross - figures["refund"]


def _renewal(priced: PricedCase, net: int) -> dict[str, str]:
    """What comes next: the full price, the new dates, and how many days a left-over credit would buy."""
    new, old, dates, rule = priced.new, priced.old, priced.dates, priced.rule
    if new is None:
        return {}
    figures_text = {"next_renewal": priced.major(rule.rounded(new.total))}
    if old is not None and new.months:
        scaled = new.total * old.months / new.months * priced.old_share.part / priced.old_share.whole
        figures_text["whmcs_gross_charge"] = priced.major(rule.rounded(scaled))
    if dates is not None:
        zone = ZoneInfo(dates.tz)
        end = dates.after.end.astimezone(zone).date()
        length = local_days(dates.after.start, dates.after.end, dates.tz)
        days = floor(max(0, -net) * length / new.total) if new.total else 0
        figures_text["credit_as_days"] = str(days)
        figures_text["new_period_end"] = figures_text["new_renewal_without_credit"] = end.isoformat()
        if days <= (date.max - end).days:  # a penny plan can be paid beyond the calendar
            figures_text["new_renewal"] = (end + timedelta(days=days)).isoformat()
    return figures_text
