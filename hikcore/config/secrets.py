"""Secrets are named in the configuration, never written in it.

`env:NAME` an environment variable, `file:PATH` a file's content, `cmd:COMMAND` what a command
prints. They are read when first needed, so that a command that needs no device needs no password.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path
from typing import Any, Final

from pydantic import GetCoreSchemaHandler, SecretStr
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from hikcore.errors import ConfigurationError

FORMS: Final = "env:NAME, file:PATH or cmd:COMMAND"
#: Long enough for a person to answer a password manager's prompt.
COMMAND_TIMEOUT: Final = 120


class Secret:
    """A reference to a secret; equal references are equal.

    Raises:
        ValueError: the text is none of the three forms (the text is not repeated).
    """

    __slots__ = ("_kind", "_rest")

    def __init__(self, reference: str) -> None:
        kind, colon, rest = reference.partition(":")
        if not colon or kind not in {"env", "file", "cmd"} or not rest.strip():
            raise ValueError(
                "a secret in clear is refused, as configuration files are copied, committed and "
                f"mailed: write {FORMS}"
            )
        self._kind, self._rest = kind, rest.strip()

    def resolve(self, where: str) -> SecretStr:
        """The secret itself, one line feed at its end dropped.

        Args:
            where: the key that names it, for the error.

        Raises:
            ConfigurationError: not set, unreadable, failed, or empty.
        """
        value = {"env": self._from_env, "file": self._from_file, "cmd": self._from_command}[
            self._kind
        ](where)
        if not value:
            raise ConfigurationError(f"{self} is empty", where=where)
        return SecretStr(value)

    def _from_env(self, where: str) -> str:
        value = os.environ.get(self._rest)
        if value is None:
            raise ConfigurationError(
                f"environment variable {self._rest} is not set",
                where=where,
                hint=f"export {self._rest}, or name another place: {FORMS}",
            )
        return value

    def _from_file(self, where: str) -> str:
        path = Path(self._rest).expanduser()
        try:
            return path.read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
            raise ConfigurationError(f"cannot read {path}: {reason}", where=where) from None

    def _from_command(self, where: str) -> str:
        try:
            done = subprocess.run(  # noqa: S603  the configuration's owner wrote the command
                shlex.split(self._rest),
                stdout=subprocess.PIPE,
                timeout=COMMAND_TIMEOUT,
                check=False,
            )
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "cannot be split into words"
            raise ConfigurationError(f"{self} did not run: {reason}", where=where) from None
        except subprocess.TimeoutExpired:
            # The exception holds what was printed so far, which may be the secret.
            raise ConfigurationError(
                f"{self} did not end within {COMMAND_TIMEOUT} s", where=where
            ) from None
        if done.returncode:
            raise ConfigurationError(f"{self} ended with {done.returncode}", where=where)
        return done.stdout.decode("utf-8", "replace").removesuffix("\n").removesuffix("\r")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and (self._kind, self._rest) == (other._kind, other._rest)

    def __hash__(self) -> int:
        return hash((self._kind, self._rest))

    def __str__(self) -> str:
        # A command's arguments may hold what they should not: its name says enough.
        return f"cmd:{self._rest.split()[0]} …" if self._kind == "cmd" else self._reference

    __repr__ = __str__

    @property
    def _reference(self) -> str:
        return f"{self._kind}:{self._rest}"

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: type[Any], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            _validated, serialization=core_schema.to_string_ser_schema()
        )


def _validated(value: object) -> Secret:
    if isinstance(value, Secret):
        return value
    if not isinstance(value, str):
        raise PydanticCustomError("secret", "must be a text: " + FORMS)
    try:
        return Secret(value)
    except ValueError as error:
        raise PydanticCustomError("secret", "{reason}", {"reason": str(error)}) from None
