"""DICOM objects for tests, made with pydicom so that what we read was written by somebody else.

Every factory returns a plain `pydicom.Dataset` in Explicit VR Little Endian with native pixel data;
`part10_bytes` writes it in any transfer syntax. Attributes are overridden by keyword:
`ct_slice(PatientName="Doe^Jane", AccessionNumber=None)`, where None leaves the attribute out.
"""

import struct
import zlib
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom import DataElement, Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset, write_file_meta_info
from pydicom.sequence import Sequence
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    generate_uid,
)

CT_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.2"
MULTI_FRAME_WORD_SC_STORAGE = "1.2.840.10008.5.1.4.1.1.7.3"
BASIC_TEXT_SR_STORAGE = "1.2.840.10008.5.1.4.1.1.88.11"
NATIVE = {
    ImplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
}


def _apply(dataset: Dataset, attributes: dict[str, Any]) -> Dataset:
    for keyword, value in attributes.items():
        if value is None:
            if keyword in dataset:
                delattr(dataset, keyword)
        else:
            setattr(dataset, keyword, value)
    return dataset


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def _reference(sop_class: str) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, generate_uid()
    return item


def composite(sop_class_uid: str, modality: str) -> Dataset:
    """Patient, Study, Series and SOP Common attributes that every composite object has."""
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID = sop_class_uid
    dataset.SOPInstanceUID = generate_uid()
    dataset.StudyDate, dataset.StudyTime = "20240117", "081530.5"
    dataset.AccessionNumber = "A1234"
    dataset.Modality = modality
    dataset.ReferringPhysicianName = "Referrer^Rita"
    dataset.StudyDescription = "Chest with contrast"
    dataset.PatientName, dataset.PatientID = "Doe^Jane", "PID-1"
    dataset.PatientBirthDate, dataset.PatientSex = "19700102", "F"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = generate_uid(), generate_uid()
    dataset.StudyID, dataset.SeriesNumber, dataset.InstanceNumber = "S1", 2, 1
    return dataset


def small_object(**attributes: Any) -> Dataset:
    """A composite object of about half a kilobyte without pixel data."""
    dataset = composite(BASIC_TEXT_SR_STORAGE, "SR")
    dataset.CompletionFlag, dataset.VerificationFlag = "COMPLETE", "UNVERIFIED"
    dataset.ValueType, dataset.ContinuityOfContent = "CONTAINER", "SEPARATE"
    dataset.ConceptNameCodeSequence = Sequence([_code("121070", "DCM", "Findings")])
    return _apply(dataset, attributes)


def pixels(rows: int, columns: int, *, seed: int = 0, dtype: str = "int16") -> np.ndarray:
    """A smooth picture with noise, of the size of a CT's numbers; the same for the same seed."""
    noise = np.random.default_rng(seed).integers(0, 24, (rows, columns))
    y, x = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j]
    body = np.where(x * x + y * y < 0.8, 40 + 20 * np.sin(9 * x + seed), -1000)
    return (body + noise).astype(dtype)


def _ct_acquisition(dataset: Dataset) -> None:
    for keyword, value in {
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        "InstanceCreationDate": "20240117",
        "InstanceCreationTime": "081700",
        "SeriesDate": "20240117",
        "AcquisitionDate": "20240117",
        "ContentDate": "20240117",
        "SeriesTime": "081600",
        "AcquisitionTime": "081610",
        "ContentTime": "081612",
        "Manufacturer": "ACME",
        "InstitutionName": "General Hospital",
        "InstitutionAddress": "1 Main Street",
        "StationName": "CT01",
        "SeriesDescription": "Axial 1.25mm",
        "InstitutionalDepartmentName": "Radiology",
        "PhysiciansOfRecord": "Record^Ron",
        "PerformingPhysicianName": "Perform^Pat",
        "NameOfPhysiciansReadingStudy": "Read^Rob",
        "OperatorsName": "Operate^Olga",
        "AdmittingDiagnosesDescription": "Cough",
        "ManufacturerModelName": "Scanner 64",
        "PatientAge": "054Y",
        "PatientSize": "1.68",
        "PatientWeight": "61.5",
        "EthnicGroup": "unknown",
        "Occupation": "Teacher",
        "AdditionalPatientHistory": "None",
        "PregnancyStatus": 4,
        "PatientComments": "Prefers mornings",
        "ContrastBolusAgent": "Iohexol",
        "BodyPartExamined": "CHEST",
        "ScanOptions": "HELICAL",
        "SliceThickness": "1.25",
        "KVP": "120",
        "DataCollectionDiameter": "500",
        "DeviceSerialNumber": "SN0001",
        "SoftwareVersions": "1.2.3",
        "ProtocolName": "Chest",
        "ContrastBolusRoute": "IV",
        "ContrastBolusVolume": "80",
        "ContrastFlowRate": "3",
        "ReconstructionDiameter": "360",
        "DistanceSourceToDetector": "949",
        "DistanceSourceToPatient": "541",
        "GantryDetectorTilt": "0",
        "TableHeight": "154.5",
        "RotationDirection": "CW",
        "ExposureTime": "500",
        "XRayTubeCurrent": "220",
        "Exposure": "110",
        "FilterType": "BODY",
        "GeneratorPower": "26400",
        "FocalSpots": ["0.7", "0.9"],
        "DateOfLastCalibration": "20240102",
        "TimeOfLastCalibration": "060000",
        "ConvolutionKernel": "STANDARD",
        "PatientPosition": "HFS",
        "RevolutionTime": 0.5,
        "SingleCollimationWidth": 0.625,
        "TotalCollimationWidth": 40.0,
        "TableSpeed": 110.0,
        "TableFeedPerRotation": 55.0,
        "SpiralPitchFactor": 1.375,
        "ExposureModulationType": "XYZ",
        "CTDIvol": 7.9,
        "AcquisitionNumber": 1,
        "PositionReferenceIndicator": "XY",
        "ImageComments": "none",
        "PerformedProcedureStepStartDate": "20240117",
        "PerformedProcedureStepStartTime": "081530",
        "PerformedProcedureStepID": "PPS1",
        "PerformedProcedureStepDescription": "CT chest",
        "RequestingPhysician": "Request^Ray",
        "RequestedProcedureDescription": "CT chest with contrast",
        "CurrentPatientLocation": "W3",
        "LossyImageCompression": "00",
        "BurnedInAnnotation": "NO",
    }.items():
        setattr(dataset, keyword, value)
    dataset.ReferencedStudySequence = Sequence([_reference("1.2.840.10008.3.1.2.3.1")])
    dataset.ReferencedImageSequence = Sequence([_reference(CT_IMAGE_STORAGE) for _ in range(2)])
    dataset.AnatomicRegionSequence = Sequence([_code("51185008", "SCT", "Thorax")])
    dataset.ProcedureCodeSequence = Sequence([_code("CTCH", "99ACME", "CT chest")])
    request = Dataset()
    request.RequestedProcedureID, request.ScheduledProcedureStepID = "RP1", "SPS1"
    dataset.RequestAttributesSequence = Sequence([request])
    block = dataset.private_block(0x0009, "ACME CT 1.0", create=True)
    block.add_new(0x01, "LO", "private text")
    block.add_new(0x02, "DS", "12.5")
    item = Dataset()
    item.private_block(0x0009, "ACME CT 1.0", create=True).add_new(0x04, "SH", "nested")
    block.add_new(0x03, "SQ", Sequence([item]))


def ct_slice(rows: int = 512, columns: int = 512, *, seed: int = 0, **attributes: Any) -> Dataset:
    """A CT Image with about 116 attributes and a picture; 527 kB at its default size."""
    dataset = composite(CT_IMAGE_STORAGE, "CT")
    _ct_acquisition(dataset)
    number = int(attributes.get("InstanceNumber", 1))
    dataset.FrameOfReferenceUID = generate_uid()
    dataset.ImagePositionPatient = ["-180", "-180", str(-100 + 1.25 * number)]
    dataset.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    dataset.SliceLocation = str(-100 + 1.25 * number)
    dataset.PixelSpacing = ["0.703125", "0.703125"]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.Rows, dataset.Columns = rows, columns
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 16, 15
    dataset.PixelRepresentation = 1
    dataset.PixelPaddingValue = -2000
    dataset.WindowCenter, dataset.WindowWidth = ["40", "-600"], ["400", "1500"]
    dataset.WindowCenterWidthExplanation = ["SOFT", "LUNG"]
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = "0", "1", "HU"
    dataset.PixelData = pixels(rows, columns, seed=seed).tobytes()
    dataset["PixelData"].VR = "OW"
    return _apply(dataset, attributes)


def ct_series(n: int, rows: int = 64, columns: int = 64, **attributes: Any) -> list[Dataset]:
    """`n` CT slices of one series, Instance Number 1 to n, 1.25 mm apart."""
    shared = {
        "StudyInstanceUID": generate_uid(),
        "SeriesInstanceUID": generate_uid(),
        "FrameOfReferenceUID": generate_uid(),
    } | attributes
    return [
        ct_slice(rows, columns, seed=number, **(shared | {"InstanceNumber": number}))
        for number in range(1, n + 1)
    ]


def multi_frame(
    frames: int = 3,
    rows: int = 16,
    columns: int = 12,
    *,
    bits: int = 16,
    samples: int = 1,
    **attributes: Any,
) -> Dataset:
    """A Multi-frame Secondary Capture of unsigned pixels; 1, 8 or 16 bits, grey or RGB."""
    dataset = composite(MULTI_FRAME_WORD_SC_STORAGE, "OT")
    dataset.ConversionType = "SYN"
    dataset.NumberOfFrames = frames
    dataset.SamplesPerPixel = samples
    dataset.PhotometricInterpretation = "RGB" if samples == 3 else "MONOCHROME2"
    if samples == 3:
        dataset.PlanarConfiguration = 0
    dataset.Rows, dataset.Columns = rows, columns
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = bits, bits, bits - 1
    dataset.PixelRepresentation = 0
    values = np.random.default_rng(frames).integers(0, 2**bits, (frames, rows, columns, samples))
    data = (
        np.packbits(values.astype(np.uint8), axis=None, bitorder="little").tobytes()
        if bits == 1
        else values.astype(f"<u{bits // 8}").tobytes()
    )
    dataset.PixelData = data + b"\0" * (len(data) % 2)
    dataset["PixelData"].VR = "OW" if bits == 16 else "OB"
    return _apply(dataset, attributes)


def native_frames(dataset: Dataset) -> list[np.ndarray]:
    """The frames of native pixel data of 8 or 16 bits, each (rows, columns[, samples])."""
    kind = "i" if dataset.PixelRepresentation else "u"
    count = int(dataset.get("NumberOfFrames", 1))
    shape = (count, dataset.Rows, dataset.Columns)
    if dataset.SamplesPerPixel > 1:
        shape += (dataset.SamplesPerPixel,)
    array = np.frombuffer(dataset.PixelData, f"<{kind}{dataset.BitsAllocated // 8}")
    return list(array[: int(np.prod(shape))].reshape(shape))


def _rle(frame: np.ndarray) -> bytes:
    """PS3.5 annex G with literal runs only: bulky, but simple and right."""
    planes = np.moveaxis(frame, -1, 0) if frame.ndim == 3 else frame[None]
    segments = []
    for plane in planes:
        octets = plane.astype(plane.dtype.newbyteorder(">")).view(np.uint8)
        for position in range(plane.dtype.itemsize):
            rows = octets.reshape(plane.shape[0], plane.shape[1], -1)[:, :, position]
            packed = b"".join(
                bytes([len(run) - 1]) + run
                for row in rows
                for run in (row.tobytes()[i : i + 128] for i in range(0, rows.shape[1], 128))
            )
            segments.append(packed + b"\0" * (len(packed) % 2))
    offsets = [64 + sum(map(len, segments[:i])) for i in range(len(segments))]
    return struct.pack("<16I", len(segments), *offsets, *[0] * (15 - len(segments))) + b"".join(
        segments
    )


def encode_frame(frame: np.ndarray, transfer_syntax: str) -> bytes:
    """One frame in an encapsulated transfer syntax; where no encoder exists, deflated bytes."""
    unsigned = frame.view(f"u{frame.dtype.itemsize}")
    match str(transfer_syntax).removeprefix("1.2.840.10008.1.2."):
        case "5":
            return _rle(frame)
        case "1.98":
            return frame.tobytes()
        case "4.57" | "4.70":
            bits = 8 * frame.dtype.itemsize
            return imagecodecs.jpeg_encode(unsigned, lossless=True, bitspersample=bits)
        case "4.50":
            return imagecodecs.jpeg8_encode(frame, level=90)
        case "4.80":
            return imagecodecs.jpegls_encode(unsigned)
        case "4.81":
            return imagecodecs.jpegls_encode(unsigned, level=2)
        case "4.90" | "4.92":
            return imagecodecs.jpeg2k_encode(frame, codecformat="j2k", reversible=True, level=0)
        case "4.91" | "4.93":
            return imagecodecs.jpeg2k_encode(frame, codecformat="j2k", level=60)
        case "4.201" | "4.202" | "4.203":
            return imagecodecs.htj2k_encode(frame)
        case "4.110" | "4.112":
            return imagecodecs.jpegxl_encode(unsigned, lossless=True, usecontainer=False)
        case _:
            return zlib.compress(frame.tobytes())


def _copy(dataset: Dataset) -> Dataset:
    """Another data set of the same elements: `Dataset(dataset)` would share even its dictionary."""
    copy = Dataset()
    copy.update({element.tag: element for element in dataset})
    return copy


def _in_syntax(dataset: Dataset, transfer_syntax: UID) -> Dataset:
    """A copy whose pixel data has the encoding that the transfer syntax asks for."""
    if "PixelData" not in dataset or transfer_syntax in NATIVE - {ExplicitVRBigEndian}:
        return dataset
    copy = _copy(dataset)
    if transfer_syntax == ExplicitVRBigEndian:
        vr, value = dataset["PixelData"].VR, dataset.PixelData
        if vr == "OW":
            value = np.frombuffer(value, "<u2").byteswap().tobytes()
        copy["PixelData"] = DataElement("PixelData", vr, value)
        return copy
    encoded = [encode_frame(frame, transfer_syntax) for frame in native_frames(dataset)]
    copy["PixelData"] = DataElement("PixelData", "OB", encapsulate(encoded))
    copy["PixelData"].is_undefined_length = True
    return copy


def data_set_bytes(dataset: Dataset, transfer_syntax: str = ExplicitVRLittleEndian) -> bytes:
    """The data set as it goes over a DIMSE association: without File Meta Information."""
    uid = UID(transfer_syntax)
    stream = DicomBytesIO()
    stream.is_little_endian = uid != ExplicitVRBigEndian
    stream.is_implicit_VR = uid == ImplicitVRLittleEndian
    write_dataset(stream, _in_syntax(dataset, uid))
    data = stream.getvalue()
    if uid != DeflatedExplicitVRLittleEndian:
        return data
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    deflated = compressor.compress(data) + compressor.flush()
    return deflated + b"\0" * (len(deflated) % 2)


def part10_bytes(
    dataset: Dataset, transfer_syntax: str = ExplicitVRLittleEndian, *, preamble: bytes = bytes(128)
) -> bytes:
    """The object as a DICOM file; native pixel data is encoded when the syntax is encapsulated."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = UID(transfer_syntax)
    stream = DicomBytesIO()
    stream.write(preamble + b"DICM")
    write_file_meta_info(stream, meta, enforce_standard=True)
    return stream.getvalue() + data_set_bytes(dataset, transfer_syntax)


def shutter_cases() -> dict[str, tuple[dict[str, Any], NDArray[np.bool_], NDArray[np.bool_]]]:
    """Display shutters (PS3.3 C.7.6.11) of an image of 60 by 80.

    Each with what it hides, computed here, and where that is open: the edges of a polygon.
    """
    row, column = np.mgrid[1:61, 1:81]
    sure = np.zeros((60, 80), bool)
    rectangle = {
        "ShutterShape": "RECTANGULAR",
        "ShutterLeftVerticalEdge": 11,
        "ShutterRightVerticalEdge": 70,
        "ShutterUpperHorizontalEdge": 6,
        "ShutterLowerHorizontalEdge": 50,
    }
    outside = (column < 11) | (column > 70) | (row < 6) | (row > 50)
    circle = {"CenterOfCircularShutter": [30, 40], "RadiusOfCircularShutter": 25}
    around = (row - 30) ** 2 + (column - 40) ** 2 > 25**2
    diamond = {
        "ShutterShape": "POLYGONAL",
        "VerticesOfThePolygonalShutter": [5, 40, 30, 65, 55, 40, 30, 15],
    }
    distance = abs(row - 30) + abs(column - 40)
    return {
        "rectangular": (rectangle, outside, sure),
        "circular, gray": (
            {"ShutterShape": "CIRCULAR", "ShutterPresentationValue": 32768, **circle},
            around,
            sure,
        ),
        "polygonal": (diamond, distance > 25, distance == 25),
        "both": (
            {**rectangle, **circle, "ShutterShape": ["RECTANGULAR", "CIRCULAR"]},
            outside | around,
            sure,
        ),
    }
