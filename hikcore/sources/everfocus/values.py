"""Values of replies as types: flags, numbers and times in all their spellings, secrets masked."""

from __future__ import annotations

from typing import Annotated, Any, Final, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, SecretStr, ValidationError

from hikcore.errors import DeviceProtocolError
from hikcore.instants import NS, format_instant

_MS: Final = 1_000_000
#: Unix time from here on is told in milliseconds: in seconds it is the year 5138.
_SURELY_MS: Final = 100_000_000_000
_YES: Final = frozenset({"true", "1", "yes", "on"})
_NO: Final = frozenset({"false", "0", "no", "off", ""})
M = TypeVar("M", bound="Reply")


def as_bool(value: Any) -> bool:
    """A flag: true, "true", 1, "1" and their like.

    Raises:
        ValueError: anything else.
    """
    if isinstance(value, bool):
        return value
    said = str(value).strip().lower() if isinstance(value, str | int) else "?"
    if said in _YES:
        return True
    if said in _NO:
        return False
    raise ValueError("neither true nor false")


def as_int(value: Any) -> int:
    """A whole number, or a text of one.

    Raises:
        ValueError: anything else.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("no number")
    if not isinstance(value, float):
        try:
            return int(value)
        except ValueError:
            pass  # a text such as "30.0"
    try:
        number = float(value)
        whole = int(number)
    except (ValueError, OverflowError):
        raise ValueError("no number") from None
    if whole != number:
        raise ValueError("no whole number")
    return whole


def as_float(value: Any) -> float:
    """A finite number, or a text of one.

    Raises:
        ValueError: anything else.
    """
    try:
        number = float(value) if not isinstance(value, bool) else float("nan")
    except (TypeError, ValueError, OverflowError):
        raise ValueError("no number") from None
    if not -1e300 < number < 1e300:
        raise ValueError("no number")
    return number


def as_text(value: Any) -> str:
    """A text; numbers and flags are written as JSON has them, nothing is "".

    Raises:
        ValueError: an object or array.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise ValueError("no text")


def _as_secret(value: Any) -> Any:
    return value if isinstance(value, SecretStr) else as_text(value)


def instant(value: Any, unit: str = "s") -> int:
    """UTC ns of a Unix time in `unit`; one that can only be milliseconds is taken as such.

    Raises:
        ValueError: no number.
    """
    number = as_int(value)
    return number * (_MS if unit == "ms" or abs(number) >= _SURELY_MS else NS)


def _ms(value: Any) -> int:
    return as_int(value) * _MS


Flag = Annotated[bool, BeforeValidator(as_bool)]
Number = Annotated[int, BeforeValidator(as_int)]
Real = Annotated[float, BeforeValidator(as_float)]
Text = Annotated[str, BeforeValidator(as_text)]
#: Never shown by `repr` or JSON; `get_secret_value()` gives it.
Secret = Annotated[SecretStr, BeforeValidator(_as_secret)]
#: UTC ns, of Unix seconds and of milliseconds.
Seconds = Annotated[int, BeforeValidator(instant)]
Millis = Annotated[int, BeforeValidator(_ms)]


class Reply(BaseModel):
    """What a recorder answers, by the guide's names (aliases); what is not known is left out."""

    model_config = ConfigDict(
        frozen=True, extra="ignore", populate_by_name=True, hide_input_in_errors=True
    )


def one(model: type[M], document: Any, where: str) -> M:
    """An object of a model; an array of one object is taken for it (10.6 says one, shows another).

    Raises:
        DeviceProtocolError: it does not fit; the message repeats no content.
    """
    if isinstance(document, list) and len(document) == 1:
        document = document[0]
    try:
        return model.model_validate(document)
    except ValidationError as error:
        fault = error.errors(include_input=False, include_url=False, include_context=False)[0]
        place = ".".join(str(part) for part in fault["loc"]) or "the answer"
        raise DeviceProtocolError(f"{place}: {fault['msg']}", where=where) from None


def rows(model: type[M], document: Any, where: str) -> tuple[M, ...]:
    """The objects of an array; one object alone is taken for an array of it (10.13, 10.14).

    Raises:
        DeviceProtocolError: they do not fit.
    """
    if isinstance(document, dict):
        document = [document]
    if not isinstance(document, list):
        raise DeviceProtocolError("an answer that is no array", where=where)
    return tuple(one(model, row, f"{where}, row {at}") for at, row in enumerate(document))


def to_seconds(at: int) -> int:
    """Whole Unix seconds, down."""
    return at // NS


def up_to_seconds(at: int) -> int:
    """Whole Unix seconds, up."""
    return -(-at // NS)


def wire_time(at: int, unit: str, *, up: bool = False) -> int | str:
    """A time as a request says it: `s` and `ms` as numbers, `iso` as text, to whole units."""
    size = _MS if unit == "ms" else NS
    number = -(-at // size) if up else at // size
    return format_instant(number * NS, 0) if unit == "iso" else number
