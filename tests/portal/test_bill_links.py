"""The link in a mail of a provider without a sign-in of its own: one bill is seen and paid, and nothing else."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import httpx
import pytest
from itsdangerous import URLSafeTimedSerializer

from engine.notifications.bill_links import LIFE_SECONDS, bill_link
from settings import settings
from tests.portal.visitor import AUGUST, JULY, Visitor, visitor
from tests.support import loopback
from tests.support.client import ApiClient
from tests.support.waiting import until


@pytest.fixture
def dns(frontend: Callable[..., ApiClient]) -> ApiClient:
    return frontend("dns")


def mailed_link(dns: ApiClient, subject: str) -> str:
    """Of the mail to the customer with this subject, once it has come."""
    mails = f"{dns.ready['mail']}/mails"

    def poll() -> str | None:
        came = loopback.get(mails, params={"to": f"zone@{dns.provider}.invalid"}).json()
        texts = [mail["text"] for mail in came if subject in mail["subject"]]
        return re.findall(r"http\S+/portal/bills/\S+", texts[0])[0] if texts else None

    return until(poll, f"the mail about {subject}")


def test_whoever_has_the_mail_sees_the_bill_and_pays_it(dns: ApiClient) -> None:
    owner = visitor(dns)
    page = owner.submit(owner.review("start"), "/accept").url.path
    invoice = owner.see(page, "Download PDF").url.path
    link = mailed_link(dns, "Please pay")
    reader = Visitor(dns, None)
    for _ in range(2):  # it may be followed again, and by who only fetches
        seen = reader.get(link)
        assert (seen.status_code, seen.url.path) == (200, invoice)
    assert "$3.73" in seen.text
    assert "Signed in as" not in seen.text
    assert "Cancel this change" not in seen.text
    assert reader.get(f"{invoice}/pdf").headers["content-type"] == "application/pdf"
    loopback.post(checkout_of(seen), data={"outcome": "pay"}).raise_for_status()
    returned = f"{invoice}?returned=yes"  # where the checkout leads back to
    assert "/portal/services" not in reader.see(returned, "Done. Your plan is now Start.").text


def test_the_link_of_one_bill_opens_nothing_else(dns: ApiClient) -> None:
    owner = visitor(dns)
    service = owner.service_id()
    bill = owner.submit(owner.review("start"), "/accept").url.path
    invoice = owner.see(bill, "Download PDF").url.path
    change = f"/portal/changes/{owner.changes()[0]['id']}"
    dns.new_service("other", "basic", "USD", "JP", (JULY, AUGUST), "monthly", owner="zone")
    second = owner.submit(owner.review("start", "other"), "/accept").url.path
    other = owner.see(second, "Download PDF").url.path
    reader = Visitor(dns, None)
    page = reader.get(bill_link(invoice.rpartition("/")[2]))
    assert reader.get(change).url.path == invoice
    shut = ["/portal/services", f"/portal/services/{service}", f"/portal/services/{service}/change", f"{change}/cancel"]
    assert [reader.get(path).status_code for path in shut] == [401] * len(shut)
    foreign = [other, f"{other}/pdf", f"/portal/news/{other.rpartition('/')[2]}"]
    assert [reader.get(path).status_code for path in foreign] == [404] * len(foreign)
    token = Visitor.form(page, "/language").values["csrf"]
    form = {"csrf": token, "plan": "start", "cycle": "monthly"}
    posts = (f"{change}/cancel", f"/portal/services/{service}/quotes", f"{other}/payments")
    assert [reader.http.post(path, data=form).status_code for path in posts] == [401, 401, 404]
    assert "Servicios" not in reader.submit(page, "/language", language="es").text
    assert owner.get("/portal/services").status_code == 200


def test_after_90_days_it_opens_nothing(dns: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = visitor(dns)
    invoice = owner.see(owner.submit(owner.review("start"), "/accept").url.path, "Download PDF").url.path
    reader = Visitor(dns, None)
    for seconds, status in ((LIFE_SECONDS + 5, 401), (LIFE_SECONDS - 60, 200)):
        then = time.time() - seconds
        with monkeypatch.context() as patch:
            patch.setattr("itsdangerous.timed.time.time", lambda then=then: then)
            link = bill_link(invoice.rpartition("/")[2])
        assert reader.get(link).status_code == status


def test_who_is_signed_in_stays_so(dns: ApiClient) -> None:
    owner = visitor(dns)
    invoice = owner.see(owner.submit(owner.review("start"), "/accept").url.path, "Download PDF").url.path
    assert "Signed in as" in owner.get(bill_link(invoice.rpartition("/")[2])).text
    assert owner.get("/portal/services").status_code == 200


def test_a_link_that_is_not_ours_or_of_nothing_opens_nothing(dns: ApiClient) -> None:
    reader = Visitor(dns, None)
    forged = URLSafeTimedSerializer("another key", salt="planshift.bill.link").dumps("inv_1")
    portal = URLSafeTimedSerializer(settings().signing_keys(), salt="planshift.portal.link").dumps("inv_1")
    links = [f"/portal/bills/{token}" for token in (forged, portal, "x")]
    for link in [*links, bill_link("inv_0")]:
        assert reader.get(link).status_code == 401


def checkout_of(page: httpx.Response) -> str:
    return str(re.findall(r'href="(http[^"]+/checkout/[^"]+)"', page.text)[0])
