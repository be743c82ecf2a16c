"""Objects of frames on those of a source: the header is inherited, highdicom builds the frames."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from isocenter.compose.composition import Composition
from isocenter.compose.highdicom_objects import complete
from isocenter.compose.measured.source_frames import SourceFrames

__all__ = ["add_header", "frame_arguments"]


def add_header(
    composition: Composition, modality: str, *, number: int, description: str | None
) -> None:
    """Inherit patient, study and frame of reference; begin a series; name equipment and moment.

    Parameters
    ----------
    composition
        The object.
    modality
        Modality (0008,0060).
    number, description
        Series Number (0020,0011) and Series Description (0008,103E).
    """
    composition.patient()
    composition.study()
    composition.series(modality, number=number, description=description)
    composition.equipment()
    composition.frame_of_reference(required=False)
    composition.content_moment()


def frame_arguments(
    frames: SourceFrames, array: NDArray[Any], composition: Composition
) -> dict[str, Any]:
    """Return what highdicom is told of every such object: its frames, series and equipment.

    Parameters
    ----------
    frames
        What its frames lie on.
    array
        Their values in geometric order, shape (frames, rows, columns) or with segments behind.
    composition
        The object, with its header and content label.

    Returns
    -------
    dict
        Arguments by name.
    """
    data_set = composition.data_set
    return {
        "source_images": complete(frames.images, apart=frames.apart),
        "pixel_array": frames.in_their_order(array),
        "series_instance_uid": str(data_set.SeriesInstanceUID),
        "series_number": int(data_set.SeriesNumber),
        "sop_instance_uid": str(data_set.SOPInstanceUID),
        "instance_number": int(data_set.InstanceNumber),
        "manufacturer": str(data_set.Manufacturer),
        "manufacturer_model_name": str(data_set.ManufacturerModelName),
        "software_versions": str(data_set.SoftwareVersions),
        "device_serial_number": str(data_set.DeviceSerialNumber),
        "content_label": str(data_set.ContentLabel),
    }
