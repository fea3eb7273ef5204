"""PDF/A-3B, tags and metadata, as far as validators that can be installed will say."""

import io
import subprocess
from pathlib import Path

import pdfua
import pikepdf
import pypdfium2  # type: ignore[import-untyped]
import pytest
from pikepdf import pdfa

from pdf import Identity, Kind, archive, identity_of, render, xmp
from pdf.samples.documents import build, many_lines
from pdf.samples.gallery import gallery_documents

DOCUMENTS = gallery_documents()
# The validator does not know XMP extension schemas (ISO 19005-3, 6.6.2.3.3), which Factur-X and PDF/UA prescribe.
UNKNOWN_TO_VALIDATOR = "ISO_19005_3:6.6.2.3.1-1"


def objections(path: Path) -> set[str]:
    return {finding.rule for finding in pdfa.validate_written(path, "3b").findings}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_pdfa_qpdf_and_pdfua_have_nothing_to_say(name: str, tmp_path: Path) -> None:
    path = tmp_path / "document.pdf"
    path.write_bytes(render(DOCUMENTS[name]))
    assert objections(path) <= {UNKNOWN_TO_VALIDATOR}
    subprocess.run(["qpdf", "--check", str(path)], check=True, capture_output=True)
    report = pdfua.validate(str(path))
    assert report.findings == ()


@pytest.mark.parametrize("language", ["en", "es", "ja", "hi"])
def test_with_plain_xmp_the_pdfa_verdict_is_pass(
    language: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = xmp.packet

    def plain(*arguments: object) -> bytes:
        text = whole(*arguments).decode()  # type: ignore[arg-type]
        kept = [
            part
            for part in text.split("<rdf:Description")
            if not any(x in part for x in ("pdfuaid", "planshift:", "fx:", "pdfaE"))
        ]
        packet = "<rdf:Description".join(kept)
        return (packet if packet.endswith("?>") else packet + '</rdf:RDF></x:xmpmeta><?xpacket end="r"?>').encode()

    monkeypatch.setattr(archive, "packet", plain)
    path = tmp_path / "plain.pdf"
    path.write_bytes(render(build(language)))
    assert pdfa.validate_written(path, "3b").verdict == "pass"


@pytest.mark.parametrize(
    ("good", "bad"),
    [(b"/S/GTS_PDFA1", b"/S/GTS_PDFX1"), (b"/AFRelationship/Alternative", b"/XFRelationship/Alternative")],
)
def test_the_validator_would_notice(good: bytes, bad: bytes, tmp_path: Path) -> None:
    path = tmp_path / "bad.pdf"
    path.write_bytes(render(build("es")).replace(good, bad))
    assert objections(path) - {UNKNOWN_TO_VALIDATOR}


def test_structure_headings_table_scopes_alt_and_language() -> None:
    with pikepdf.open(io.BytesIO(render(many_lines("es", 40)))) as pdf:
        assert str(pdf.Root.Lang) == "es"
        assert len(pdf.pages) == 3
        elements = [
            obj for obj in pdf.objects if isinstance(obj, pikepdf.Dictionary) and obj.get("/Type") == "/StructElem"
        ]
        kinds = [str(element.S) for element in elements]
        assert kinds.count("/H1") == 1
        assert kinds.count("/THead") == 1, "the repeated headers are artifacts"
        columns = [e for e in elements if e.S == "/TH" and e.A.Scope == "/Column"]
        rows = [e for e in elements if e.S == "/TH" and e.A.Scope == "/Row"]
        assert (len(columns), len(rows)) == (4, 5)
        assert kinds.count("/TR") == 1 + 40 + 5
        figure = next(element for element in elements if element.S == "/Figure")
        assert str(figure.Alt) == "Viento Norte Nube, S.L."


def test_the_information_dictionary_and_xmp_agree() -> None:
    with pikepdf.open(io.BytesIO(render(build("ja")))) as pdf, pdf.open_metadata() as metadata:
        assert str(pdf.docinfo.Title) == metadata["dc:title"] == "請求書 DNS-2026-000007"
        assert str(pdf.docinfo.Author) == metadata["dc:creator"][0]
        assert str(pdf.docinfo.CreationDate) == "D:20260312000000+00'00'"
        assert metadata["xmp:CreateDate"] == "2026-03-12T00:00:00+00:00"
        assert (metadata["pdfaid:part"], metadata["pdfaid:conformance"]) == ("3", "B")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_says_what_it_is(name: str) -> None:
    document = DOCUMENTS[name]
    content = render(document)
    told = (document.provider, document.kind, document.number, document.reference, document.issued_on)
    assert identity_of(content) == Identity(*told)
    with pikepdf.open(io.BytesIO(content)) as pdf, pdf.open_metadata() as metadata:
        own = "{urn:planshift:document:1#}"
        assert metadata[f"{own}Provider"] == document.provider
        assert metadata.get(f"{own}Number") == document.number


def test_other_files_say_nothing() -> None:
    ours = render(build("en"))
    for other in (b"", b"%PDF-1.7", ours.replace(b"planshift:Kind", b"planshift:Sort"), ours.replace(b"<rdf:", b"<")):
        assert identity_of(other) is None


def test_every_font_is_an_embedded_subset() -> None:
    with pikepdf.open(io.BytesIO(render(build("hi", Kind.PROFORMA)))) as pdf:
        fonts = [obj for obj in pdf.objects if isinstance(obj, pikepdf.Dictionary) and obj.get("/Type") == "/Font"]
        descriptors = [font.FontDescriptor for font in fonts if font.Subtype == "/CIDFontType2"]
        assert {str(font.Subtype) for font in fonts} == {"/Type0", "/CIDFontType2"}
        assert len(descriptors) == 2
        assert all("/FontFile2" in descriptor and str(descriptor.FontName)[7] == "+" for descriptor in descriptors)


def test_a_web_address_is_a_tagged_link_where_it_is_printed() -> None:
    with pikepdf.open(io.BytesIO(render(build("en", Kind.PROFORMA)))) as pdf:
        (annotation,) = pdf.pages[0].Annots
        assert bytes(annotation.A.URI) == b"https://portal.northwind.example/pay/inv_0192f3a1c7e8"
        assert str(annotation.Contents) == "https://portal.northwind.example/pay/inv_0192f3a1c7e8"
        nums = pdf.Root.StructTreeRoot.ParentTree.Nums
        owner = nums[list(nums).index(annotation.StructParent) + 1]
        assert owner.S == "/Link"
        assert owner.K[1].Obj.objgen == annotation.objgen
        left, bottom, right, top = (float(side) for side in annotation.Rect)
    with pypdfium2.PdfDocument(render(build("en", Kind.PROFORMA))) as opened:
        inside = opened[0].get_textpage().get_text_bounded(left, bottom, right, top)
    assert inside.strip() == "https://portal.northwind.example/pay/inv_0192f3a1c7e8."
