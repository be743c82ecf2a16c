"""Sample studies for somebody who looks for the first time: files that pydicom carries."""

import logging
from importlib.resources import as_file, files

from isocenter.archive import Archive, Level, Query
from isocenter.media import import_paths

__all__ = ["SAMPLES", "fill"]

_log = logging.getLogger(__name__)

# Relative to pydicom's `data` folder; a folder stands for every file in it. One of each instance:
# several of pydicom's files are the same instance in another encoding.
SAMPLES = (
    "test_files/CT_small.dcm",
    "test_files/J2K_pixelrep_mismatch.dcm",
    "test_files/MR_small.dcm",
    "test_files/examples_overlay.dcm",
    "test_files/examples_ybr_color.dcm",  # ultrasound, 30 frames, JPEG
    "test_files/examples_rgb_color.dcm",
    "test_files/examples_palette.dcm",
    "test_files/ExplVR_BigEnd.dcm",
    "test_files/JPEG-lossy.dcm",  # nuclear medicine, whole body
    "test_files/liver_1frame.dcm",  # segmentation
    "test_files/rtdose.dcm",
    "test_files/rtplan.dcm",
    "test_files/waveform_ecg.dcm",
    "test_files/test-SR.dcm",
    "test_files/image_dfl.dcm",  # deflated
    "test_files/SC_rgb_rle_2frame.dcm",
    "test_files/SC_ybr_full_422_uncompressed.dcm",
    "test_files/dicomdirtests/77654033/CR1",
    "test_files/dicomdirtests/77654033/CR2",
    "test_files/dicomdirtests/77654033/CR3",
    "test_files/dicomdirtests/77654033/CT2",
    "test_files/dicomdirtests/98892001/CT2N",
    "test_files/dicomdirtests/98892001/CT5N",
    "test_files/dicomdirtests/98892003/MR1",
    "test_files/dicomdirtests/98892003/MR2",
    "test_files/dicomdirtests/98892003/MR700",
    "charset_files/chrArab.dcm",
    "charset_files/chrGerm.dcm",
    "charset_files/chrGreek.dcm",
    "charset_files/chrH31.dcm",
    "charset_files/chrI2.dcm",
    "charset_files/chrRuss.dcm",
    "charset_files/chrX1.dcm",
)


def fill(archive: Archive) -> int:
    """Put the sample studies into an archive that is still empty.

    Returns
    -------
    int
        How many instances were stored; 0 when the archive holds anything already.
    """
    if archive.count(Query(Level.STUDY)):
        return 0
    with as_file(files("pydicom") / "data") as folder:
        report = import_paths(archive, [folder / sample for sample in SAMPLES])
    for failure in report.failures:
        _log.warning("a sample is left out: %s: %s", failure.name, failure.error)
    return report.stored
