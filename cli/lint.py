"""What planshift catalog lint finds in a catalogue file: loops that gain money, changes dearer than ordering anew."""

from pathlib import Path
from typing import Any

from cli.catalog_source import read_catalog
from domain.lint import Finding, lint


def run(file: Path) -> list[dict[str, Any]]:
    """[{"kind": "gain" | "dearer", "steps", "days", "amount", "sentence"}]; empty where nothing is found.

    Days count from 1. Raises UnreadableFile, CatalogError.
    """
    return [_as_json(finding) for finding in lint(read_catalog(file))]


def _as_json(finding: Finding) -> dict[str, Any]:
    return {
        "kind": finding.kind,
        "steps": list(finding.steps),
        "days": [day + 1 for day in finding.days],
        "amount": finding.amount.as_json(),
        "sentence": finding.sentence,
    }
