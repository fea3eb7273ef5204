"""The same document gives the same bytes: again, in another process, after other documents."""

import hashlib
import json
import subprocess
import sys

from pdf import render, renderer_version
from pdf.samples.documents import build
from pdf.samples.gallery import gallery_documents
from tests.pdf import golden

PROGRAM = """
import hashlib, sys
from pdf import render
from pdf.samples.gallery import gallery_documents
documents = gallery_documents()
names = sorted(documents, key=lambda name: hashlib.sha256((sys.argv[1] + name).encode()).digest())
for name in names:
    print(name, hashlib.sha256(render(documents[name])).hexdigest())
"""


def digests(seed: str) -> dict[str, str]:
    """All documents in another order in another process with another hash seed."""
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, seed], check=True, capture_output=True, text=True, env={"PYTHONHASHSEED": seed}
    )
    return dict(line.split() for line in run.stdout.splitlines())


def test_other_processes_orders_and_hash_seeds_give_the_same_bytes() -> None:
    here = {name: hashlib.sha256(render(document)).hexdigest() for name, document in gallery_documents().items()}
    first, second = digests("1"), digests("2")
    assert list(first) != list(second), "the orders differ"
    assert here == first == second


def test_different_documents_differ_in_bytes_and_in_file_identifier() -> None:
    one, other = render(build("en")), render(build("en", serial=8))
    assert one == render(build("en"))
    assert one != other
    assert one[one.rindex(b"/ID") :] != other[other.rindex(b"/ID") :]


def test_the_engine_names_all_that_the_bytes_depend_on() -> None:
    named = renderer_version()
    assert all(part in named for part in ("layout ", "fonts ", "reportlab 5.", "uharfbuzz ", "deflate ", "babel "))


def test_bytes_do_not_change_while_the_engine_version_stays() -> None:
    """If they must: raise LAYOUT in pdf/renderer_version.py, then run `python -m tests.pdf.golden`."""
    known = json.loads(golden.DIGESTS.read_text())
    assert renderer_version() in known, "a library or a font changed: run python -m tests.pdf.golden"
    assert golden.current() == known[renderer_version()]
