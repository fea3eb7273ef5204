"""CPU time of one invoice, side by side: `python -m benchmarks.pdf` prints a JSON object.

Each writer makes the same invoices (five lines, both parties, plan before and after, sums) in one warm process; each
invoice has another customer and other amounts, in every round anew. Rounds of all writers take turns, and the best
round counts, because other work on the machine can only add. Ours is the full document (PDF/A-3B, tagged, with XML for
the Spanish seller), its formatting of amounts and dates included; the peers get finished strings and make an ordinary
PDF.
"""

import gc
import json
import resource
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.pdf_content import LANGUAGES, content, documents
from pdf import render

_INVOICES, _ROUNDS = 20, 15
_FEWER = {"weasyprint": 3, "reportlab platypus": 10}  # fewer invoices a round for writers that need long for one
NEEDED = "install the peers: .venv/bin/pip install --require-hashes -r benchmarks/requirements.lock"


def run() -> dict[str, Any]:
    """Milliseconds of CPU time and bytes for one invoice, by language and writer, and how many times faster we are."""
    resident = _resident_alone()
    figures = {language: _language(language) for language in LANGUAGES}
    return {"unit": "ms CPU per invoice", "resident_mb": resident, "languages": figures}


def _resident_alone() -> int:
    """Peak memory in MB of this process after every language, measured before any peer is loaded."""
    for language in LANGUAGES:
        for document in documents(language, range(_INVOICES)):
            render(document)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def _language(language: str) -> dict[str, Any]:
    from benchmarks.pdf_platypus import Platypus
    from benchmarks.pdf_typst import Typst
    from benchmarks.pdf_weasyprint import WeasyPrint

    peers = (Platypus(language), Typst(language), WeasyPrint(language))
    times: dict[str, list[float]] = {name: [] for name in ("planshift", *[peer.name for peer in peers])}
    sizes: dict[str, int] = {}
    for number in range(_ROUNDS + 1):  # the first round warms every writer up
        made = documents(language, range(number * 1000, number * 1000 + _INVOICES))
        contents = [content(document) for document in made]
        milliseconds, sizes["planshift"] = _round(render, made)
        times["planshift"].append(milliseconds)
        for peer in peers:
            milliseconds, sizes[peer.name] = _round(peer.render, contents[: _FEWER.get(peer.name)])
            times[peer.name].append(milliseconds)
    best = {name: min(rounds[1:]) for name, rounds in times.items()}
    return {
        name: {"ms": round(ms, 2), "bytes": sizes[name], "times_ours": round(ms / best["planshift"], 1)}
        for name, ms in best.items()
    }


def _round(work: Callable[[Any], bytes], inputs: Sequence[Any]) -> tuple[float, int]:
    """CPU milliseconds for one document, and the bytes of the last. Nobody pays for the garbage of the one before."""
    gc.collect()
    start = time.process_time()
    for one in inputs:
        made = work(one)
    return (time.process_time() - start) / len(inputs) * 1000, len(made)


if __name__ == "__main__":
    try:
        json.dump(run(), sys.stdout, indent=2)
    except ModuleNotFoundError as missing:
        sys.exit(f"{missing}; {NEEDED}")
    sys.stdout.write("\n")
