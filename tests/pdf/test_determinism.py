"""The same document gives the same bytes: again, in another process, in threads, after other documents."""

import hashlib
import json
import subprocess
import sys

import pytest

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

# The threads' first documents are the process's first: fonts, words and locales are all still to be read.
IN_THREADS = """
import hashlib, json, sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from pdf import render
from pdf.samples.gallery import gallery_documents
documents = list(gallery_documents().items())
threads, step = 8, int(sys.argv[1])
start = Barrier(threads)
def digests(thread):
    first = thread * step
    start.wait()
    turned = documents[first:] + documents[:first]
    return {name: hashlib.sha256(render(document)).hexdigest() for name, document in turned}
sys.setswitchinterval(1e-6)  # seconds; a thread then stops in the middle of whatever it does
with ThreadPoolExecutor(threads) as pool:
    print(json.dumps(list(pool.map(digests, range(threads)))))
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


@pytest.mark.parametrize("step", [0, 1], ids=["the same document first", "each another document first"])
def test_eight_threads_of_a_fresh_process_give_the_same_bytes(step: int) -> None:
    here = {name: hashlib.sha256(render(document)).hexdigest() for name, document in gallery_documents().items()}
    run = subprocess.run([sys.executable, "-c", IN_THREADS, str(step)], check=True, capture_output=True, text=True)
    assert json.loads(run.stdout) == [here] * 8


def test_different_documents_differ_in_bytes_and_in_file_identifier() -> None:
    one, other = render(build("en")), render(build("en", serial=8))
    assert one == render(build("en"))
    assert one != other
    assert one[one.rindex(b"/ID") :] != other[other.rindex(b"/ID") :]


def test_the_engine_names_all_that_the_bytes_depend_on() -> None:
    named = renderer_version()
    assert all(part in named for part in ("layout ", "fonts ", "reportlab 5.", "uharfbuzz ", "deflate ", "babel "))


def test_bytes_do_not_change_while_the_renderer_version_stays() -> None:
    """If they must: raise LAYOUT in pdf/renderer_version.py, then run `python -m tests.pdf.golden`."""
    known = json.loads(golden.DIGESTS.read_text())
    assert renderer_version() in known, "a library or a font changed: run python -m tests.pdf.golden"
    assert golden.current() == known[renderer_version()]
