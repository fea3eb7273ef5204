"""Price the change cases of another biller: planshift prorate --cases FILE --json."""

import json
from pathlib import Path
from typing import Any

from domain.errors import ChangeError
from domain.peers.cases import compute_case
from domain.peers.terms import Unsupported


def run(cases_path: Path | str) -> list[dict[str, Any]]:
    """[{"id", "computed": {the keys of `expected`}}] for a cases file, priced as in production.

    A case that wants what Planshift does not have is "unsupported" with the reason; one that cannot be read has an
    "error".

    The file holds a list of cases, or an object with a list under "cases". Raises OSError, ValueError.
    """
    document = json.loads(Path(cases_path).read_text(encoding="utf-8"))
    cases = document["cases"] if isinstance(document, dict) else document
    return [_answer(case) for case in cases]


def _answer(case: dict[str, Any]) -> dict[str, Any]:
    try:
        figures = compute_case(case)
    except (Unsupported, ChangeError) as error:
        return {"id": case.get("id"), "computed": {}, "unsupported": str(error)}
    except (KeyError, ValueError, ArithmeticError) as error:
        return {"id": case.get("id"), "computed": {}, "error": f"{type(error).__name__}: {error}"}
    wanted = case.get("expected") or figures
    missing = [key for key in wanted if key not in figures]
    if missing:
        return {"id": case.get("id"), "computed": {}, "unsupported": f"there is no figure {', '.join(missing)}"}
    return {"id": case.get("id"), "computed": {key: figures[key] for key in wanted}}
