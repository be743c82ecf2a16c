import logging

import pytest

from isocenter.errors import ConfigurationError
from isocenter.server.exposure import refuse_open_listeners
from isocenter.server.settings import load

EVERYWHERE = "0.0.0.0:4000"
TOKEN = "0123456789abcdef"


def refuse(**settings: object) -> None:
    refuse_open_listeners(load(settings).settings)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"http": "[::1]:80", "dicom": "localhost:104"},
        {"http": EVERYWHERE, "tokens": TOKEN},
        {"dicom": EVERYWHERE, "peers": "CT1"},
        {"http": EVERYWHERE, "tokens": TOKEN, "dicom": EVERYWHERE, "peers": "CT1@192.0.2.1"},
    ],
)
def test_what_only_this_machine_or_the_invited_reach_may_listen(settings, caplog):
    refuse(**settings)
    assert caplog.messages == []


@pytest.mark.parametrize(
    ("settings", "remedy"),
    [
        ({"http": EVERYWHERE}, "tokens"),
        ({"http": EVERYWHERE, "peers": "CT1"}, "tokens"),
        ({"http": "pacs.example:80"}, "tokens"),
        ({"dicom": EVERYWHERE}, "--peers"),
        ({"dicom": "[::]:104", "tokens": TOKEN}, "--peers"),
    ],
)
def test_what_anyone_reaches_may_not(settings, remedy):
    with pytest.raises(ConfigurationError, match=remedy):
        refuse(**settings)


def test_insecure_allows_it_and_says_so(caplog):
    with caplog.at_level(logging.WARNING):
        refuse(http=EVERYWHERE, dicom=EVERYWHERE, insecure=True)
    assert len(caplog.messages) == 2
