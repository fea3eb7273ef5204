"""Both providers' help pages, walked as their text says, each in its customers' language; and the questions that they
answer, answered on the page where they arise."""

from __future__ import annotations

from collections.abc import Callable

import httpx

from tests.portal.test_paying import checkout_of, press
from tests.portal.test_steps import hosting_customer
from tests.portal.visitor import AUGUST, JULY, NOON_17_JULY, Visitor, visitor
from tests.support import loopback
from tests.support.client import ApiClient

Make = Callable[..., ApiClient]


def spanish_customer(make: Make, plan: str) -> Visitor:
    person = {"name": "Ana Núñez", "email": "ana@hosting.invalid", "country": "AR", "locale": "es-AR"}
    return hosting_customer(make, plan, **person)


def step(page: httpx.Response, customer: Visitor, words: str) -> httpx.Response:
    """Follows the link that says this."""
    before, found, _ = page.text.partition(words)
    assert found, f"{words!r} is not on {page.url}"
    return customer.get(before.rpartition('href="')[2].partition('"')[0].replace("&amp;", "&"))


def test_the_spanish_upgrade(frontend: Make) -> None:
    """Servicio → Actualizar → categoría → paquete → periodo → factura → pago → automático. 150 - 100 = 50."""
    customer = spanish_customer(frontend, "web-s")
    page = step(customer.get("/portal/services"), customer, ">zone</a>")
    page = step(page, customer, "Cambiar de plan</a>")
    page = step(page, customer, "Hosting web</a>")
    page = step(page, customer, 'Elegir<span class="hidden"> Web M')
    assert "Anual" in page.text
    page = customer.submit(page, "/quotes", cycle="annual")
    for words in ("Web S", "Web M", "Total a pagar hoy", "50,00", "Confirmar y pagar"):
        assert words in page.text
    paying = customer.submit(page, "/accept").url.path
    press(checkout_of(customer), "pay")
    customer.see(paying, "Su plan ahora es Web M.")
    assert "Web M" in customer.get("/portal/services").text
    assert customer.frontend.hosted("zone")["plan"] == "web-m"


def test_each_pair_of_the_spanish_provider_says_what_is_so(frontend: Make) -> None:
    """Web to VPS is automatic; radio to VPS is asked of staff; down is ordered anew."""
    web = spanish_customer(frontend, "web-m")
    path = f"/portal/services/{web.service_id()}/change"
    assert 'Elegir<span class="hidden"> VPS 1' in web.get(f"{path}?category=vps").text
    radio = web.get(f"{path}?category=radio").text
    assert "A pedido" in radio
    assert "facturas@hosting.example" in radio
    down = web.get(path)
    assert "Los planes no se pueden achicar" in down.text
    anew = step(down, web, "Dar de baja este servicio y contratar Web S de nuevo")
    for words in (
        "Web M no se puede cambiar a Web S",
        "No es posible reservarlo para luego ni recuperarlo",
        "Web S se contrata en Hosting en Español.",
        "mailto:facturas@hosting.example",
    ):
        assert words in anew.text


def test_a_manual_request_of_the_spanish_provider_charges_nothing_and_says_what_happens(frontend: Make) -> None:
    customer = spanish_customer(frontend, "radio-100")
    review = customer.review("vps-1")
    assert "Enviar una solicitud a nuestro personal" in review.text
    page = customer.submit(review, "/accept", note="Mi radio necesita <b>un servidor</b>").url.path
    waiting = customer.see(page, "Una persona mira si este servicio puede pasar a VPS 1")
    # 14 days from 1 July.
    assert "15 de julio de 2027" in waiting.text
    assert "Hasta entonces conserva Radio 100 y no se le cobra nada." in waiting.text
    assert "Mi radio necesita &lt;b&gt;un servidor&lt;/b&gt;" in waiting.text
    assert customer.frontend.call("GET", "/v1/invoices?service=zone")["items"] == []


def test_the_link_is_not_there_says_why_and_whom_to_ask(frontend: Make) -> None:
    """FAQ: "The Upgrade / Downgrade link is not displayed"."""
    dns = frontend("dns")
    customer = visitor(dns)
    dns.call("PUT", "/v1/services/zone", hosted("suspended"), scope="host")
    page = customer.get(f"/portal/services/{customer.service_id()}").text
    assert "Only an active service can change its plan. Contact us if this one should be active." in page
    assert "mailto:billing@dns.example" in page


def test_the_amount_is_not_what_was_expected_says_why_before_the_submit(frontend: Make) -> None:
    """FAQ: "The amount shows $0 (or is different than expected)": ¥5,000 of credit pay ¥373."""
    dns = frontend("dns")
    dns.new_service("zone", "basic", "JPY", "JP", (JULY, AUGUST), "monthly")
    dns.set_clock(NOON_17_JULY)
    customer = Visitor(dns)
    first = customer.submit(customer.review("start"), "/accept")
    checkout_of(customer)
    change = customer.changes()[0]
    invoice = dns.call("GET", f"/v1/plan-changes/{change['id']}")["invoice"]["id"]
    money = {"line": "bank/1", "amount": {"amount": 5_373, "currency": "JPY"}, "paid_at": NOON_17_JULY}
    by = {"actor": "ana", "reason": "the bank's list"}
    dns.call("POST", "/v1/payments", money | {"invoice": invoice} | by, scope="ops")
    customer.see(first.url.path, "Your plan is now Start")
    assert "<dt>Account credit</dt><dd>¥5,000</dd>" in customer.get(f"/portal/services/{customer.service_id()}").text
    # (3,000 - 1,200) × 15/31 = 1,452 - 581 = 871, and 10 %: 958.
    review = customer.review("business").text
    assert "Paid from your account credit" in review
    assert "-¥958" in review
    assert "Nothing is due today: the total of ¥958 is paid from your account credit." in review
    assert "Questions about the amount? Ask before you submit." in review
    assert "mailto:billing@dns.example" in review


def test_the_display_is_not_updated_yet_says_that_it_will_be(frontend: Make) -> None:
    """FAQ: "The display is not updating after the plan change"."""
    dns = frontend("dns")
    customer = visitor(dns)
    page = customer.submit(customer.review("start"), "/accept").url.path
    checkout = checkout_of(customer)
    knobs = f"{dns.ready['host']}/_knobs/{dns.provider}"
    loopback.put(knobs, json={"fail_times": 3, "fail_status": 503}).raise_for_status()
    press(checkout, "pay")
    waiting = customer.see(page, "We are changing your plan to Start.")
    assert "This takes a moment. The page shows it by itself; you can also come back later." in waiting.text
    assert "is in progress" in customer.get("/portal/services").text


def hosted(status: str) -> dict[str, str]:
    service = {"customer": "zone", "plan": "basic", "cycle": "monthly", "currency": "USD", "status": status}
    return service | {"period_start": JULY, "period_end": AUGUST}
