"""C-STORE into an archive: what is answered, what is kept."""

import pytest
from pydicom import dcmread
from tests.dimse.wire import RawPeer, accepting, context, p_data, pdv, status_of, store_rq
from tests.factories import ct_slice, data_set_bytes

from isocenter import errors
from isocenter.archive import Archive, Level, Query
from isocenter.dimse import AssociationInfo, Status, StoreRequest
from isocenter.services.storage import ArchiveStorage, failure_status, storage_service

SENDER = AssociationInfo("MODALITY", "ISOCENTER", "192.0.2.7", 4711)
CT_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"


@pytest.fixture
def archive(tmp_path):
    with Archive.open(tmp_path / "data", durability="fast") as archive:
        yield archive


@pytest.fixture
def outcomes():
    return []


@pytest.fixture
def storage(archive, outcomes):
    return ArchiveStorage(archive, outcomes.append)


def request(dataset, **changes) -> StoreRequest:
    values = {
        "message_id": 1,
        "sop_class_uid": dataset.SOPClassUID,
        "sop_instance_uid": dataset.SOPInstanceUID,
        "transfer_syntax_uid": EXPLICIT_VR_LITTLE_ENDIAN,
    }
    return StoreRequest(**values | changes)


def store(storage: ArchiveStorage, dataset, data: bytes | None = None, **changes) -> Status:
    """Send a data set in fragments of odd places, as an association would."""
    data = data_set_bytes(dataset) if data is None else data
    sink = storage.begin(request(dataset, **changes), SENDER)
    for start in range(0, len(data), 1000):
        part = memoryview(data)[start : start + 1000]
        sink.write([part[:333], part[333:]])
    return sink.finish()


def test_a_data_set_is_kept_with_file_meta_information_and_its_very_bytes(storage, archive):
    dataset = ct_slice(16, 16)
    assert store(storage, dataset).code == 0x0000
    (kept,) = archive.directory.rglob("*.dcm")
    assert kept.read_bytes().endswith(data_set_bytes(dataset))
    meta = dcmread(kept).file_meta
    assert meta.MediaStorageSOPInstanceUID == dataset.SOPInstanceUID
    assert meta.TransferSyntaxUID == EXPLICIT_VR_LITTLE_ENDIAN
    assert meta.SourceApplicationEntityTitle == "MODALITY"


def test_the_same_instance_again_succeeds_and_changes_nothing(storage, archive, outcomes):
    dataset = ct_slice(16, 16)
    assert store(storage, dataset).code == store(storage, dataset).code == 0x0000
    assert outcomes == ["stored", "unchanged"]
    assert archive.count(Query(Level.INSTANCE)) == 1


def test_the_same_instance_with_other_bytes_is_refused_as_duplicate(storage, archive):
    dataset = ct_slice(16, 16)
    store(storage, dataset)
    dataset.PatientName = "Somebody^Else"
    status = store(storage, dataset)
    assert status.code == 0x0111
    assert status.comment[:64].startswith("different bytes are kept already")  # LO takes no more


def test_a_data_set_that_is_another_instance_than_the_request_says_is_refused(storage, outcomes):
    status = store(storage, ct_slice(16, 16), sop_instance_uid="1.2.3.4")
    assert status.code == 0xA900
    assert status.offending_element == (0x00080018,)
    assert "SOPInstanceUID" in status.comment
    assert outcomes == ["A900"]


@pytest.mark.parametrize(
    ("keyword", "tag"), [("StudyInstanceUID", 0x0020000D), ("SeriesInstanceUID", 0x0020000E)]
)
def test_a_missing_identifier_is_named(keyword, tag, storage):
    status = store(storage, ct_slice(16, 16, **{keyword: None}))
    assert status.code == 0xA900
    assert status.offending_element == (tag,)
    assert keyword in status.comment


@pytest.mark.parametrize("uid", ["../../../etc/cron.d/x", "1.2/../../x", "..", "1.2\x003"])
def test_a_uid_never_becomes_a_path(uid, storage, archive):
    dataset = ct_slice(16, 16)
    data = data_set_bytes(dataset)
    study = dataset.StudyInstanceUID.encode()
    hostile = uid.encode().ljust(len(study), b" ")
    status = store(storage, dataset, data.replace(study, hostile))
    assert status.code == 0xA900
    assert list(archive.directory.rglob("*.dcm")) == []


def test_an_identifier_that_is_no_uid_is_named(storage):
    dataset = ct_slice(16, 16)
    data = data_set_bytes(dataset)
    study = dataset.StudyInstanceUID.encode()
    status = store(storage, dataset, data.replace(study, b"a".ljust(len(study), b"b")))
    assert status.code == 0xA900
    assert status.comment.startswith("(0020,000D) StudyInstanceUID is 'abb")


def test_a_request_for_no_uid_is_refused_counted_and_said_in_words(storage, outcomes):
    """Some anonymisers put digests into UIDs."""
    named = "dccc9599087131742838cc1162a630fea87ba9bf61ac09bfda90d4adfa5ddaed"
    with pytest.raises(errors.DimseStatusError, match="SOPInstanceUID of the request") as refused:
        storage.begin(request(ct_slice(16, 16), sop_instance_uid=named), SENDER)
    assert refused.value.status == 0xA900
    assert outcomes == ["A900"]


@pytest.mark.parametrize(
    ("named", "data", "status", "why"),
    [
        ("no-uid", b"data", 0xA900, "SOPInstanceUID of the request"),  # known as it begins
        ("1.2.3", b"\xff" * 5000, 0xC000, "data set"),  # known when all has come
    ],
)
def test_a_refusal_stands_in_the_log_once_with_who_sent_it_and_why(
    archive, caplog, named, data, status, why
):
    with (
        accepting(services=[storage_service(archive)]) as acceptor,
        RawPeer.to(acceptor) as peer,
    ):
        peer.associate(context(1, CT_IMAGE_STORAGE, EXPLICIT_VR_LITTLE_ENDIAN))
        peer.send(p_data(pdv(store_rq(instance=named))) + p_data(pdv(data, command=False)))
        assert status_of(peer.command()) == status
    [line] = [text for each in caplog.records if "refused" in (text := each.getMessage())]
    assert f"from ECHOSCU at 127.0.0.1: {status:04X}" in line
    assert why in line


def test_a_truncated_data_set_is_not_kept(storage, archive):
    dataset = ct_slice(16, 16)
    status = store(storage, dataset, data_set_bytes(dataset)[:-100])
    assert status.code == 0xC000
    assert list(archive.directory.rglob("*.dcm")) == []


def test_garbage_is_not_understood(storage):
    assert store(storage, ct_slice(16, 16), b"\xff" * 5000).category.value == "Failure"


def test_an_empty_data_set_is_refused(storage):
    assert store(storage, ct_slice(16, 16), b"").category.value == "Failure"


def test_an_association_that_ends_inside_a_data_set_leaves_nothing(storage, archive):
    dataset = ct_slice(16, 16)
    sink = storage.begin(request(dataset), SENDER)
    sink.write([memoryview(data_set_bytes(dataset))[:500]])
    sink.abort()
    assert archive.count(Query(Level.INSTANCE)) == 0
    assert [path for path in archive.directory.rglob("*.dcm") if path.is_file()] == []


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.OutOfResources("disk full"), 0xA700),
        (errors.LimitExceeded("too large"), 0xA700),
        (errors.InstanceConflict("other bytes"), 0x0111),
        (errors.InvalidAttribute("empty", 0x0020000D), 0xA900),
        (errors.NotDicom("no DICOM"), 0xC000),
        (errors.InvalidDicom("broken"), 0xC000),
        (errors.UnsupportedTransferSyntax("unknown"), 0xC000),
        (errors.IsocenterError("something else"), 0x0110),
    ],
)
def test_each_reason_has_its_status_of_the_standard(error, code):
    status = failure_status(error)
    assert status.code == code
    assert status.comment == str(error)


@pytest.mark.parametrize(
    "uid",
    [
        CT_IMAGE_STORAGE,
        "1.2.840.10008.5.1.4.1.1.6",  # ultrasound, retired
        "1.2.840.113619.4.30",  # GE PET Advance Raw Data
        "1.2.999.1.2.3",  # nobody's
    ],
)
def test_every_storage_sop_class_is_offered_also_retired_private_and_unknown_ones(uid, archive):
    assert uid in storage_service(archive).abstract_syntaxes


@pytest.mark.parametrize(
    "uid",
    [
        "1.2.840.10008.1.1",  # Verification
        "1.2.840.10008.5.1.4.1.2.2.1",  # Study Root Query/Retrieve, FIND
        "1.2.840.10008.1.20.1",  # Storage Commitment Push Model
        "not a UID",
    ],
)
def test_what_is_no_storage_sop_class_is_not_offered(uid, archive):
    assert uid not in storage_service(archive).abstract_syntaxes


def broken():
    """A CT whose orientation is missing, of a patient whose name must not be quoted."""
    dataset = ct_slice(16, 16, PatientName="SECRET^NAME", PatientSex="SECRET")
    del dataset.ImageOrientationPatient
    return dataset


@pytest.mark.parametrize(
    ("validation", "code", "kept"), [("off", 0x0000, 1), ("warn", 0xB007, 1), ("refuse", 0xA900, 0)]
)
def test_an_object_that_breaks_its_iod_is_kept_warned_of_or_refused(
    tmp_path, caplog, validation, code, kept
):
    with Archive.open(tmp_path / "judged", durability="fast", validation=validation) as archive:
        status = store(ArchiveStorage(archive), broken())
        assert status.code == code
        assert archive.count(Query(Level.INSTANCE)) == kept
    if validation != "off":
        assert "ImageOrientationPatient (0020,0037) missing-attribute" in status.comment
    assert "SECRET" not in status.comment + caplog.text
    assert ("ImageOrientationPatient" in caplog.text) == (validation != "off")


@pytest.mark.parametrize("validation", ["off", "warn", "refuse"])
def test_an_object_that_keeps_the_rules_is_stored_whatever_the_validation(tmp_path, validation):
    with Archive.open(tmp_path / "judged", durability="fast", validation=validation) as archive:
        assert store(ArchiveStorage(archive), ct_slice(16, 16)).code == 0x0000
