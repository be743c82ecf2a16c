"""What the rows of instances hold, whose series mostly share it."""

from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian
from tests.factories import ct_series, part10_bytes

from isocenter.archive import Archive, Level, Query
from isocenter.dicom import tags


def test_the_number_of_rows_is_read_in_the_byte_order_of_each_instance(tmp_path) -> None:
    syntaxes = [ExplicitVRBigEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian]
    with Archive.open(tmp_path, durability="fast") as archive:
        for dataset, syntax in zip(ct_series(3, 8, 16), syntaxes, strict=True):
            archive.ingest(part10_bytes(dataset, syntax))
        instances = archive.find(Query(Level.INSTANCE))
    shapes = [(found.text(tags.Rows), found.text(tags.Columns)) for found in instances]
    assert shapes == [("8", "16")] * 3


def test_each_instance_of_a_series_is_warned_about_its_own_values_once(tmp_path) -> None:
    series = ct_series(3, 8, 8)
    for dataset in series:
        dataset.AcquisitionDate = "yesterday"
    series[1].ContentTime = "noon"
    with Archive.open(tmp_path, durability="fast") as archive:
        warnings = [archive.ingest(part10_bytes(dataset)).warnings for dataset in series]
    assert [len(each) for each in warnings] == [1, 2, 1]
    assert all("AcquisitionDate" in each[0] for each in warnings)
    assert "ContentTime" in warnings[1][1]
