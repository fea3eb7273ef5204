"""Mail addresses: what is one, and what a mail server is told."""

import pytest

from domain.addresses import BadAddress, mail_address, on_the_wire


@pytest.mark.parametrize(
    ("text", "wire"),
    [
        ("ana@example.com", "ana@example.com"),
        ("ana.b+dns@Example.COM", "ana.b+dns@example.com"),
        ("o'hara@example.com", "o'hara@example.com"),
        ("ana@bücher.example", "ana@xn--bcher-kva.example"),
        ("ana@例え.jp", "ana@xn--r8jz45g.jp"),
        ("zone@dns-1a2b.invalid", "zone@dns-1a2b.invalid"),
    ],
)
def test_one_mailbox(text: str, wire: str) -> None:
    assert on_the_wire(mail_address(text)) == wire


@pytest.mark.parametrize(
    "text",
    [
        "a,b@example.com",
        "acme;x@example.com",
        "ana@example.com, ren@example.com",
        "Ana <ana@example.com>",
        "x@[1",
        "x@[127.0.0.1]",
        "ana",
        "ana@",
        "@example.com",
        "ana@@example.com",
        "ana b@example.com",
        "ana@exam ple.com",
        "ana@example..com",
        ".ana@example.com",
        "ana@example.com\n",
        "ana@example.com\r\nBcc: ren@example.com",
        "ana@-example.com",
        f"{'a' * 65}@example.com",
        f"ana@{'a' * 250}.com",
        "山田@example.com",
        "ana\u200b@example.com",
        "",
    ],
)
def test_what_is_not_one_mailbox(text: str) -> None:
    with pytest.raises(BadAddress, match=r"is no mail address: .*such as ana@example\.com"):
        mail_address(text)
