"""The sandbox mail server keeps what it is given."""

import smtplib
from email.message import EmailMessage
from pathlib import Path

from local.ports import free_port
from tests.support.programs import program


def test_mails_are_listed_newest_first(tmp_path: Path) -> None:
    smtp_port = free_port()
    with program("mail", tmp_path, "--smtp-port", str(smtp_port)) as (client, _):
        with smtplib.SMTP("127.0.0.1", smtp_port) as smtp:
            for number, to in enumerate(("ana@example.org", "ren@example.org")):
                mail = EmailMessage()
                mail["To"], mail["From"] = to, "billing@planshift.invalid"
                mail["Subject"], mail["Message-ID"] = f"Plan {number} ¥1,200", f"<chg_{number}@planshift>"
                mail.set_content("Total due today: ¥1,200\n")
                mail.add_attachment(b"%PDF-", maintype="application", subtype="pdf", filename="invoice.pdf")
                smtp.send_message(mail)
        mails = client.get("/mails").json()
        assert [(mail["to"], mail["subject"]) for mail in mails] == [
            (["ren@example.org"], "Plan 1 ¥1,200"),
            (["ana@example.org"], "Plan 0 ¥1,200"),
        ]
        (mine,) = client.get("/mails", params={"to": "ana@example.org"}).json()
        assert mine["message_id"] == "<chg_0@planshift>"
        assert mine["text"] == "Total due today: ¥1,200\n"
        assert mine["attachments"] == ["invoice.pdf"]
