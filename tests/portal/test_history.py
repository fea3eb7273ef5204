"""The history of a service in each language: what was taken back, called off, refused and rejected, by whom and why."""

from __future__ import annotations

import re
from collections.abc import Callable

from tests.portal.test_paying import checkout_of, press
from tests.portal.test_steps import YEAR, hosting_customer
from tests.portal.visitor import Visitor
from tests.support.client import ApiClient
from tests.support.gateway_money import refund_at_the_gateway

# What a change's row says in this order. What was written down when it happened stays in the customer's own language.
TOO_SMALL, FULL = "Plans cannot be made smaller", "No servers are free."
SAID = {
    "en": {
        "Web M → Web L": ("July 1, 2027", "Taken back", "July 1, 2027", "Your payment went back."),
        "Web L → Web M": ("July 1, 2027, automatically", "Done", "July 1, 2027"),
        "Web M → VPS 1": ("July 1, 2027", "Called off", "July 1, 2027, by you"),
        "Web M → Web S": ("July 1, 2027", "Refused", "July 1, 2027", TOO_SMALL),
        "Radio 100 → VPS 1": ("July 1, 2027", "Refused", "July 1, 2027, by our staff", FULL),
    },
    "es": {
        "Web M → Web L": ("1 de julio de 2027", "Deshecho", "1 de julio de 2027", "Su pago fue devuelto."),
        "Web L → Web M": ("1 de julio de 2027, automáticamente", "Hecho", "1 de julio de 2027"),
        "Web M → VPS 1": ("1 de julio de 2027", "Cancelado", "1 de julio de 2027, por usted"),
        "Web M → Web S": ("1 de julio de 2027", "Rechazado", "1 de julio de 2027", TOO_SMALL),
        "Radio 100 → VPS 1": ("1 de julio de 2027", "Rechazado", "1 de julio de 2027, por nuestro personal", FULL),
    },
    "ja": {
        "Web M → Web L": ("2027年7月1日", "取り消して元に戻しました", "2027年7月1日", "お支払いは返金されました。"),
        "Web L → Web M": ("2027年7月1日", "自動", "完了", "2027年7月1日"),
        "Web M → VPS 1": ("2027年7月1日", "取り消し済み", "2027年7月1日", "お客様による"),
        "Web M → Web S": ("2027年7月1日", "却下", "2027年7月1日", TOO_SMALL),
        "Radio 100 → VPS 1": ("2027年7月1日", "却下", "2027年7月1日", "担当者による", FULL),
    },
    "hi": {
        "Web M → Web L": ("1 जुलाई 2027", "वापस लिया गया", "1 जुलाई 2027", "आपका भुगतान लौट गया।"),
        "Web L → Web M": ("1 जुलाई 2027", "अपने आप", "पूरा", "1 जुलाई 2027"),
        "Web M → VPS 1": ("1 जुलाई 2027", "रद्द", "1 जुलाई 2027", "आपके द्वारा"),
        "Web M → Web S": ("1 जुलाई 2027", "अस्वीकृत", "1 जुलाई 2027", TOO_SMALL),
        "Radio 100 → VPS 1": ("1 जुलाई 2027", "अस्वीकृत", "1 जुलाई 2027", "हमारे कर्मचारियों द्वारा", FULL),
    },
}
TAKEN_BACK = {
    "en": "Your payment went back, so the change to Web L was taken back as well.",
    "es": "Su pago fue devuelto, así que el cambio a Web L también se deshizo.",
    "ja": "お支払いが返金されたため、Web Lへの変更も取り消されました。",
    "hi": "आपका भुगतान लौट गया, इसलिए Web L में किया गया बदलाव भी वापस लिया गया।",
}


def upgraded_and_refunded(customer: Visitor) -> str:
    """Web M → Web L, paid, and all of it sent back; the page of its invoice."""
    page = customer.submit(customer.review("web-l"), "/accept").url.path
    checkout = checkout_of(customer)
    press(checkout, "pay")
    customer.see(page, "Web L")
    hosting, change = customer.frontend, str(customer.changes()[0]["id"])
    hosting.wait_for(change, "applied")
    refund_at_the_gateway(hosting.provider, checkout, 15_000)  # 300.00 - 150.00
    hosting.wait_for(change, "reversed")
    return page


def called_off_refused_and_rejected(customer: Visitor) -> None:
    hosting = customer.frontend
    customer.submit(customer.review("vps-1"), "/accept")
    checkout_of(customer)
    customer.submit(customer.get(f"/portal/changes/{customer.changes()[0]['id']}/cancel"), "/cancel")
    free = {"accept_total": {"amount": 0, "currency": "USD"}}
    hosting.wait_for(hosting.request("zone", "web-s", "annual", "smaller", free), "refused")
    hosting.new_service("radio", "radio-100", "USD", "AR", YEAR, "annual", owner="zone")
    customer.submit(customer.review("vps-1", "radio"), "/accept")
    [asked] = hosting.call("GET", "/v1/plan-changes?service=radio")["items"]
    hosting.wait_for(asked["id"], "awaiting_review")
    no = {"actor": "ana", "reason": FULL}
    hosting.call("POST", f"/v1/plan-changes/{asked['id']}/reject", no, scope="ops")


def rows(page: str) -> dict[str, str]:
    """The text of each row of a table, by its heading."""
    found = re.findall(r'<tr role="row">\s*<th scope="row"[^>]*>(.*?)</th>(.*?)</tr>', page, re.DOTALL)
    return {plain(heading): plain(cells) for heading, cells in found}


def plain(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split()).replace(" ,", ",")


def test_the_history_has_its_words_in_each_language(frontend: Callable[..., ApiClient]) -> None:
    customer = hosting_customer(frontend, "web-m")
    page = upgraded_and_refunded(customer)
    called_off_refused_and_rejected(customer)
    for language, said in SAID.items():
        customer.submit(customer.get("/portal/services"), "/language", language=language)
        history: dict[str, str] = {}
        for ref in ("zone", "radio"):
            history |= rows(customer.get(f"/portal/services/{customer.service_id(ref)}").text)
        for change, words in said.items():
            in_order = ".*".join(map(re.escape, words))
            assert re.search(in_order, history[change]), f"{language}: {history[change]}"
        assert TAKEN_BACK[language] in plain(customer.get(page).text)
