"""The texts of the invented invoices: one small story in each language. Every sum is right."""

from dataclasses import dataclass

from domain.money import Money
from pdf.values import Party, PrintedPlan

MARK = b"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 150 44">
<path fill="#1f3a93" fill-rule="evenodd" d="M22 0a22 22 0 1 1 0 44A22 22 0 0 1 22 0zm0 9l-13 21h8l5-9 5 9h8z"/>
<g fill="#1f3a93"><rect x="56" y="9" width="86" height="11" rx="2"/></g>
<rect x="56" y="26" width="58" height="8" rx="2" fill="#9aa7d4"/>
</svg>"""


@dataclass(frozen=True, slots=True)
class Story:
    """The texts of one language: (description, arithmetic, amount, quantity) a line."""

    currency: str
    seller: Party
    buyer: Party
    before: PrintedPlan
    after: PrintedPlan
    lines: tuple[tuple[str, str, int], ...]
    tax: tuple[str, str]
    pay: str


def _plan(name: str, cycle: str, minor: int, currency: str) -> PrintedPlan:
    return PrintedPlan(name, cycle, Money(minor, currency))


STORIES = {
    "en": Story(
        "USD",
        Party(
            "Northwind DNS, Inc.",
            ("500 Market Street, Suite 1200", "San Francisco, CA 94105"),
            "US",
            "12-3456789",
            "billing@northwind.example",
        ),
        Party(
            "Analytical Engines LLC",
            ("Ada Lovelace", "12 St James Square", "Austin, TX 78701"),
            "US",
            None,
            "ada@engines.example",
        ),
        _plan("Basic", "monthly", 500, "USD"),
        _plan("Business", "monthly", 3000, "USD"),
        (
            ("Business, monthly, for the rest of the period", "$30.00 × 20 of 31 days", 1935),
            ("Credit for unused time on Basic", "$5.00 × 20 of 31 days", -323),
        ),
        ("Sales tax", "8.25"),
        "Pay by card or bank transfer: https://portal.northwind.example/pay/inv_0192f3a1c7e8.\n"
        "Please quote the reference above.",
    ),
    "es": Story(
        "EUR",
        Party(
            "Viento Norte Nube, S.L.",
            ("Calle de Alcalá 45, 3.º dcha.", "28014 Madrid"),
            "ES",
            "B12345674",
            "facturación@vientonorte.example",
        ),
        Party(
            "Ingeniería Peñalara, S.A.",
            ("Administración, ventanilla única", "Avinguda Diagonal 211", "08018 Barcelona"),
            "ES",
            "A58818501",
            "facturas@penalara.example",
        ),
        _plan("Básico", "mensual", 1200, "EUR"),
        _plan("Equipo", "mensual", 450000, "EUR"),
        (
            ("Equipo, mensual, por el resto del periodo", "4.500,00 € × 20 de 31 días", 290323),
            ("Abono por el tiempo no usado de Básico", "12,00 € × 20 de 31 días", -774),
        ),
        ("IVA", "21"),
        "Pague con tarjeta o transferencia desde su página de cuenta.\nIndique la referencia de este documento.",
    ),
    "ja": Story(
        "JPY",
        Party(
            "株式会社ノースウインドクラウド",
            ("〒100-0005", "東京都千代田区丸の内1-9-1", "グラントウキョウ8階"),
            "JP",
            "T1234567890123",
            "billing@northwind.example",
        ),
        Party(
            "分析機関合同会社",
            ("経理部 御中", "〒530-0001", "大阪府大阪市北区梅田3-1-3 ノースゲートビルディング17階"),
            "JP",
            None,
            "keiri@engines.example",
        ),
        _plan("ベーシック", "月払い", 500, "JPY"),
        _plan("ビジネス", "月払い", 3000, "JPY"),
        (
            ("ビジネス（月払い）残り期間分", "￥3,000 × 31日のうち20日", 1935),
            ("ベーシック未使用期間分の控除", "￥500 × 31日のうち20日", -323),
        ),
        ("消費税", "10"),
        "アカウントページからクレジットカードまたは銀行振込でお支払いください。\nお振込の際は整理番号をご記入ください。",
    ),
    "hi": Story(
        "INR",
        Party(
            "नॉर्थविंड क्लाउड प्राइवेट लिमिटेड",
            ("४२, महात्मा गांधी मार्ग", "बेंगलुरु, कर्नाटक 560001"),
            "IN",
            "29ABCDE1234F1Z5",
            "billing@northwind.example",
        ),
        Party(
            "विश्लेषण यंत्र लिमिटेड",
            ("लेखा एवं भुगतान विभाग", "15, कनॉट प्लेस", "नई दिल्ली 110001"),
            "IN",
            "07FGHIJ5678K1Z2",
            "lekha@engines.example",
        ),
        _plan("बेसिक", "मासिक", 49900, "INR"),
        _plan("व्यवसाय", "मासिक", 2499900, "INR"),
        (
            ("व्यवसाय, मासिक, शेष अवधि के लिए", "₹24,999.00 × 31 में से 20 दिन", 1612839),
            ("बेसिक की अप्रयुक्त अवधि का क्रेडिट", "₹499.00 × 31 में से 20 दिन", -32194),
        ),
        ("जीएसटी", "18"),
        "अपने खाता पृष्ठ से कार्ड या बैंक ट्रांसफ़र द्वारा भुगतान करें।\nकृपया ऊपर दी गई संदर्भ संख्या लिखें।",
    ),
}
