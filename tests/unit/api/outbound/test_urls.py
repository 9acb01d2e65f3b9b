"""Reading and checking a URL."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.outbound.addresses import is_denied, networks
from api.outbound.errors import UrlNotAllowed
from api.outbound.urls import HOST_NAME, UrlRules, host_of, literal, parse_url, port_of

RULES = UrlRules()


@pytest.mark.parametrize(
    ("text", "host", "port", "target"),
    [
        ("https://example.com", "example.com", 443, b"/"),
        ("HTTPS://Example.COM:443/a.wav", "example.com", 443, b"/a.wav"),
        ("https://example.com:8443/a?b=c&d=%20", "example.com", 8443, b"/a?b=c&d=%20"),
        ("https://bücher.example/ü.wav", "xn--bcher-kva.example", 443, b"/%C3%BC.wav"),
        ("https://a_b.example/#@10.0.0.1", "a_b.example", 443, b"/"),
        ("https://example.com?x=1#/../@localhost/", "example.com", 443, b"/?x=1"),
        ("https://[2606:2800:21f::1]/x", "2606:2800:21f::1", 443, b"/x"),
        ("https://8.8.8.8/x", "8.8.8.8", 443, b"/x"),
    ],
)
def test_url_is_read_into_host_port_and_target(text: str, host: str, port: int, target: bytes) -> None:
    url = parse_url(text, RULES)
    assert (host_of(url), port_of(url), url.raw_path, url.fragment) == (host, port, target, "")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "example.com",
        "//example.com/",
        "https:",
        "https://",
        "https:///x",
        "https://:443/",
        "https:example.com",
        "http://example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "data:,x",
        "https://user@example.com/",
        "https://user:pass@example.com/",
        "https://example.com:80@10.0.0.1/",
        "https://example.com:80/",
        "https://example.com:22/",
        "https://example.com:0/",
        "https://example.com:99999/",
        "https://example.com:x/",
        "https://example.com:-1/",
        "https://[::1/",
        "https://[::1]x/",
        "https://::1/",
        "https://exa mple.com/",
        "https://example.com/\r\nHost: x",
        "https://example.com\t/",
        " https://example.com/",
        "https://example.com\\@10.0.0.1/",
        "https:\\\\example.com/",
        "https://example.com/\x00",
        "https://a\u00a0b.com/",
        "https://-a.example/",
        "https://a-.example/",
        "https://.example/",
        "https://a..example/",
        "https://example./",
        f"https://{'a' * 64}.example/",
        f"https://{'a.' * 127}example/",
        "https://exa%6dple.com/",
        "https://a,b.com/",
        "https://example.com/" + "x" * 8192,
        "https://\ud800.example/",
        "https://example.com/\ud800",
    ],
)
def test_url_that_breaks_a_rule_is_refused(text: str) -> None:
    with pytest.raises(UrlNotAllowed):
        parse_url(text, RULES)


def test_plain_http_is_taken_only_where_it_is_allowed() -> None:
    rules = UrlRules(allow_http=True, ports=frozenset({80}))
    assert port_of(parse_url("http://example.com/", rules)) == 80
    with pytest.raises(UrlNotAllowed):
        parse_url("ftp://example.com:80/", rules)


def test_any_port_is_taken_where_none_is_named() -> None:
    assert port_of(parse_url("https://example.com:9000/", UrlRules(ports=None))) == 9000


def test_literal_address_is_judged_without_a_look_up() -> None:
    allowed = UrlRules(allowed_networks=networks("10.0.0.0/8"))
    assert host_of(parse_url("https://10.0.0.1/", allowed)) == "10.0.0.1"
    with pytest.raises(UrlNotAllowed, match=r"^The URL is not one that this service connects to\.$"):
        parse_url("https://10.0.0.1/", RULES)


PARTS = st.sampled_from(["https", "http", "://", "//", "@", ":", "[", "]", "#", "?", "/", "\\", ".", "127", "0x7f"])
PIECES = st.lists(
    PARTS | st.sampled_from(["localhost", "example.com", "::1", "443", "%40", "。", "ß"]) | st.text(max_size=3)
)


@given(PIECES.map("".join) | PIECES.map(lambda pieces: "https://" + "".join(pieces)))
def test_whatever_is_read_keeps_the_rules(text: str) -> None:
    """Any text is either refused as such or gives a host, a port and a scheme that are allowed."""
    try:
        url = parse_url(text, RULES)
    except UrlNotAllowed:
        return
    assert (url.scheme, url.userinfo, url.fragment) == ("https", b"", "")
    assert port_of(url) in {443, 8443}
    address = literal(url)
    assert HOST_NAME.fullmatch(host_of(url)) if address is None else not is_denied(address)


@given(PIECES.map(lambda pieces: "https://example.com/" + "".join(pieces)))
def test_reading_a_url_twice_changes_nothing(text: str) -> None:
    try:
        once = parse_url(text, RULES)
    except UrlNotAllowed:
        return
    assert parse_url(str(once), RULES) == once
