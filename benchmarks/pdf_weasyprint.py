"""A peer: WeasyPrint, HTML and CSS, with style sheet and font configuration kept between documents."""

from html import escape

from weasyprint import CSS, HTML
from weasyprint.text.fonts import FontConfiguration

from benchmarks.pdf_content import Content
from pdf.faces import FONTS
from pdf.samples.stories import MARK

_LOGO = MARK.decode()
_STYLE = """
@font-face { font-family: Invoice; src: url(file://%(regular)s) }
@font-face { font-family: Invoice; font-weight: bold; src: url(file://%(bold)s) }
@page { size: A4; margin: 48pt 51pt 74pt; @bottom-left { content: string(footer); font: 7.5pt Invoice } }
body { font: 9pt/1.44 Invoice; color: #1a2030 } footer { string-set: footer content(); height: 0; overflow: hidden }
h1 { font-size: 23pt; color: #1f3a93; text-align: right }
small, .label { font-size: 8pt; color: #5d6575; display: block }
.label { font-weight: bold; font-size: 7.5pt }
.top { display: flex; justify-content: space-between } .top svg { height: 42pt }
.head { display: flex; gap: 18pt } .head > * { flex: 1 }
.plans { background: #f3f4fa; border-radius: 5pt; padding: 14pt; display: flex } .plans > * { flex: 1 }
table { border-collapse: collapse; width: 100%% } th { border-bottom: 1pt solid #1f3a93; text-align: left }
td { border-bottom: .5pt solid #dce0e7; padding: 6pt 0; vertical-align: top } td + td, th + th { text-align: right }
.totals { width: 58%%; margin-left: 42%% } .totals td { border: 0; padding: 2pt 0 }
"""


class WeasyPrint:
    """As its documentation advises for many documents."""

    name = "weasyprint"

    def __init__(self, language: str) -> None:
        family = "NotoSansJP" if language == "ja" else "NotoSans"
        paths = {"regular": FONTS / f"{family}-Regular.ttf", "bold": FONTS / f"{family}-Bold.ttf"}
        self._fonts = FontConfiguration()
        self._style = CSS(string=_STYLE % paths, font_config=self._fonts)

    def render(self, content: Content) -> bytes:
        html = HTML(string=_page(content))
        made: bytes = html.write_pdf(stylesheets=[self._style], font_config=self._fonts)
        return made


def _page(content: Content) -> str:
    def party(lines: list[str]) -> str:
        label, name, *rest = map(escape, lines)
        return f"<div><span class=label>{label}</span><b>{name}</b><br>{'<br>'.join(rest)}</div>"

    facts = "".join(f"<span class=label>{escape(label)}</span>{escape(value)}" for label, value in content.facts)
    plans = "".join(
        f"<div><span class=label>{escape(label)}</span><b>{escape(name)}</b><small>{escape(price)}</small></div>"
        for label, name, price in content.plans
    )
    plans += f"<div>{'<br>'.join(map(escape, content.headline))}</div>"
    rows = "".join(
        f"<tr><td>{escape(text)}<small>{escape(small).replace(chr(10), '<br>')}</small><td>{'<td>'.join(numbers)}"
        for text, small, *numbers in content.rows
    )
    totals = "".join(f"<tr><td>{escape(label)}<td>{escape(amount)}" for label, amount in content.totals)
    after = "".join(f"<p><span class=label>{escape(label)}</span>{escape(text)}" for label, text in content.afterwords)
    header = "".join(f"<th>{escape(label)}" for label in content.header)
    parties = party(content.seller) + party(content.buyer)
    return (
        f"<html lang={content.language}><title>{escape(content.title)}</title><footer>{escape(content.footer)}</footer>"
        f"<div class=top>{_LOGO}<h1>{escape(content.title)}</h1></div><div class=head>{parties}<div>{facts}</div>"
        f"</div><div class=plans>{plans}</div><table><thead><tr>{header}<tbody>{rows}</table>"
        f"<table class=totals>{totals}</table>{after}"
    )
