"""planshift audit: whether every invariant holds, in one page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cli.output import AsJson, print_json

if TYPE_CHECKING:
    from engine.audit.checks import InvariantResult, Report


def register(app: typer.Typer) -> None:
    app.command(epilog="Example: planshift audit --json")(audit)


def audit(
    provider: Annotated[str | None, typer.Argument(help="Only this provider; all by default.")] = None,
    hosts: Annotated[bool, typer.Option(help="Also read from the hosts what each service has.")] = True,
    as_json: AsJson = False,
) -> None:
    """Check the ledger, invoices, documents, numbers, histories and hosts. Exit code 1 if an invariant is violated."""
    from engine.accounts.providers import required_provider
    from engine.audit.checks import Report, audit_books, providers_to_audit
    from engine.audit.documents import audit_documents
    from models.database import snapshot
    from tasks.audit import documents

    with snapshot() as session:
        if provider is not None:
            required_provider(session, provider)
        providers = providers_to_audit(session, provider)
        findings = audit_books(session, providers)
    findings += audit_documents(documents(providers))
    report = Report(findings)
    if hosts:
        found, compared = compare_all_hosts(providers)
        report = Report([*findings, found], compared)
    if as_json:
        print_json(report.as_json())
    else:
        print_page(report, len(providers))
    if not report.holds:
        raise typer.Exit(1)


def compare_all_hosts(providers: list[str]) -> tuple[InvariantResult, int]:
    """What the hosts report of every service, batch by batch, and how many services were compared."""
    from engine.audit.checks import HostComparison, compare_hosts, host_result, services_to_compare
    from models.database import snapshot

    everything = HostComparison()
    while True:
        with snapshot() as session:
            expected = services_to_compare(session, providers, after=everything.last_id)
        if not expected:
            break
        answers = compare_hosts(expected)
        everything.compared += answers.compared
        everything.wrong += answers.wrong
        everything.last_id = answers.last_id
    with snapshot() as session:
        return host_result(session, everything), everything.compared


def print_page(report: Report, providers: int) -> None:
    """One line an invariant, and the rows that violate it."""
    for finding in report.findings:
        typer.echo(f"{'ok      ' if finding.holds else 'VIOLATED'}  {finding.invariant}")
        for row in finding.rows:
            typer.echo(f"            {row.row_id}: {row.what}")
        if finding.count > len(finding.rows):
            typer.echo(f"            … and {finding.count - len(finding.rows)} more")
    violated = sum(not finding.holds for finding in report.findings)
    verdict = "Every invariant holds." if report.holds else f"{violated} invariants are violated."
    typer.echo(f"{verdict} {providers} providers, {report.services_compared} services compared with their hosts.")
