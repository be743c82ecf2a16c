"""Key Object Selection documents, row by row."""

import pytest
from tests.compose.attribute_tables import EVERYTHING, broken_rows, lost_copies
from tests.factories import ct_series, ct_slice, multi_frame

from isocenter.compose import key_object_selection

TABLES_61_TO_69 = """
0010,0010 2 VNAP copied; 0010,0020 2 VNAP copied; 0010,0021 3 ANAP copied; 0010,0030 2 VNAP copied
0010,0032 3 ANAP copied; 0010,0040 2 VNAP copied; 0010,1001 3 ANAP copied; 0010,2160 3 ANAP copied
0010,4000 3 ANAP copied
0008,0020 2 VNAP copied; 0008,0030 2 VNAP copied; 0008,0050 2 VNAP copied; 0008,0090 2 VNAP copied
0008,1030 3 ANAP copied; 0020,000D 1 ALWAYS copied; 0020,0010 2 VNAP copied
0008,1080 3 ANAP copied; 0010,1010 3 ANAP copied; 0010,1020 3 ANAP copied; 0010,1030 3 ANAP copied
0010,2180 3 ANAP copied; 0010,21B0 3 ANAP copied
0008,0021 3 ALWAYS generated; 0008,0031 3 ALWAYS generated; 0008,0060 1 ALWAYS generated
0008,103E 3 ALWAYS generated; 0008,1111 2 EMPTY; 0018,1030 3 ANAP copied
0020,000E 1 ALWAYS generated; 0020,0011 1 ALWAYS
0008,0070 2 ALWAYS generated; 0008,1090 3 ALWAYS generated; 0018,1020 3 ALWAYS generated
0020,0013 1 ALWAYS; 0008,0023 1 ALWAYS generated; 0008,0033 1 ALWAYS generated
0040,A375 1 ALWAYS generated; >0008,1115 1 ALWAYS; >>0020,000E 1 ALWAYS; >>0008,1199 1 ALWAYS
>>>0008,1150 1 ALWAYS; >>>0008,1155 1 ALWAYS; >0020,000D 1 ALWAYS
0040,A040 1 ALWAYS; 0040,A043 1C ALWAYS given; >0008,0100 1C ALWAYS; >0008,0102 1C ALWAYS
>0008,0104 1 ALWAYS; 0040,A050 1 ALWAYS
0040,A730 1C ALWAYS given; >0040,A010 1 ALWAYS; >0040,A040 1 ALWAYS; >0040,A043 1C ANAP
>>0008,0100 1C ALWAYS; >>0008,0102 1C ALWAYS; >>0008,0104 1 ALWAYS; >0040,A160 1C ANAP
>0008,1199 1C ANAP; >>0008,1150 1 ALWAYS; >>0008,1155 1 ALWAYS; >>0008,1160 1C ANAP
0008,0005 1C ANAP generated; 0008,0016 1 ALWAYS generated; 0008,0018 1 ALWAYS generated
"""
"""Other Patient IDs (0010,1000), which Table 62 has as well, is retired."""


@pytest.mark.parametrize("complete", [True, False])
def test_each_row_of_the_tables_is_kept(complete: bool) -> None:
    absent = {"PatientName": "", "AccessionNumber": "", "StudyID": "", "PatientAge": None}
    images = ct_series(3, **(EVERYTHING if complete else absent))
    composed = key_object_selection(images, note="Größe")
    assert broken_rows(composed, TABLES_61_TO_69) == []
    assert not complete or lost_copies(composed, TABLES_61_TO_69, images[0]) == []
    assert composed.data_set.Modality == "KO"
    text, *references = composed.data_set.ContentSequence
    assert text.ConceptNameCodeSequence[0].CodeMeaning == "Key Object Description"
    assert [one.ValueType for one in references] == ["IMAGE"] * 3
    assert all("ConceptNameCodeSequence" not in one for one in references)


def test_frames_are_named_in_the_content_alone() -> None:
    composed = key_object_selection(multi_frame(), referenced_frame_numbers="2")
    assert broken_rows(composed, TABLES_61_TO_69) == []
    (reference,) = composed.data_set.ContentSequence[0].ReferencedSOPSequence
    assert reference.ReferencedFrameNumber == 2
    evidence = composed.data_set.CurrentRequestedProcedureEvidenceSequence[0]
    (instance,) = evidence.ReferencedSeriesSequence[0].ReferencedSOPSequence
    assert "ReferencedFrameNumber" not in instance


def test_a_row_that_is_not_kept_is_found() -> None:
    composed = key_object_selection(ct_slice())
    assert broken_rows(
        composed, "0010,4000 3 EMPTY; 0010,0010 2 ALWAYS generated; 0008,0060 1 ANAP"
    )
    assert not broken_rows(composed, "0008,0060 1 ANAP generated")
