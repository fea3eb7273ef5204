"""Where documents are stored: a folder, or a real S3 server on loopback. Stored once, whole or not at all."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer

from engine.audit.checks import providers_to_audit
from engine.audit.documents import audit_documents, documents_to_read
from local.ports import free_port
from local.stack import Stack
from models import storage
from models.database import transaction
from models.invoice import Invoice, document_of
from settings import settings
from tests.conftest import environment
from tests.support.play import Play

CONTENT = b"%PDF-1.7 a document"


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """The address of an S3-compatible server with one bucket."""
    port = free_port()
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
    server.start()
    yield f"http://127.0.0.1:{port}"
    server.stop()


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    url = str(tmp_path / "documents")
    if request.param == "s3":
        import s3fs

        for name, value in {"AWS_ENDPOINT_URL": request.getfixturevalue("s3"), "AWS_ACCESS_KEY_ID": "k"}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        bucket = f"documents-{os.getpid()}"
        s3fs.S3FileSystem(skip_instance_cache=True).mkdirs(bucket, exist_ok=True)
        url = f"s3://{bucket}/{tmp_path.name}"
    with environment({"PLANSHIFT_DOCUMENT_URL": url}):
        yield url


def test_what_is_stored_comes_back(store: str) -> None:
    name = storage.put(CONTENT)
    assert name == hashlib.sha256(CONTENT).hexdigest()
    assert storage.put(CONTENT) == name
    assert storage.get(name) == CONTENT


def test_threads_store_at_the_same_time(store: str) -> None:
    contents = [CONTENT + str(number).encode() for number in range(200)]
    with ThreadPoolExecutor(8) as pool:
        names = list(pool.map(storage.put, contents))
    assert [storage.get(name) for name in names] == contents


def test_every_file_of_the_store_is_listed(store: str) -> None:
    name = storage.put(CONTENT)
    wrong = f"{name[:2]}/{name}.txt"
    files, root = storage._store(store)
    files.pipe_file(f"{root}/{wrong}", b"a note")
    with environment({"PLANSHIFT_DOCUMENT_URL": f"{store}/"}):
        assert sorted(storage.stored()) == sorted([(f"{name[:2]}/{name}.pdf", name), (wrong, None)])
    with environment({"PLANSHIFT_DOCUMENT_URL": f"{store}/nowhere"}), pytest.raises(storage.NoStore, match="nowhere"):
        next(storage.stored())


def test_what_was_never_stored(store: str) -> None:
    with pytest.raises(storage.DocumentLost, match=store):
        storage.get("0" * 64)


def test_a_document_that_is_not_what_its_name_says(tmp_path: Path) -> None:
    with environment({"PLANSHIFT_DOCUMENT_URL": str(tmp_path)}):
        name = storage.put(CONTENT)
        (tmp_path / name[:2] / f"{name}.pdf").write_bytes(b"%PDF-1.7 another")
        with pytest.raises(storage.DocumentDamaged):
            storage.get(name)


def test_a_store_that_is_full_leaves_nothing_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from fsspec.implementations.local import LocalFileOpener

    def full(self: LocalFileOpener, content: bytes) -> int:
        raise OSError(28, "No space left on device")

    with environment({"PLANSHIFT_DOCUMENT_URL": str(tmp_path)}):
        with monkeypatch.context() as patch:
            patch.setattr(LocalFileOpener, "write", full)
            with pytest.raises(OSError, match="No space left"):
                storage.put(CONTENT)
        assert not list(tmp_path.rglob("*.pdf"))
        assert storage.get(storage.put(CONTENT)) == CONTENT


def test_a_printed_invoice_is_in_the_store_under_its_digest(servers: Stack) -> None:
    play = Play.of(servers)
    change_id = play.until_awaiting_payment("start")
    with transaction() as session:
        document = document_of(session, play.invoice(change_id).id, "proforma")
    assert document is not None
    content = storage.get(document.sha256)
    assert (content[:5], len(content)) == (b"%PDF-", document.size_bytes)
    assert document.renderer_version.startswith("layout ")
    assert Path(settings().document_url).is_dir()


def test_the_audit_reads_each_document_and_prints_it_again(servers: Stack) -> None:
    play = Play.of(servers)
    change_id = play.until_awaiting_payment("start")

    def damaged() -> dict[str, int]:
        with transaction() as session:
            stored = documents_to_read(session, providers_to_audit(session, play.slug))
        return {finding.name: finding.count for finding in audit_documents(stored)}

    assert damaged() == {"documents_are_as_printed": 0, "documents_print_again": 0}
    with transaction() as session:
        document = document_of(session, play.invoice(change_id).id, "proforma")
        assert document is not None
        invoice = session.get_one(Invoice, document.invoice_id)
        invoice.content = invoice.content | {"notes": ["changed afterwards"]}
    file = Path(settings().document_url) / document.sha256[:2] / f"{document.sha256}.pdf"
    file.write_bytes(file.read_bytes() + b"x")
    assert damaged() == {"documents_are_as_printed": 1, "documents_print_again": 1}
