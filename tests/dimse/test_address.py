import pytest

from isocenter.dimse.address import PeerAddress, check_ae_title
from isocenter.errors import ConfigurationError


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("ISOCENTER@localhost:11112", PeerAddress("ISOCENTER", "localhost", 11112)),
        (" A B@10.0.0.1:104 ", PeerAddress("A B", "10.0.0.1", 104)),
        ("PACS@pacs.example", PeerAddress("PACS", "pacs.example", 11112)),
        ("V6@[::1]:4242", PeerAddress("V6", "::1", 4242)),
    ],
)
def test_a_destination_is_title_at_host_and_port(text: str, address: PeerAddress) -> None:
    assert PeerAddress.parse(text) == address
    assert PeerAddress.parse(str(address)) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "host:104",
        "A@",
        "@host:1",
        "A@host:0",
        "A@host:70000",
        "A@ho:st:1",
        "TITLE_TOO_LONG_17@h:1",
    ],
)
def test_what_is_no_destination_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError):
        PeerAddress.parse(text)


@pytest.mark.parametrize("title", ["", "   ", "A\\B", "Ä", "A\nB", "ABCDEFGHIJKLMNOPQ"])
def test_what_is_no_ae_title_is_refused(title: str) -> None:
    with pytest.raises(ConfigurationError):
        check_ae_title(title)
