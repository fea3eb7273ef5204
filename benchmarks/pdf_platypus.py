"""The peer to beat first: ReportLab's own layout engine, platypus, as its user guide shows it."""

import io

from reportlab.lib.colors import Color, HexColor
from reportlab.lib.enums import TA_LEFT, TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, Image, Paragraph, SimpleDocTemplate, Spacer, Table

from benchmarks.pdf_content import Content
from pdf.faces import FONTS
from pdf.samples.documents import png_mark

_LOGO = png_mark()
_COLOURS = ("#1f3a93", "#1a2030", "#5d6575", "#dce0e7", "#f3f4fa")
_BRAND, _INK, _MUTED, _RULE, _GROUND = map(HexColor, _COLOURS)


class Platypus:
    """Fonts are registered once; styles are made once per language."""

    name = "reportlab platypus"

    def __init__(self, language: str) -> None:
        self._family = "NotoSansJP" if language == "ja" else "NotoSans"
        for weight in ("Regular", "Bold"):
            name = f"{self._family}-{weight}"
            pdfmetrics.registerFont(TTFont(name, str(FONTS / f"{name}.ttf")))
        self._shaping = 1 if language == "hi" else 0
        self.body, self.strong = self._style(9, False), self._style(9, True)
        self.small, self.label = self._style(8, False, _MUTED), self._style(7.5, True, _MUTED)
        self.right, self.total = self._style(9, False, right=True), self._style(11, True, right=True)
        self.title = self._style(23, True, _BRAND, right=True)

    def _style(self, size: float, bold: bool, colour: Color = _INK, right: bool = False) -> ParagraphStyle:
        return ParagraphStyle(
            "style",
            fontName=f"{self._family}-{'Bold' if bold else 'Regular'}",
            fontSize=size,
            leading=size * 1.44,
            textColor=colour,
            shaping=self._shaping,
            wordWrap="CJK" if self._family == "NotoSansJP" else None,
            alignment=TA_RIGHT if right else TA_LEFT,
        )

    def render(self, content: Content) -> bytes:
        out = io.BytesIO()
        template = SimpleDocTemplate(
            out,
            pagesize=A4,
            leftMargin=51,
            rightMargin=51,
            topMargin=48,
            bottomMargin=74,
            initialFontName=self.body.fontName,
        )

        def footer(canvas: Canvas, _document: SimpleDocTemplate) -> None:
            canvas.setFont(self.body.fontName, 7.5)
            canvas.drawString(51, 39, content.footer)
            canvas.drawRightString(544, 39, content.page)

        template.build(self._story(content), onFirstPage=footer, onLaterPages=footer)
        return out.getvalue()

    def _story(self, content: Content) -> list[Flowable]:
        facts = [[Paragraph(label, self.label), Paragraph(value, self.right)] for label, value in content.facts]
        head = [self._party(content.seller), self._party(content.buyer), Table(facts, [62, 93])]
        in_plan = (self.label, self.strong, self.small)
        plans = [[Paragraph(text, style) for text, style in zip(p, in_plan, strict=True)] for p in content.plans]
        headline = [Paragraph(text, self.total) for text in content.headline]
        rows: list[list[object]] = [[Paragraph(label, self.label) for label in content.header]]
        for description, small, *numbers in content.rows:
            cell = [Paragraph(description, self.body), *[Paragraph(text, self.small) for text in small.split("\n")]]
            rows.append([cell, *[Paragraph(number, self.right) for number in numbers]])
        *sums, last = content.totals
        totals = [[Paragraph(label, self.body), Paragraph(amount, self.right)] for label, amount in sums]
        totals.append([Paragraph(last[0], self.strong), Paragraph(last[1], self.total)])
        lines = [("LINEBELOW", (0, 0), (-1, 0), 1, _BRAND), ("LINEBELOW", (0, 1), (-1, -1), 0.5, _RULE)]
        after = [
            Paragraph(text, style)
            for pair in content.afterwords
            for text, style in zip(pair, (self.label, self.body), strict=True)
        ]
        return [
            Table([[Image(io.BytesIO(_LOGO), 126, 42), Paragraph(content.title, self.title)]], [246, 246]),
            Spacer(1, 30),
            Table([head], [162, 162, 169], style=[("VALIGN", (0, 0), (-1, -1), "TOP")]),
            Table([[*plans, headline]], [163, 163, 166], style=[("BACKGROUND", (0, 0), (-1, -1), _GROUND)]),
            Table(rows, [273, 44, 84, 92], style=lines, repeatRows=1),
            Table(totals, [190, 92], hAlign="RIGHT"),
            *after,
        ]

    def _party(self, lines: list[str]) -> list[Paragraph]:
        styles = [self.label, self.strong, *[self.body] * len(lines)]
        return [Paragraph(line, style) for line, style in zip(lines, styles, strict=False)]
