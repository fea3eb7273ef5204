"""PDF/A-3B, tags and metadata, as far as validators that can be installed will say."""

import gc
import io
import re
import subprocess
import warnings
from pathlib import Path

import pdfua
import pikepdf
import pypdfium2  # type: ignore[import-untyped]
import pytest
from pikepdf import pdfa

from pdf import Identity, InvoiceDocument, Kind, archive, identity_of, render, xmp
from pdf.facturx import applies_to
from pdf.samples.documents import LANGUAGES, build, many_lines
from pdf.samples.gallery import gallery_documents
from tests.pdf.validator import Report, reports

DOCUMENTS = gallery_documents()
# The validator does not know XMP extension schemas (ISO 19005-3, 6.6.2.3.3), which Factur-X and PDF/UA prescribe.
UNKNOWN_TO_VALIDATOR = "ISO_19005_3:6.6.2.3.1-1"
NAMESPACES = [
    "planshift=urn:planshift:document:1#",
    "pdfaExtension=http://www.aiim.org/pdfa/ns/extension/",
    "pdfaSchema=http://www.aiim.org/pdfa/ns/schema#",
    "pdfaProperty=http://www.aiim.org/pdfa/ns/property#",
]
FX_NAMESPACE = "fx=urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#"
FX_PROPERTIES = ["fx:DocumentType", "fx:DocumentFileName", "fx:Version", "fx:ConformanceLevel"]
# Faults by name: what is replaced in a good file (padded with spaces), and rule and message of what is said of it.
FAULTS: dict[str, tuple[bytes, bytes, list[tuple[str, str]]]] = {
    "no-output-intent": (
        rb"/OutputIntents\[\d+ 0 R\]",
        b"",
        [
            ("pikepdf:output-intent", "no OutputIntents; device colour cannot be checked"),
            ("ISO_19005_3:6.2.4.3-2", "DeviceRGB used with OutputIntent colour space None"),  # on the page
            ("ISO_19005_3:6.2.4.3-2", "DeviceRGB used with OutputIntent colour space None"),  # in the logo
        ],
    ),
    "another-output-intent": (
        rb"/S/GTS_PDFA1",
        b"/S/GTS_PDFX1",
        [
            ("pikepdf:schema-OutputIntent", "only GTS_PDFA1 output intents are supported"),
            ("ISO_19005_3:6.2.4.3-2", "DeviceRGB used with OutputIntent colour space None"),
            ("ISO_19005_3:6.2.4.3-2", "DeviceRGB used with OutputIntent colour space None"),
        ],
    ),
    "attachment-without-relation": (
        rb"/AFRelationship/Alternative",
        b"/XFRelationship/Alternative",
        [
            ("ISO_19005_3:6.8-3", "the file specification shall contain /AFRelationship"),
            ("pikepdf:schema-FileSpec", "unrecognized key(s) /XFRelationship are not checked"),
            ("pikepdf:embedded-file", "embedded files are not supported"),
        ],
    ),
    "fonts-not-embedded": (
        rb"/FontFile2 \d+ 0 R",
        b"",
        [
            ("ISO_19005_3:6.2.11.4.1-1", "CIDFont is not embedded"),  # regular
            ("ISO_19005_3:6.2.11.4.1-1", "CIDFont is not embedded"),  # bold
        ],
    ),
}


def extension_schemas(document: InvoiceDocument, path: Path) -> list[list[str]]:
    """The findings on the metadata of this document: each says that the validator does not know an extension schema."""
    names = ["Provider", "Kind", *(["Number"] if document.number else []), "Reference"]
    properties = ["pdfuaid:part", *[f"planshift:{name}" for name in names], "pdfaExtension:schemas"]
    namespaces = NAMESPACES
    if applies_to(document):
        namespaces, properties = [*namespaces, FX_NAMESPACE], [*properties, *FX_PROPERTIES]
    named = [f"namespace {name}" for name in namespaces] + [f"property {name}" for name in properties]
    with pikepdf.open(path) as pdf:
        where = f"obj {pdf.Root.Metadata.objgen[0]} 0 (MetadataStream)"
    return [[UNKNOWN_TO_VALIDATOR, where, f"XMP {name} is not permitted", "violation"] for name in named]


def whole(verdict: str, findings: list[list[str]]) -> Report:
    """The report with these findings and no other."""
    rest: Report = {"flavour": "3b", "output_intent": "RGB", "save_kwargs": {}, "prepared": None}
    return {"verdict": verdict, "findings": findings, **rest}


def replaced(content: bytes, pattern: bytes, by: bytes) -> bytes:
    """The file with every match replaced, its objects where they were."""
    return re.sub(pattern, lambda found: by.ljust(len(found[0])), content)


def written(folder: Path, files: dict[str, bytes]) -> list[Path]:
    """The files by their names, as PDFs in this folder."""
    paths = [folder / f"{name}.pdf" for name in files]
    for path, content in zip(paths, files.values(), strict=True):
        path.write_bytes(content)
    return paths


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Report]]:
    """Each document as a file, with the report on it."""
    paths = written(
        tmp_path_factory.mktemp("gallery"), {name: render(document) for name, document in DOCUMENTS.items()}
    )
    return {path.stem: (path, report) for path, report in zip(paths, reports(paths), strict=True)}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_pdfa_qpdf_and_pdfua_have_nothing_to_say(name: str, gallery: dict[str, tuple[Path, Report]]) -> None:
    path, report = gallery[name]
    assert report == whole("fail", extension_schemas(DOCUMENTS[name], path))
    subprocess.run(["qpdf", "--check", str(path)], check=True, capture_output=True)
    assert pdfua.validate(str(path)).findings == ()


def test_with_plain_xmp_the_pdfa_verdict_is_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packet_of = xmp.packet

    def plain(*arguments: object) -> bytes:
        text = packet_of(*arguments).decode()  # type: ignore[arg-type]
        kept = [
            part
            for part in text.split("<rdf:Description")
            if not any(x in part for x in ("pdfuaid", "planshift:", "fx:", "pdfaE"))
        ]
        packet = "<rdf:Description".join(kept)
        return (packet if packet.endswith("?>") else packet + '</rdf:RDF></x:xmpmeta><?xpacket end="r"?>').encode()

    monkeypatch.setattr(archive, "packet", plain)
    paths = written(tmp_path, {language: render(build(language)) for language in LANGUAGES})
    assert reports(paths) == [whole("pass", [])] * len(LANGUAGES)


def test_the_validator_would_notice(tmp_path: Path) -> None:
    document = build("es")
    good = render(document)
    bad = {name: replaced(good, pattern, by) for name, (pattern, by, _) in FAULTS.items()}
    paths = written(tmp_path, bad)
    known = [(rule, message) for rule, _, message, _ in extension_schemas(document, paths[0])]
    said = {
        path.stem: [(rule, message) for rule, _, message, _ in report["findings"]]
        for path, report in zip(paths, reports(paths), strict=True)
    }
    assert said == {name: findings + known for name, (_, _, findings) in FAULTS.items()}


@pytest.mark.filterwarnings("ignore:unclosed <socket>$:ResourceWarning")  # the validator sees it all the same
def test_garbage_of_the_tests_is_not_held_against_a_document(tmp_path: Path) -> None:
    """As when the collector finds a socket that another test left open, at every collection."""
    document = build("en")
    (path,) = written(tmp_path, {"document": render(document)})

    def unclosed(_phase: str, _information: dict[str, int]) -> None:
        warnings.warn("unclosed <socket>", ResourceWarning, stacklevel=1)

    thresholds = gc.get_threshold()
    gc.callbacks.append(unclosed)
    gc.set_threshold(1)
    try:
        among_tests, alone = pdfa.validate_written(path, "3b"), reports([path])
    finally:
        gc.set_threshold(*thresholds)
        gc.callbacks.remove(unclosed)
    assert any("unclosed <socket>" in finding.message for finding in among_tests.violations), "the warning is planted"
    assert alone == [whole("fail", extension_schemas(document, path))]


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
