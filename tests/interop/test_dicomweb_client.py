"""dicomweb-client stores, finds and retrieves."""

import io
from collections.abc import Iterator
from urllib.parse import urljoin

import numpy as np
import pytest
from dicomweb_client.api import DICOMwebClient
from pydicom import Dataset, dcmread
from pydicom.uid import JPEG2000Lossless
from requests import HTTPError
from tests.factories import ct_series, multi_frame, native_frames, part10_bytes, small_object
from tests.interop.dicomweb_servers import isocenter_web

pytestmark = pytest.mark.peer


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with isocenter_web(tmp_path_factory.mktemp("archive")) as url:
        yield url


@pytest.fixture
def client(url: str) -> DICOMwebClient:
    return DICOMwebClient(url)


def as_file(dataset: Dataset, transfer_syntax: str = "1.2.840.10008.1.2.1") -> Dataset:
    return dcmread(io.BytesIO(part10_bytes(dataset, transfer_syntax)))


@pytest.fixture(scope="module")
def stored(url: str) -> list[Dataset]:
    datasets = ct_series(3, 32, 32, PatientName="Client^Carla", PatientID="CLIENT")
    DICOMwebClient(url).store_instances([as_file(each) for each in datasets])
    return datasets


def uids(dataset: Dataset) -> tuple[str, str, str]:
    return dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID


def test_it_stores_and_reads_what_was_stored(client: DICOMwebClient) -> None:
    datasets = [small_object(), ct_series(1, 16, 16)[0]]
    answer = client.store_instances([as_file(each) for each in datasets])
    assert "FailedSOPSequence" not in answer
    referenced = [item.ReferencedSOPInstanceUID for item in answer.ReferencedSOPSequence]
    assert referenced == [each.SOPInstanceUID for each in datasets]


def test_it_learns_of_a_refused_instance(client: DICOMwebClient) -> None:
    dataset = small_object()
    client.store_instances([as_file(dataset)])
    dataset.PatientComments = "another version"
    with pytest.raises(HTTPError, match="409"):
        client.store_instances([as_file(dataset)])


def test_it_finds_at_every_level(client: DICOMwebClient, stored: list[Dataset]) -> None:
    study, series, _ = uids(stored[0])
    [found] = client.search_for_studies(
        search_filters={"PatientName": "client*"}, fields=["NumberOfStudyRelatedInstances"]
    )
    assert Dataset.from_json(found).NumberOfStudyRelatedInstances == 3
    [found] = client.search_for_series(study)
    assert Dataset.from_json(found).SeriesInstanceUID == series
    found = client.search_for_instances(study, series, get_remaining=True, limit=2)
    assert [Dataset.from_json(each).InstanceNumber for each in found] == [1, 2, 3]
    assert client.search_for_studies(search_filters={"PatientID": "nobody"}) == []
    assert (
        len(client.search_for_studies(fuzzymatching=True, search_filters={"PatientName": "car cl"}))
        == 1
    )


def test_it_retrieves_objects_at_every_level(client: DICOMwebClient, stored: list[Dataset]) -> None:
    study, series, instance = uids(stored[0])
    assert [each.InstanceNumber for each in client.retrieve_study(study)] == [1, 2, 3]
    assert len(list(client.iter_series(study, series))) == 3
    found = client.retrieve_instance(study, series, instance)
    assert found == stored[0]


def test_it_retrieves_metadata_and_its_bulk_data(
    client: DICOMwebClient, url: str, stored: list[Dataset]
) -> None:
    study, series, instance = uids(stored[1])
    assert len(client.retrieve_study_metadata(study)) == 3
    assert len(client.retrieve_series_metadata(study, series)) == 3
    metadata = client.retrieve_instance_metadata(study, series, instance)
    link = urljoin(url, metadata["7FE00010"]["BulkDataURI"])
    assert client.retrieve_bulkdata(link) == [stored[1].PixelData]
    loaded = Dataset.from_json(metadata, bulk_data_uri_handler=lambda uri: None)
    assert loaded.PatientName == stored[1].PatientName


def test_it_retrieves_frames_as_they_are_or_as_it_wants(client: DICOMwebClient) -> None:
    dataset = multi_frame(3)
    client.store_instances([as_file(dataset, JPEG2000Lossless)])
    frames = [frame.tobytes() for frame in native_frames(dataset)]
    assert client.retrieve_instance_frames(*uids(dataset), [3, 1]) == [frames[2], frames[0]]
    compressed = client.retrieve_instance_frames(
        *uids(dataset), [2], media_types=(("image/jp2", JPEG2000Lossless),)
    )
    assert compressed[0][:4] == b"\xff\x4f\xff\x51"
    with pytest.raises(HTTPError, match="404"):
        client.retrieve_instance_frames(*uids(dataset), [4])


def test_it_retrieves_an_instance_transcoded(client: DICOMwebClient, stored: list[Dataset]) -> None:
    found = client.retrieve_instance(
        *uids(stored[0]), media_types=(("application/dicom", JPEG2000Lossless),)
    )
    assert found.file_meta.TransferSyntaxUID == JPEG2000Lossless
    assert np.array_equal(found.pixel_array, native_frames(stored[0])[0])


def test_it_retrieves_pictures(client: DICOMwebClient, stored: list[Dataset]) -> None:
    png = client.retrieve_instance_rendered(*uids(stored[0]), media_types=("image/png",))
    assert png.startswith(b"\x89PNG")
    jpeg = client.retrieve_instance_frames_rendered(
        *uids(stored[0]), [1], media_types=("image/jpeg",), params={"quality": 50}
    )
    assert jpeg.startswith(b"\xff\xd8")


def test_it_deletes(client: DICOMwebClient) -> None:
    dataset = small_object()
    client.store_instances([as_file(dataset)])
    client.delete_instance(*uids(dataset))
    with pytest.raises(HTTPError, match="404"):
        client.delete_study(dataset.StudyInstanceUID)
