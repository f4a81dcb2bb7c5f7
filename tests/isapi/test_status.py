"""What a refusal means, in whatever form and under whatever HTTP status it comes."""

from __future__ import annotations

import json

import pytest

from hikcore.errors import (
    DeviceAuthError,
    DeviceBusy,
    DeviceError,
    DeviceProtocolError,
    DeviceRefused,
)
from hikcore.sources.isapi import xml
from hikcore.sources.isapi.status import error_of, parse_status
from tests.isapi.conftest import recorded

BUSY = recorded("hikvision_nvr_v4.30_busy.xml")


@pytest.mark.parametrize("http", [200, 400, 403, 500, 503])
@pytest.mark.parametrize(
    ("name", "kind", "said"),
    [
        ("hikvision_nvr_v4.30_busy.xml", DeviceBusy, "deviceBusy"),
        ("hikvision_nvr_v4.1.18_notsupport.xml", DeviceRefused, "notSupport"),
        ("hikvision_ds-7616nxi_v4.84_badxml.xml", DeviceRefused, "Tag 13 is invalid"),
        ("hikvision_nvr_v4.61_deviceerror.xml", DeviceRefused, "Device Error"),
        ("hikvision_nvr_v4.61_usercheck-lock.xml", DeviceAuthError, "another 1800 s"),
    ],
)
def test_a_refusal_is_one_at_any_http_status(
    http: int, name: str, kind: type[DeviceError], said: str
) -> None:
    error = error_of(http, recorded(name), "nvr")
    assert type(error) in (kind, *kind.__subclasses__())
    assert said in str(error)
    assert str(error).startswith("nvr: ")


@pytest.mark.parametrize(
    ("sub", "kind"),
    [
        ("deviceBusy", DeviceBusy),
        ("serviceUnavailable", DeviceBusy),
        ("noMemory", DeviceBusy),
        ("upgrading", DeviceBusy),
        ("lowPrivilege", DeviceRefused),
        ("notSupport", DeviceRefused),
    ],
)
@pytest.mark.parametrize("wrapped", [True, False])
def test_json_refusals(sub: str, kind: type[DeviceError], wrapped: bool) -> None:
    status = {
        "statusCode": 4,
        "statusString": "Invalid Operation",
        "subStatusCode": sub,
        "errorCode": 1073741825,
        "errorMsg": "no",
    }
    body = json.dumps({"ResponseStatus": status} if wrapped else status).encode()
    assert isinstance(error_of(200, body, "nvr"), kind)


@pytest.mark.parametrize(
    ("http", "kind"),
    [
        (302, DeviceProtocolError),
        (400, DeviceRefused),
        (403, DeviceRefused),
        (404, DeviceRefused),
        (500, DeviceRefused),
        (502, DeviceBusy),
        (503, DeviceBusy),
        (204, DeviceProtocolError),
    ],
)
def test_a_bare_http_status(http: int, kind: type[DeviceError]) -> None:
    assert isinstance(error_of(http, b"", "nvr"), kind)


def test_the_words_of_an_html_page_are_told() -> None:
    error = error_of(404, recorded("hikvision_ipc_v5.5_404.html"), "camera")
    assert "Document Error: Not Found" in str(error)


def test_what_is_no_refusal() -> None:
    assert error_of(200, recorded("hikvision_nvr-doc_v4.30_search.xml"), "") is None
    fine = b"<ResponseStatus><statusCode>1</statusCode><subStatusCode>ok</subStatusCode>"
    assert error_of(200, fine + b"</ResponseStatus>", "") is None
    check = b"<userCheck><statusValue>200</statusValue><statusString>OK</statusString></userCheck>"
    assert error_of(200, check, "") is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[1]",
        b"{}",
        b"<",
        b"<a",
        b"\xff\xfe",
        b"<html>",
        b"IMKH\x01\x02",
        b"\0" * 100,
        b'{"statusCode": null}',
    ],
)
def test_anything_else_is_no_status(body: bytes) -> None:
    found = parse_status(body)
    assert found is None or found.code == 0


@pytest.mark.parametrize(
    "spaces",
    [
        "",
        ' xmlns="http://www.hikvision.com/ver10/XMLSchema"',
        ' xmlns="urn:psialliance-org"',
        ' xmlns:h="urn:x"',
    ],
)
def test_namespaces_do_not_matter(spaces: str) -> None:
    body = BUSY.decode().replace(' xmlns="http://www.isapi.org/ver20/XMLSchema"', spaces)
    body = body.replace("<statusCode>", '<statusCode xmlns="">')
    assert isinstance(error_of(200, body.encode(), ""), DeviceBusy)


def test_entities_are_not_expanded() -> None:
    bomb = (
        b'<!DOCTYPE a [<!ENTITY x "xx"><!ENTITY y "&x;&x;">]><ResponseStatus>&y;</ResponseStatus>'
    )
    with pytest.raises(ValueError, match=r".+"):
        xml.parse(bomb)
    assert parse_status(bomb) is None


def test_a_name_in_another_charset_does_not_break_the_list() -> None:
    body = '<?xml version="1.0" encoding="UTF-8"?><a><name>дверь</name></a>'.encode("cp1251")
    assert xml.local(xml.parse(body)) == "a"
