"""A real RabbitMQ server for a test: a node by itself, from Debian's package, that nobody else finds."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from pathlib import Path

from local.ports import LOOPBACK, accepts, free_port
from local.process import Command, Process, listens
from local.server import Server
from local.user import private_folder, unprivileged

PROGRAM = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
# Four seconds of a processor, and many more beside a whole suite.
START_SECONDS = 300
# Configure, write, read.
RIGHTS_OF_A_FRONTEND = ("^$", "^requests$", "^$")


class RabbitMQ(Server):
    """Erlang finds its nodes by a program `epmd`, which would live on as a daemon; here it is a child like the server,
    on a port of its own."""

    def __init__(self, folder: Path) -> None:
        super().__init__(None)
        assert PROGRAM.exists(), "there is no rabbitmq-server: tools/bootstrap.sh tests installs it"
        epmd = shutil.which("epmd")
        assert epmd
        self._account, self._password = unprivileged(), secrets.token_hex(16)
        self._folder, self._epmd_port = private_folder(folder / "rabbitmq", self._account), free_port()
        epmd_argv = [epmd, "-port", str(self._epmd_port), "-address", LOOPBACK]
        self._epmd = self._program("epmd", epmd_argv, folder, self._epmd_port)
        self.process = self._program("rabbitmq", [str(PROGRAM)], folder, self.port)

    def _program(self, name: str, argv: list[str], folder: Path, port: int) -> Process:
        log, ready, env = folder / f"{name}.log", listens(port), self._environment()
        return Process(
            Command(name=name, argv=argv, log=log, ready=ready, account=self._account, env=env, folder=self._folder)
        )

    @property
    def url(self) -> str:
        return f"amqp://planshift:{self._password}@{LOOPBACK}:{self.port}//"

    @property
    def url_of_a_frontend(self) -> str:
        return self.url.replace("planshift:", "shop:")

    def start(self) -> str:
        self.begin()
        self.process.wait_ready(START_SECONDS)
        return self.url

    def stop(self) -> None:
        self.process.stop()
        self._epmd.stop()

    def _prepare(self) -> None:
        lines = (
            f"listeners.tcp.default = {LOOPBACK}:{self.port}",
            "definitions.import_backend = local_filesystem",
            f"definitions.local.path = {self._folder}/definitions.json",
            "log.console = true",
            "log.file = false",
        )
        texts = {"rabbitmq.conf": "\n".join(lines) + "\n", "plugins": "[].\n", "definitions.json": self._definitions()}
        texts[".erlang.cookie"] = self._password
        for name, text in texts.items():
            file = self._folder / name
            file.touch(mode=0o600)
            file.write_text(text, encoding="utf-8")
            if self._account:
                os.chown(file, self._account.uid, self._account.gid)
        if not accepts(self._epmd_port):
            self._epmd.begin()
            self._epmd.wait_ready()

    def _definitions(self) -> str:
        """Its users, and what they may: the frontend's as docs/broker-acl.md has them."""
        rights = {"planshift": (".*", ".*", ".*"), "shop": RIGHTS_OF_A_FRONTEND}
        kinds = ("configure", "write", "read")
        users = [{"name": name, "password": self._password, "tags": ""} for name in rights]
        permissions = [
            {"user": name, "vhost": "/", **dict(zip(kinds, words, strict=True))} for name, words in rights.items()
        ]
        return json.dumps({"vhosts": [{"name": "/"}], "users": users, "permissions": permissions})

    def _environment(self) -> dict[str, str]:
        folder = str(self._folder)
        return {
            "PATH": os.environ["PATH"],
            "HOME": folder,
            "LANG": "C.UTF-8",
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": LOOPBACK,
            "RABBITMQ_NODENAME": f"planshift-{self.port}@localhost",
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_CONF_ENV_FILE": f"{folder}/none",
            "RABBITMQ_CONFIG_FILE": f"{folder}/rabbitmq.conf",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{folder}/plugins",
            "RABBITMQ_MNESIA_BASE": f"{folder}/data",
            "RABBITMQ_LOG_BASE": f"{folder}/logs",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "detached": "1",  # the server's script becomes the server
        }
