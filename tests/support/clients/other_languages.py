"""Runs the docs' code with libraries that `make test` does not install. Environment variables have their paths."""

import os
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from support.code_blocks import client_page, readme_block

PROGRAMS = Path(__file__).parents[2] / "system" / "clients"
PRINTED_PORT = "8010"
"""The port in the docs. Some libraries take host and port separately."""


class Library(NamedTuple):
    """A helper library in one language: the program that runs it, and the environment variable that has its path."""

    language: str
    program: str

    @property
    def variable(self) -> str:
        return f"RINGBACK_TEST_TWILIO_{self.language.upper()}"

    @property
    def place(self) -> str:
        """The path of the library's copy.

        Reading it skips the test if the variable is not set or the program is missing.
        """
        if not os.environ.get(self.variable):
            pytest.skip(f"{self.variable} is not set: it names a copy of the library for {self.language}")
        if shutil.which(self.program) is None:
            pytest.skip(f"{self.program} is not installed")
        return os.environ[self.variable]

    def block(self, what: str, base_url: str = "") -> str:
        """Return a code block of the language's page, such as ``validate``, with `base_url` as the server's address."""
        block = readme_block(f"{self.language}-{what}", page=client_page(self.language))
        return block.replace(PRINTED_PORT, base_url.rpartition(":")[2]) if base_url else block


PHP, RUBY, GO, JAVA = (
    Library("php", "php"),
    Library("ruby", "ruby"),
    Library("go", "go"),
    Library("java", "javac"),
)
PRODUCTION = {
    PHP: '<?php\nrequire "vendor/autoload.php";\n'
    '$client = new Twilio\\Rest\\Client(getenv("TWILIO_ACCOUNT_SID"), getenv("TWILIO_AUTH_TOKEN"));\n',
    RUBY: 'require "twilio-ruby"\n'
    'Twilio.configure { |config| config.region = "local" }\n'
    'client = Twilio::REST::Client.new(ENV["TWILIO_ACCOUNT_SID"], ENV["TWILIO_AUTH_TOKEN"])\n',
    GO: 'package main\n\nimport "github.com/twilio/twilio-go"\n\n'
    "func newClient() *twilio.RestClient { return twilio.NewRestClient() }\n",
    JAVA: "class Ringback { static void use() { com.twilio.Twilio.init("
    'System.getenv("TWILIO_ACCOUNT_SID"), System.getenv("TWILIO_AUTH_TOKEN")); } }\n',
}
"""Code that creates a client in production. For Ruby, it includes the definition that the docs refer to."""


def prepare(library: Library, client: str, folder: Path) -> list[list[str]]:
    """Write a program around the code that creates the client, and return its build and run commands, in order."""
    return _PREPARE[library](client, folder)


def _php(client: str, folder: Path) -> list[list[str]]:
    vendor = folder / "vendor"
    vendor.mkdir()
    (vendor / "autoload.php").write_text(f"<?php require '{PHP.place}/src/Twilio/autoload.php';")
    operations = (PROGRAMS / "operations.php").read_text().removeprefix("<?php\n")
    (folder / "application.php").write_text("\n".join([client, PHP.block("validate"), operations]))
    return [["php", "application.php"]]


def _ruby(client: str, folder: Path) -> list[list[str]]:
    operations = (PROGRAMS / "operations.rb").read_text()
    (folder / "application.rb").write_text("\n".join([client, RUBY.block("validate"), operations]))
    path = [option for place in RUBY.place.split(os.pathsep) for option in ("-I", f"{place}/lib")]
    return [["ruby", *path, "application.rb"]]


def _go(client: str, folder: Path) -> list[list[str]]:
    (folder / "client.go").write_text(client)
    (folder / "validate.go").write_text(GO.block("validate"))
    shutil.copy(PROGRAMS / "operations.go", folder)
    for name in ("go.mod", "go.sum"):
        if (Path(GO.place) / name).exists():
            shutil.copy(Path(GO.place) / name, folder)
    return [["go", "build", "-mod=mod", "-o", "application", "."], ["./application"]]


def _java(client: str, folder: Path) -> list[list[str]]:
    (folder / "Ringback.java").write_text(client)
    (folder / "Callbacks.java").write_text(JAVA.block("validate"))
    shutil.copy(PROGRAMS / "Application.java", folder)
    sources = ["Ringback.java", "Callbacks.java", "Application.java"]
    path = os.pathsep.join([str(folder), JAVA.place])
    return [["javac", "-cp", path, "-d", str(folder), *sources], ["java", "-cp", path, "Application"]]


_PREPARE = {PHP: _php, RUBY: _ruby, GO: _go, JAVA: _java}
