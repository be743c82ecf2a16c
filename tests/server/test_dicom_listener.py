"""Who may open an association."""

import pytest

from isocenter.errors import ConfigurationError
from isocenter.server.dicom_listener import dicom_acceptor
from isocenter.server.metrics import Metrics
from isocenter.server.settings import Settings


def test_an_ae_title_that_stands_twice_opens_nothing() -> None:
    settings = Settings(peers=["CT1@10.0.0.5", "CT1"])
    with pytest.raises(ConfigurationError, match="CT1 stands there twice"):
        dicom_acceptor(None, settings, Metrics())  # type: ignore[arg-type]
