"""A peer: typst, one compiler kept for all documents, the content passed as JSON."""

import json
import tempfile
from dataclasses import asdict
from pathlib import Path

import typst

from benchmarks.pdf_content import Content
from pdf.faces import FONTS
from pdf.samples.stories import MARK

_TEMPLATE = """
#let d = json(bytes(sys.inputs.data))
#let small(body) = text(8pt, fill: rgb("#5d6575"), body)
#let label(body) = text(7.5pt, weight: "bold", fill: rgb("#5d6575"), body)
#set document(title: d.title, author: d.seller.at(1))
#set page(paper: "a4", margin: (x: 51pt, top: 48pt, bottom: 74pt),
  footer: text(7.5pt, grid(columns: (1fr, auto), d.footer, d.page)))
#set text(9pt, font: ("FAMILY", "FALLBACK"), lang: d.language, fill: rgb("#1a2030"))
#set par(leading: 4pt)
#grid(columns: (auto, 1fr), image(bytes("LOGO"), height: 42pt, alt: "logo"),
  align(right, text(23pt, weight: "bold", fill: rgb("#1f3a93"), heading(outlined: false, d.title))))
#let party(lines) = stack(spacing: 4pt, label(lines.first()), strong(lines.at(1)), ..lines.slice(2))
#grid(columns: (1fr, 1fr, 1fr), gutter: 18pt, party(d.seller), party(d.buyer),
  grid(columns: (auto, 1fr), row-gutter: 5pt, ..d.facts.map(f => (label(f.at(0)), align(right, f.at(1)))).flatten()))
#block(fill: rgb("#f3f4fa"), radius: 5pt, inset: 14pt, width: 100%,
  grid(columns: (1fr, 1fr, auto),
    ..d.plans.map(p => stack(spacing: 4pt, label(p.at(0)), strong(p.at(1)), small(p.at(2)))),
    align(right, stack(spacing: 4pt, ..d.headline.map(strong)))))
#table(columns: (1fr, 44pt, 84pt, 92pt), stroke: none, align: (left, right, right, right),
  table.header(..d.header.map(h => label(h)), table.hline(stroke: 1pt + rgb("#1f3a93"))),
  ..d.rows.map(r => (stack(spacing: 4pt, r.at(0), ..r.at(1).split("\\n").map(small)), r.slice(2))).flatten())
#align(right, block(width: 58%, table(columns: (1fr, 92pt), stroke: none, align: (left, right), ..d.totals.flatten())))
#for (name, body) in d.afterwords [#label(name) \\ #body]
"""


class Typst:
    """Fonts are the shipped ones alone."""

    name = "typst"

    def __init__(self, language: str) -> None:
        families = ("Noto Sans JP", "Noto Sans") if language == "ja" else ("Noto Sans", "Noto Sans JP")
        template = _TEMPLATE.replace("FAMILY", families[0]).replace("FALLBACK", families[1])
        template = template.replace("LOGO", MARK.decode().replace('"', '\\"'))
        self._folder = tempfile.TemporaryDirectory()  # a compiler keeps its main file only if it is a file
        path = Path(self._folder.name) / "invoice.typ"
        path.write_text(template)
        self._compiler = typst.Compiler(str(path), font_paths=[str(FONTS)], ignore_system_fonts=True)

    def render(self, content: Content) -> bytes:
        made = self._compiler.compile(format="pdf", sys_inputs={"data": json.dumps(asdict(content))})
        assert isinstance(made, bytes)
        return made
