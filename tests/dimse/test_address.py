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
    ("text", "why"),
    [
        ("", "AE title and the @ before the host are missing; give AET@HOST:PORT, such as"),
        ("host:104", "AE title and the @ before the host are missing; give AET@HOST:PORT, such as"),
        ("A@", "the host behind the @ is missing"),
        ("A@:104", "the host behind the @ is missing"),
        ("@host:1", "the AE title before the @ is missing"),
        ("A@host:0", "not between 1 and 65535"),
        ("A@host:70000", "not between 1 and 65535"),
        ("A@host:1234567", "not between 1 and 65535"),
        ("A@host:dicom", "give AET@HOST:PORT, such as"),
        ("A@host:\N{FULLWIDTH DIGIT ONE}", "give AET@HOST:PORT, such as"),
        ("A@my host:1", "give AET@HOST:PORT, such as"),
        ("A@::1", r"stands in brackets, as in AET@\[::1\]:11112"),
        ("A@fe80::1:104", "stands in brackets"),
        ("http://host:8104/", "but a URL"),
        ("TITLE_TOO_LONG_17@h:1", "1 to 16"),
    ],
)
def test_what_is_no_destination_is_refused_with_what_is_wrong(text: str, why: str) -> None:
    with pytest.raises(ConfigurationError, match=why):
        PeerAddress.parse(text)


@pytest.mark.parametrize("title", ["", "   ", "A\\B", "Ä", "A\nB", "ABCDEFGHIJKLMNOPQ"])
def test_what_is_no_ae_title_is_refused(title: str) -> None:
    with pytest.raises(ConfigurationError):
        check_ae_title(title)
