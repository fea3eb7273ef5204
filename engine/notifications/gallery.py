"""Every mail in every language, with invented values, as files to look at."""

from __future__ import annotations

from datetime import date
from html import escape
from pathlib import Path
from typing import Any

from babel.dates import format_date

from domain.money import Money
from domain.pricing.explain import known_locale, money_text
from domain.words import sentence
from engine.notifications.letter import TEMPLATE_FOLDER, Letter, letter_of
from models.outbox import FOR_STAFF
from pdf.samples.documents import LANGUAGES
from pdf.samples.stories import STORIES


def gallery_letters() -> dict[str, Letter]:
    """By file name. What staff read is in English and comes last."""
    letters = {}
    events = {path.stem for path in TEMPLATE_FOLDER.glob("*.txt")}
    for event in (*sorted(events - FOR_STAFF), *sorted(FOR_STAFF)):
        for_staff = event in FOR_STAFF
        for language in ("en",) if for_staff else LANGUAGES:
            values = _values(language)
            letters[f"{event}-{language}"] = letter_of(event, language, values, for_staff)
            for name, other in _otherwise(event, values).items():
                letters[f"{event}-{name}-{language}"] = letter_of(event, language, values | other, for_staff)
    return letters


def write_gallery(folder: Path) -> list[Path]:
    """Writes name.txt and name.html for each mail, and index.html, which shows them all; the paths written."""
    folder.mkdir(parents=True, exist_ok=True)
    letters = gallery_letters()
    texts = {f"{name}.txt": letter.text for name, letter in letters.items()}
    pages = {f"{name}.html": letter.html for name, letter in letters.items()}
    written = []
    for name, text in (texts | pages | {"index.html": _index(letters)}).items():
        path = folder / name
        path.write_text(text, encoding="utf-8")
        written.append(path)
    return written


def _values(language: str) -> dict[str, Any]:
    story, locale = STORIES[language], known_locale(language)

    def money(minor: int) -> str:
        return money_text(Money(minor, story.currency), language)

    def day(month: int, of_month: int) -> str:
        return format_date(date(2027, month, of_month), "long", locale)

    return {
        "provider": story.seller.name,
        "colour": "#1f3a93",
        "customer": story.buyer.name,
        "service": "engines.example",
        "plan": story.after.plan,
        "from_plan": story.before.plan,
        "to_plan": story.after.plan,
        "number": "DNS-2027-000007",
        "total": money(2 * story.after.price.amount),
        "due": money(story.after.price.amount),
        "owed": money(story.before.price.amount),
        "amount": money(story.before.price.amount),
        "credit": money(story.before.price.amount),
        "left": money(story.before.price.amount),
        "lost": money(story.before.price.amount),
        "due_today": money(story.after.price.amount),
        "renewal_price": money(story.after.price.amount),
        "payable_until": day(7, 24),
        "effective_on": day(8, 1),
        "due_on": day(8, 8),
        "ends_on": day(8, 1),
        "problem": _problem(story.after.plan, language),
        **{"saved": None, "to_decide": None, "why": None, "reason": None, "note": None},
        **{"is_due": True, "is_late": False, "at_once": False, "at_gateway": False},
        **{"refund": "ref_0192f3a1b6d2", "error": "account closed"},
        "link": "https://portal.northwind.example/portal",
    }


def _problem(plan: str, language: str) -> str:
    part = sentence(language, "over_limit_part", name="GB", used=12, limit=10, reduce_by=2)
    return sentence(language, "over_limit", plan=plan, limits=part)


def _otherwise(event: str, values: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """By name, what makes a mail say something else."""
    sum_to_decide = {"to-decide": {"to_decide": values["amount"]}}
    of_invoice = {"invoice": {"to_plan": None}}
    reason = {"reason": values["problem"]}
    variants: dict[str, dict[str, dict[str, Any]]] = {
        "canceled": {"service-ended": {"why": "service_ended"}},
        "ending_scheduled": {"at-once": {"at_once": True}},
        "money_returned": of_invoice,
        "payment_declined": of_invoice,
        "payment_did_not_come": of_invoice,
        "paid_from_credit": of_invoice,
        "plan_changed": {"later": {"saved": values["amount"]}},
        "refund_failed": sum_to_decide,
        "refund_failed_for_staff": sum_to_decide | {"at-gateway": {"at_gateway": True}},
        "refused": {"for-a-reason": reason},
        "renewal_invoice": {"paid": {"is_due": False}},
        "renewal_reminder": {"late": {"is_late": True}},
        "service_ended": {"nothing-back": {"credit": None}},
    }
    return variants.get(event, {})


def _index(letters: dict[str, Letter]) -> str:
    shown = "".join(
        f'<figure><figcaption><a href="{name}.html">{name}</a> <a href="{name}.txt">text</a></figcaption>'
        f'<iframe srcdoc="{escape(letter.html)}" title="{name}"></iframe></figure>'
        for name, letter in letters.items()
    )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Mails</title>'
        "<style>body{display:grid;grid-template-columns:repeat(4,1fr);gap:8px;font:12px sans-serif}"
        "figure{margin:0}iframe{width:100%;height:440px;border:1px solid #dde1e6}</style>"
        f"<body>{shown}</body></html>"
    )
