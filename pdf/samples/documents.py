"""Invented invoices in four languages, for the gallery, the tests and the benchmark. Every sum is right.

`build` makes an ordinary document; `edge_cases()` are the awkward ones, by name.
"""

from dataclasses import replace
from datetime import date
from decimal import Decimal

from domain.money import Money, Rounding, divide_rounded
from pdf.samples.stories import MARK, STORIES, Story
from pdf.values import Brand, InvoiceDocument, Kind, Line, Logo, Party, PrintedPlan, Tax

LANGUAGES = ("en", "es", "ja", "hi")
ISSUED, DUE, RENEWAL = date(2026, 3, 12), date(2026, 3, 19), date(2026, 4, 1)
SUPPLY = (date(2026, 3, 12), date(2026, 3, 31))


def build(
    language: str,
    kind: Kind = Kind.INVOICE,
    lines: tuple[Line, ...] | None = None,
    serial: int = 7,
    credit: int = 0,
) -> InvoiceDocument:
    """A consistent document of the language's story: net, tax and totals follow from the lines."""
    story = STORIES[language]
    lines = lines or _story_lines(story, -1 if kind is Kind.CREDIT_NOTE else 1)
    nothing = Money.zero(story.currency)
    net = sum((line.amount for line in lines), nothing)
    label, percent = story.tax
    numerator, denominator = Decimal(percent).as_integer_ratio()
    tax = Money(divide_rounded(net.amount * numerator, 100 * denominator, Rounding.HALF_UP), story.currency)
    applied = Money(credit, story.currency)
    document = InvoiceDocument(
        kind=kind,
        provider="prv_0192f3a1b6d2",
        number=None if kind is Kind.PROFORMA else f"DNS-2026-{serial:06d}",
        reference=f"inv_0192f3a1c7e8{serial:06d}",
        issued_on=ISSUED,
        due_on=DUE,
        locale=language,
        seller=story.seller,
        buyer=story.buyer,
        before=story.before,
        after=story.after,
        lines=lines,
        net=net,
        taxes=(Tax(label, percent, net, tax),),
        total=net + tax,
        credit_applied=applied,
        amount_due=net + tax - applied,
        supply=SUPPLY,
        paid_on=ISSUED if kind is Kind.INVOICE else None,
        next_renewal=(RENEWAL, story.after.price),
        payment_instructions=story.pay,
        brand=Brand("#1f3a93", Logo(MARK, story.seller.name)),
    )
    return _as_credit_note(document, serial) if kind is Kind.CREDIT_NOTE else document


def _story_lines(story: Story, sign: int) -> tuple[Line, ...]:
    amounts = [(text, arithmetic, Money(sign * minor, story.currency)) for text, arithmetic, minor in story.lines]
    return tuple(
        Line(text, amount, arithmetic, "credit" if amount.amount < 0 else "charge", period=SUPPLY)
        for text, arithmetic, amount in amounts
    )


def _as_credit_note(document: InvoiceDocument, serial: int) -> InvoiceDocument:
    return replace(
        document,
        number=f"CN-2026-{serial:06d}",
        corrects="DNS-2026-000003",
        amount_due=Money.zero(document.currency),
        due_on=None,
        before=None,
        after=None,
        next_renewal=None,
    )


def many_lines(language: str, count: int) -> InvoiceDocument:
    """`count` lines with quantities, so that the table needs more than one page from about 25 on."""
    story = STORIES[language]
    text, arithmetic, _ = story.lines[0]
    lines = tuple(
        Line(
            f"{text} · {number}",
            Money(number * (100 + 37 * number), story.currency),
            arithmetic if number % 3 == 0 else "",
            quantity=number,
            unit_price=Money(100 + 37 * number, story.currency),
            period=SUPPLY if number % 4 == 0 else None,
        )
        for number in range(1, count + 1)
    )
    return build(language, lines=lines)


def edge_cases() -> dict[str, InvoiceDocument]:
    """The awkward ones."""
    english, spanish = build("en"), build("es")
    return {
        "long-names-en": _long_names(english),
        "no-logo-light-colour-en": replace(english, brand=Brand("#ffd54a"), paid_on=None),
        "png-logo-es": replace(spanish, brand=Brand("#b3261e", Logo(png_mark(), "Viento Norte"))),
        "credit-covers-all-en": replace(
            build("en", credit=1745),
            paid_on=None,
            payment_instructions=None,
            notes=("Paid in full by account credit.",),
        ),
        "renewal-ja": replace(build("ja"), before=None, after=STORIES["ja"].before, paid_on=None),
        "japanese-customer-en": replace(english, buyer=STORIES["ja"].buyer),
        "hindi-customer-es": replace(spanish, buyer=STORIES["hi"].buyer, locale="es-AR"),
        "reverse-charge-eu": _reverse_charge(spanish),
        "two-rates-es": _two_rates(),
        **{f"prices-with-tax-{language}": _prices_with_tax(build(language)) for language in LANGUAGES},
        **{f"many-lines-{language}": many_lines(language, 60) for language in LANGUAGES},
    }


def _long_names(document: InvoiceDocument) -> InvoiceDocument:
    name = "The Honourable Society of Transcontinental Nameserver Operators and Zone File Archivists (North), Inc."
    address = ("Attention: Department of Accounts Payable, Incoming Invoices and Related Correspondence", "x" * 70)
    email = "accounts.payable.incoming.invoices@a-rather-long-domain-name.example"
    plan, cycle = "Enterprise Anycast with Signed Zones", "every three years, prepaid"
    return replace(
        document,
        buyer=Party(name, address, "LI", "LI-0123456789-ABCDEFGHIJKLMNOPQRSTUVWXYZ", email),
        before=PrintedPlan(plan, cycle, Money(1234567890, "USD")),
        after=PrintedPlan(f"{plan} Plus", cycle, Money(9876543210, "USD")),
    )


def _reverse_charge(document: InvoiceDocument) -> InvoiceDocument:
    sentence = "Reverse charge: VAT to be accounted for by the recipient (Article 196, Directive 2006/112/EC)."
    return replace(
        document,
        locale="en",
        buyer=Party("Müßiggang & Söhne GmbH", ("Straße 1", "10115 Berlin"), "DE", "DE136695976"),
        taxes=(Tax("VAT", "0", document.net, Money(0, "EUR"), "AE", sentence),),
        total=document.net,
        amount_due=document.net,
    )


def _two_rates() -> InvoiceDocument:
    def euro(minor: int) -> Money:
        return Money(minor, "EUR")

    lines = (
        Line("Alojamiento web", euro(10000), quantity=2, unit_price=euro(5000), tax_percent="21"),
        Line("Manual impreso", euro(2000), tax_percent="4"),
        Line("Devolución de un manual", euro(-500), kind="credit", quantity=-1, unit_price=euro(500), tax_percent="4"),
    )
    taxes = (Tax("IVA", "21", euro(10000), euro(2100)), Tax("IVA", "4", euro(1500), euro(60)))
    return replace(
        build("es", lines=lines), taxes=taxes, total=euro(13660), amount_due=euro(13660), before=None, after=None
    )


def _prices_with_tax(document: InvoiceDocument) -> InvoiceDocument:
    """The same total, of lines that hold its tax."""
    (tax,) = document.taxes
    charge, credit = document.lines
    held = Line(f"{tax.label}, held by prices", -tax.amount, kind="included_tax", tax_percent=tax.percent)
    with_tax = replace(charge, amount=charge.amount + tax.amount, arithmetic="")
    return replace(document, lines=(with_tax, credit, held))


def png_mark() -> bytes:
    """A small PNG with an alpha channel."""
    import io

    from PIL import Image, ImageDraw

    image = Image.new("RGBA", (480, 160), (255, 255, 255, 0))
    draw = ImageDraw.Draw(image)
    draw.ellipse((10, 10, 150, 150), fill=(179, 38, 30, 255))
    draw.rectangle((190, 50, 460, 80), fill=(179, 38, 30, 255))
    draw.rectangle((190, 100, 380, 120), fill=(230, 170, 166, 255))
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
