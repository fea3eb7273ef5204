"""planshift dead-letters: rows that the sweep has given up, and another attempt for what has been mended."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from cli.once import Decided, Key, decide, of_row
from cli.output import AsJson, print_json, print_table

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from engine.operators.dead_letters import DeadLetter
    from models.provider import Provider

app = typer.Typer()


def _what(letter: DeadLetter) -> str:
    return f"{letter.what}, to {letter.customer}" if letter.customer else letter.what


@app.command("list", epilog="Example: planshift dead-letters list --provider dns")
def list_dead_letters(
    provider: Annotated[str | None, typer.Option(help="Only this provider's, by its name in its catalogue.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the rows that were given up, with the last error."""
    from engine.accounts.providers import required_provider
    from engine.operators.dead_letters import dead_letters
    from models.database import transaction

    with transaction() as session:
        letters = dead_letters(session, required_provider(session, provider).id if provider else None)
    if as_json:
        print_json([asdict(letter) for letter in letters])
        return
    rows = [(one.id, one.kind, one.provider, _what(one), one.error or "none was seen") for one in letters]
    print_table(("ID", "KIND", "PROVIDER", "WHAT", "LAST ERROR"), rows)


@app.command(epilog="Example: planshift dead-letters retry inv_01jd… --actor ana --reason 'the disk has room again'")
def retry(
    row_id: Annotated[str, typer.Argument(metavar="ID", help="The id, as `planshift dead-letters list` shows it.")],
    actor: Annotated[str, typer.Option(help="Your name, for the record.")],
    reason: Annotated[str, typer.Option(help="The reason, for the record.")],
    key: Key = None,
) -> None:
    """Enqueue one of them again, once what was in its way is mended."""
    from engine.jobs.work_kinds import work_kind_of
    from engine.operators.dead_letter_retry import retry_dead_letter
    from models.audit import Attribution

    def act(session: Session, _: Provider, now: datetime) -> Decided:
        enqueued = retry_dead_letter(session, now, row_id, Attribution(actor, reason))
        again = "" if enqueued == row_id else f" as {enqueued}"
        return Decided(f"{row_id} is enqueued again{again}.", (enqueued,))

    decide(of_row(work_kind_of(row_id).row, row_id), key, ("retry", row_id, actor, reason), act)
