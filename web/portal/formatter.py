"""Formats what a page shows: money as the customer writes it, dates in the provider's zone, the catalogue's names."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_time, get_datetime_format
from babel.numbers import format_decimal, format_percent

from domain.catalog import Catalog, in_language
from domain.money import Money
from domain.pricing.explain import known_locale, money_text
from domain.words import language_of, sentence
from domain.words.en import EN


class PageFormatter:
    """For one customer of one provider: pages in `locale`, what was written down for them in `written_in`."""

    def __init__(self, catalog: Catalog, locale: str, written_in: str) -> None:
        self._catalog, self._locale = catalog, locale
        self._zone = ZoneInfo(catalog.timezone)
        # Whoever reads a language that the pages are not written in gets English sentences and dates.
        self._page_locale = locale if language_of(locale) == known_locale(locale).language else "en"
        self.page_language = str(known_locale(self._page_locale)).replace("_", "-")
        # What quotes and invoices say is in this language, whatever language the page is in.
        self.language = language_of(written_in)

    def money(self, money: Money | dict[str, Any]) -> str:
        """Money, or its JSON."""
        return money_text(money if isinstance(money, Money) else Money.from_json(money), self._locale)

    def day(self, day: date | datetime) -> str:
        """A date in full, in the provider's zone."""
        local = day.astimezone(self._zone).date() if isinstance(day, datetime) else day
        return str(format_date(local, "long", known_locale(self._page_locale)))

    def moment(self, moment: datetime) -> str:
        """A date with its time and zone."""
        local = moment.astimezone(self._zone)
        zone = local.tzname() or ""
        time = format_time(local.time(), "short", locale=known_locale(self._page_locale))
        joined = str(get_datetime_format("medium", known_locale(self._page_locale)))
        return joined.format(f"{time} {zone if zone.isalpha() else 'UTC' + zone}", self.day(moment))

    def number(self, number: int) -> str:
        """A whole number with grouping."""
        return str(format_decimal(number, locale=known_locale(self._page_locale)))

    def percent(self, percent: int) -> str:
        return str(format_percent(Decimal(percent) / 100, locale=known_locale(self._page_locale)))

    def plan(self, plan_id: str) -> str:
        plan = self._catalog.plan(plan_id)
        return plan.name if plan else plan_id

    def cycle(self, cycle_id: str) -> str:
        cycle = self._catalog.cycles.get(cycle_id)
        return in_language(cycle.label, self._page_locale) if cycle else cycle_id

    def change_status(self, status: str) -> str:
        """How a change stands, in a word or two; the steps on our side are one thing to the customer."""
        key = f"change_{status}"
        return sentence(self._page_locale, key if key in EN else "change_requested")

    def person(self, actor: str) -> str:
        """Who moved a change, as its customer sees it: they themselves or the provider's people; nothing for what the
        program did."""
        if actor in ("customer", "portal"):
            return sentence(self._page_locale, "moved_by_customer")
        return sentence(self._page_locale, "moved_by_staff") if actor.startswith("operator") else ""

    def months(self, cycle_id: str) -> int:
        """How many months a cycle has; 0 for one that the catalogue no longer knows."""
        cycle = self._catalog.cycles.get(cycle_id)
        return cycle.months if cycle else 0

    def limit(self, name: str) -> str:
        texts = self._catalog.limit_names.get(name)
        return in_language(texts, self._page_locale) if texts else name

    def category(self, category_id: str) -> str:
        texts = self._catalog.categories.get(category_id)
        return in_language(texts, self._page_locale) if texts else category_id
