"""What docs/ledger.md lists, for the tests that hold it against the code and against what was really posted."""

from __future__ import annotations

from collections import defaultdict

from sqlalchemy import text
from sqlalchemy.orm import Session

from tests.docs.pages import table

PAGE = "docs/ledger.md"
ACCOUNTS = table(PAGE, "account", "owner", "kind", "what it holds")
RECIPES = table(PAGE, "when", "function", "debit", "credit", "source")
NAMES = {name.split(":")[0] for name, *_ in ACCOUNTS}


def listed() -> dict[str, set[str]]:
    """By source, the accounts that a transaction of it may touch; what is matched is posted as a payment is."""
    accounts = defaultdict[str, set[str]](set)
    for _, _, debits, credits, source in RECIPES:
        accounts[source] |= NAMES & set(f"{debits} {credits}".replace(",", " ").split())
    accounts["match"] = accounts["payment"] | {"unmatched"}
    return accounts


def unlisted_postings(session: Session) -> list[str]:
    """Whatever was posted and is not on the page, as `source: account`; tests post under the source `test`."""
    posted = session.execute(
        text(
            "SELECT DISTINCT t.source_kind, split_part(e.account, ':', 1) FROM ledger_transactions t"
            " JOIN ledger_entries e ON e.transaction_id = t.id WHERE t.source_kind <> 'test' ORDER BY 1, 2"
        )
    )
    known = listed()
    return [f"{source}: {account}" for source, account in posted if account not in known.get(source, set())]
