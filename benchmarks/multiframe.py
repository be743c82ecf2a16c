"""A multi-frame object of any size, made while it is sent; each frame is known by its number."""

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MultiFrameGrayscaleWordSecondaryCaptureImageStorage

from benchmarks.dataset import uid

ROWS = COLUMNS = 1024
FRAME_BYTES = ROWS * COLUMNS * 2


@dataclass(frozen=True)
class MultiFrame:
    """A multi-frame secondary capture of 1024 by 1024 frames of 16 bits.

    Parameters
    ----------
    frames
        How many.
    """

    frames: int
    sop_class_uid = str(MultiFrameGrayscaleWordSecondaryCaptureImageStorage)
    sop_instance_uid = uid("large", "instance")

    @classmethod
    def of_size(cls, size: int) -> "MultiFrame":
        """Give as many frames as fit; Pixel Data may not reach 4 GiB (PS3.5 7.1.1)."""
        return cls(max(1, size // FRAME_BYTES))

    @property
    def path(self) -> str:
        """Where DICOMweb has the object."""
        return (
            f"/dicomweb/studies/{uid('large', 'study')}/series/{uid('large', 'series')}"
            f"/instances/{self.sop_instance_uid}"
        )

    @property
    def size(self) -> int:
        """Bytes of the Part 10 file."""
        return len(self._head()) + self.frames * FRAME_BYTES

    def frame(self, number: int) -> bytes:
        """Give the pixels of a frame, counted from 1."""
        return bytes((_TEXTURE + np.uint16(number)).data)

    def part10(self) -> Iterator[bytes]:
        """Give the file piece by piece."""
        yield self._head()
        yield from self._frames()

    def data_set(self) -> Iterator[bytes]:
        """Give the data set alone, as C-STORE sends it."""
        head = self._head()
        (group_length,) = struct.unpack_from("<I", head, 140)
        yield head[144 + group_length :]
        yield from self._frames()

    def _frames(self) -> Iterator[bytes]:
        return (self.frame(number) for number in range(1, self.frames + 1))

    def _head(self) -> bytes:
        """Write everything up to the value of Pixel Data, whose length is then put right."""
        file = io.BytesIO()
        dataset = self._dataset()
        dataset.PixelData = b"\0\0"
        dataset.save_as(file, enforce_file_format=True)
        head = file.getvalue()[:-2]
        return head[:-4] + struct.pack("<I", self.frames * FRAME_BYTES)

    def _dataset(self) -> Dataset:
        meta = FileMetaDataset()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset = FileDataset(None, {}, file_meta=meta, preamble=bytes(128))
        dataset.SOPClassUID = meta.MediaStorageSOPClassUID = self.sop_class_uid
        dataset.SOPInstanceUID = meta.MediaStorageSOPInstanceUID = self.sop_instance_uid
        dataset.StudyInstanceUID = uid("large", "study")
        dataset.SeriesInstanceUID = uid("large", "series")
        dataset.PatientName, dataset.PatientID = "RUBIN^VERA", "LARGE"
        dataset.StudyDate, dataset.StudyTime, dataset.StudyID = "20200101", "120000", "1"
        dataset.PatientBirthDate = dataset.PatientSex = dataset.AccessionNumber = ""
        dataset.ReferringPhysicianName, dataset.Modality, dataset.ConversionType = "", "OT", "WSD"
        dataset.SeriesNumber, dataset.InstanceNumber = 1, 1
        dataset.NumberOfFrames, dataset.FrameIncrementPointer = self.frames, 0x00181063
        dataset.FrameTime = "40"
        dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = ROWS, COLUMNS, 1
        dataset.PhotometricInterpretation, dataset.PixelRepresentation = "MONOCHROME2", 0
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 16, 15
        dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = "0", "1", "US"
        dataset.BurnedInAnnotation = "NO"
        return dataset


_TEXTURE = (np.add.outer(np.arange(ROWS), np.arange(COLUMNS)) % 4096).astype("<u2")
