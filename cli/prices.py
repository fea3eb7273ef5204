"""planshift prorate, simulate and quote verify: check our prices before you trust them."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.output import AsJson, print_json, print_table

quote_app = typer.Typer(help="Check stored quotes.", no_args_is_help=True)


class UnknownStoredQuote(Exception):
    """No quote of that id."""


class UnreadableCases(Exception):
    """A cases file that is not there, or is not JSON."""


def register(app: typer.Typer) -> None:
    app.command(epilog="Example: planshift prorate --cases cases.json --json")(prorate)
    app.command(epilog=_SIMULATE_EXAMPLE)(simulate)
    app.add_typer(quote_app, name="quote")


def prorate(
    cases: Annotated[Path, typer.Option(help="A JSON list of change cases, as another biller would price them.")],
    as_json: AsJson = False,
) -> None:
    """Price another biller's change cases: whoever migrates can compare every figure."""
    from cli.prorate import run

    try:
        answers = run(cases)
    except (OSError, ValueError) as error:
        raise UnreadableCases(f"{cases} cannot be read as JSON: {error}") from error
    if as_json:
        print_json(answers)
        return
    rows = [
        (str(one["id"]), one.get("error") or one.get("unsupported") or _figures(one["computed"])) for one in answers
    ]
    print_table(("CASE", "COMPUTED"), rows)


def simulate(
    catalog: Annotated[Path, typer.Argument(help="A catalogue file (TOML).")],
    from_plan: Annotated[str, typer.Option("--from", help="The plan that the service has.")],
    to_plan: Annotated[str, typer.Option("--to", help="The plan that it is to have.")],
    currency: Annotated[str, typer.Option(help="ISO 4217 code.")],
    cycle: Annotated[str, typer.Option(help="The billing cycle it has.")] = "monthly",
    to_cycle: Annotated[str | None, typer.Option(help="The billing cycle it is to have; the same by default.")] = None,
    start: Annotated[str, typer.Option(help="The period's first day.")] = "2027-07-01",
    country: Annotated[str, typer.Option(help="The customer's country, for tax.")] = "ZZ",
    mode: Annotated[
        list[str] | None,
        typer.Option(help="Under this mode, whatever the rules say; may be given more than once; `all` is every mode."),
    ] = None,
    chart: Annotated[Path | None, typer.Option(help="Write a chart here (.svg, .png or .pdf).")] = None,
    as_json: AsJson = False,
) -> None:
    """Price one change for every day of the period as the catalogue's rules decide it, as a table or a chart."""
    from cli.simulate import SimulationRequest, answer, document_of, draw, rule_sentence

    try:
        day = date.fromisoformat(start)
    except ValueError as error:
        raise typer.BadParameter(f"{start} is not a day such as 2027-07-01.") from error
    request = SimulationRequest(from_plan, cycle, to_plan, to_cycle or cycle, currency, day, country)
    simulation = answer(catalog, request, tuple(mode or ()))
    document = document_of(simulation)
    if as_json:
        print_json(document)
    else:
        if simulation.decision:
            typer.echo(rule_sentence(simulation.decision))
        heading, *rows = map(tuple, document["rows"])
        print_table(heading, rows)
    if chart is not None:
        draw(simulation, f"{from_plan} → {to_plan}", chart)
        typer.echo(f"The chart is in {chart}.", err=True)


@quote_app.command(epilog="Example: planshift quote verify qt_01jd…")
def verify(
    quote_id: Annotated[str, typer.Argument(help="The quote's id, or that of a plan change.")],
    as_json: AsJson = False,
) -> None:
    """Recompute a stored quote from its own inputs and say whether every cent holds. Exit code 1 if not.

    Of a plan change, what was accepted and, where it was paid on a later day, what it was settled for. Of a quote from
    before it was kept what its credit was billed for, only the seal and the sum are checked.
    """
    from domain.pricing.verify import NotRecomputable, verify_quote, verify_settled

    accepted, settled = _stored(quote_id)
    limited = None
    try:
        found = verify_settled(accepted, settled) if settled else verify_quote(accepted)
    except NotRecomputable as error:
        found, limited = error.differences, str(error)
    differences = [str(difference) for difference in found]
    document = {"quote": quote_id, "holds": not differences, "differences": differences, "limited": limited}
    document["accepted"], document["settled"] = accepted["total"], (settled or accepted)["total"]
    if as_json:
        print_json(document)
    elif differences:
        typer.echo("\n".join(differences))
    elif limited:
        typer.echo(f"{quote_id}: its seal and its sum hold; {limited}.")
    else:
        typer.echo(f"{quote_id}: every cent holds.{_both(accepted, settled) if settled else ''}")
    if differences:
        raise typer.Exit(1)


def _stored(quote_id: str) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """What was accepted, and what it was settled for where that is another price."""
    from models.database import transaction
    from models.invoice import StoredQuote
    from models.plan_change import PlanChange

    with transaction() as session:
        stored, change = session.get(StoredQuote, quote_id), session.get(PlanChange, quote_id)
        if stored is not None:
            return stored.document, None
        if change is None or change.quote is None:
            raise UnknownStoredQuote(f"There is no quote {quote_id}.")
        return change.quote, change.settled_quote


def _both(accepted: dict[str, Any], settled: dict[str, Any]) -> str:
    from domain.money import Money

    was, became = (Money.from_json(document["total"]) for document in (accepted, settled))
    return f" {was} was accepted, {became} was settled as of {settled['inputs']['now']}."


def _figures(computed: dict[str, object]) -> str:
    return "  ".join(f"{name} {value}" for name, value in computed.items())


_SIMULATE_EXAMPLE = "Example: planshift simulate catalogs/dns.toml --from basic --to start --currency JPY --country JP"
