"""What planshift catalog lint finds in a catalogue file: loops that gain money, changes dearer than ordering anew."""

from pathlib import Path
from typing import Any

from domain.catalog_file import parse_catalog
from domain.lint import Finding, lint


def run(catalog_path: Path | str) -> list[dict[str, Any]]:
    """[{"kind": "gain" | "dearer", "steps", "days", "amount", "sentence"}]; empty where nothing is found.

    Days count from 1. Raises OSError, CatalogError.
    """
    path = Path(catalog_path)
    catalog = parse_catalog(path.read_text(encoding="utf-8"), str(path))
    return [_as_json(finding) for finding in lint(catalog)]


def _as_json(finding: Finding) -> dict[str, Any]:
    return {
        "kind": finding.kind,
        "steps": list(finding.steps),
        "days": [day + 1 for day in finding.days],
        "amount": finding.amount.as_json(),
        "sentence": finding.sentence,
    }
