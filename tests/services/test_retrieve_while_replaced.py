"""Instances that are replaced while somebody retrieves them."""

from pathlib import Path
from typing import Any

import pytest
from tests.factories import ct_slice, part10_bytes
from tests.services.conftest import opened, path_of

from isocenter.archive import Archive, KeptInstance


@pytest.mark.parametrize("accept", ["application/dicom", "multipart/related"])
def test_an_instance_that_is_replaced_after_the_index_was_asked_is_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, accept: str
) -> None:
    dataset = ct_slice(8, 8)
    instances = Archive.instances

    def replaced_then(archive: Archive, *uids: Any) -> list[KeptInstance]:
        found = list(instances(archive, *uids))
        monkeypatch.setattr(Archive, "instances", instances)
        archive.ingest(after)
        return found

    with opened(tmp_path / "archive", on_conflict="replace") as web:
        web.keep(dataset)
        dataset.PatientComments = "Another version, of other size"
        after = part10_bytes(dataset, "1.2.840.10008.1.2.1")
        monkeypatch.setattr(Archive, "instances", replaced_then)
        answer = web.get(path_of(dataset), accept=accept)
    assert answer.status_code == 200
    assert after in answer.content
