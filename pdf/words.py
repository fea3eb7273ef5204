"""The words of the form itself, in each language: titles, labels and the few sentences that we write.

Everything else on the page comes from the catalogue or the customer. Braces are filled in by the layout.
"""

from dataclasses import dataclass

from pdf.values import Kind


@dataclass(frozen=True, slots=True)
class Words:
    """One language. `titles` by kind of document."""

    titles: dict[Kind, str]
    number: str
    reference: str
    issued: str
    due: str
    period: str
    corrects: str
    seller: str
    buyer: str
    tax_id: str
    plan: str
    before: str
    after: str
    each_cycle: str  # price per cycle of a plan
    description: str
    quantity: str
    unit_price: str
    amount: str
    subtotal: str
    before_tax: str  # where the lines above contain tax
    tax: str
    contained: str
    rounding: str
    total: str
    credit_applied: str
    payment: str
    amount_due: str
    credited: str
    due_by: str
    nothing_due: str
    paid: str
    paid_on: str
    renewal: str
    renewal_sentence: str
    how_to_pay: str
    notes: str
    proforma_note: str
    page: str
    continued: str
    logo_of: str


_EN = Words(
    titles={Kind.PROFORMA: "Proforma invoice", Kind.INVOICE: "Invoice", Kind.CREDIT_NOTE: "Credit note"},
    number="Number",
    reference="Reference",
    issued="Issued",
    due="Due",
    period="Period",
    corrects="Corrects invoice",
    seller="From",
    buyer="Bill to",
    tax_id="Tax ID {number}",
    plan="Plan",
    before="Plan before",
    after="New plan",
    each_cycle="{price} · {cycle}",
    description="Description",
    quantity="Qty",
    unit_price="Unit price",
    amount="Amount",
    subtotal="Subtotal",
    before_tax="Total before tax",
    tax="{label} {percent} on {base}",
    contained="{tax}, contained in the prices above",
    rounding="Rounding",
    total="Total",
    credit_applied="Account credit applied",
    payment="Paid on {date}",
    amount_due="Amount due",
    credited="Credited to your account",
    due_by="Due by {date}",
    nothing_due="Nothing to pay",
    paid="Paid",
    paid_on="Paid on {date}",
    renewal="Next renewal",
    renewal_sentence="{date}, {price}",
    how_to_pay="How to pay",
    notes="Notes",
    proforma_note="This is a request for payment, not a tax invoice. The invoice follows once you have paid.",
    page="Page {page} of {pages}",
    continued="continued",
    logo_of="Logo of {name}",
)

_ES = Words(
    titles={Kind.PROFORMA: "Factura proforma", Kind.INVOICE: "Factura", Kind.CREDIT_NOTE: "Factura rectificativa"},
    number="Número",
    reference="Referencia",
    issued="Fecha de emisión",
    due="Vencimiento",
    period="Periodo",
    corrects="Rectifica la factura",
    seller="Emisor",
    buyer="Cliente",
    tax_id="Id. fiscal {number}",
    plan="Plan",
    before="Plan anterior",
    after="Plan nuevo",
    each_cycle="{price} · {cycle}",
    description="Descripción",
    quantity="Cant.",
    unit_price="Precio unitario",
    amount="Importe",
    subtotal="Base imponible",
    before_tax="Base imponible",
    tax="{label} {percent} sobre {base}",
    contained="{tax}, contenido en los precios anteriores",
    rounding="Redondeo",
    total="Total",
    credit_applied="Saldo a favor aplicado",
    payment="Pagado el {date}",
    amount_due="Total a pagar",
    credited="Abonado en su cuenta",
    due_by="Vence el {date}",
    nothing_due="Nada que pagar",
    paid="Pagada",
    paid_on="Pagada el {date}",
    renewal="Próxima renovación",
    renewal_sentence="{date}, {price}",
    how_to_pay="Forma de pago",
    notes="Observaciones",
    proforma_note="Este documento es una solicitud de pago y no una factura. Recibirá la factura cuando haya pagado.",
    page="Página {page} de {pages}",
    continued="continuación",
    logo_of="Logotipo de {name}",
)

_JA = Words(
    titles={Kind.PROFORMA: "プロフォーマ請求書", Kind.INVOICE: "請求書", Kind.CREDIT_NOTE: "返還請求書"},
    number="番号",
    reference="整理番号",
    issued="発行日",
    due="お支払期限",
    period="ご利用期間",
    corrects="対象の請求書",
    seller="発行元",
    buyer="請求先",
    tax_id="登録番号 {number}",
    plan="プラン",
    before="変更前のプラン",
    after="変更後のプラン",
    each_cycle="{price}・{cycle}",
    description="品目",
    quantity="数量",
    unit_price="単価",
    amount="金額",
    subtotal="小計",
    before_tax="税抜合計",
    tax="{label} {percent}（対象 {base}）",
    contained="{tax}、上記の料金に含まれます",
    rounding="端数調整",
    total="合計",
    credit_applied="残高充当額",
    payment="{date}お支払済み",
    amount_due="ご請求金額",
    credited="アカウント残高への返還額",
    due_by="お支払期限 {date}",
    nothing_due="お支払いは不要です",
    paid="お支払済み",
    paid_on="{date}お支払済み",
    renewal="次回更新",
    renewal_sentence="{date} {price}",
    how_to_pay="お支払方法",
    notes="備考",
    proforma_note="本書はお支払いのご案内であり、適格請求書ではありません。請求書はお支払い後に発行いたします。",
    page="{page} / {pages} ページ",
    continued="続き",
    logo_of="{name}のロゴ",
)

_HI = Words(
    titles={Kind.PROFORMA: "प्रोफ़ॉर्मा इनवॉइस", Kind.INVOICE: "इनवॉइस", Kind.CREDIT_NOTE: "क्रेडिट नोट"},
    number="संख्या",
    reference="संदर्भ",
    issued="जारी करने की तिथि",
    due="भुगतान की अंतिम तिथि",
    period="अवधि",
    corrects="संशोधित इनवॉइस",
    seller="विक्रेता",
    buyer="ग्राहक",
    tax_id="कर पहचान संख्या {number}",
    plan="प्लान",
    before="पिछला प्लान",
    after="नया प्लान",
    each_cycle="{price} · {cycle}",
    description="विवरण",
    quantity="मात्रा",
    unit_price="इकाई मूल्य",
    amount="राशि",
    subtotal="उप-योग",
    before_tax="कर से पहले का योग",
    tax="{label} {percent}, {base} पर",
    contained="{tax}, ऊपर के मूल्यों में शामिल",
    rounding="पूर्णांकन",
    total="कुल योग",
    credit_applied="खाते से लगाया गया क्रेडिट",
    payment="{date} को भुगतान हुआ",
    amount_due="देय राशि",
    credited="आपके खाते में जमा",
    due_by="{date} तक देय",
    nothing_due="कुछ भी देय नहीं",
    paid="भुगतान हो चुका",
    paid_on="{date} को भुगतान हुआ",
    renewal="अगला नवीनीकरण",
    renewal_sentence="{date}, {price}",
    how_to_pay="भुगतान कैसे करें",
    notes="टिप्पणियाँ",
    proforma_note="यह भुगतान का अनुरोध है, कर इनवॉइस नहीं। भुगतान के बाद इनवॉइस भेजा जाएगा।",
    page="पृष्ठ {page} / {pages}",
    continued="जारी",
    logo_of="{name} का लोगो",
)

WORDS = {"en": _EN, "es": _ES, "ja": _JA, "hi": _HI}
