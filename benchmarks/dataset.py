"""The objects that are stored, made from a seed: CT slices, small objects, a large multi-frame.

The same seed gives the same bytes, so every server of every run is sent the same objects. Nothing
here is patient data: names are those of astronomers, pixels are a phantom with noise.
"""

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

VERSION = "1"  # changes when the bytes do, so that an older folder is made anew
FAMILY_NAMES = (
    *("KEPLER", "BRAHE", "GALILEI", "HERSCHEL", "CANNON", "LEAVITT", "HUBBLE", "HALLEY", "CASSINI"),
    *("MESSIER", "BESSEL", "ENCKE", "OORT", "KUIPER", "RUBIN", "BURNELL", "PAYNE", "FLEMING"),
    *("MITCHELL", "SOMERVILLE", "HYPATIA", "PTOLEMY", "COPERNICUS", "HEVELIUS"),
)
GIVEN_NAMES = ("ANNA", "BERTA", "CARL", "DORA", "EMIL", "FRIDA", "HELGA", "IDA", "JOHAN", "KARIN")


@dataclass(frozen=True)
class Collection:
    """Files of one kind, in the order in which they are sent.

    Parameters
    ----------
    paths
        Part 10 files.
    studies
        The distinct Study Instance UIDs, in order of first use.
    """

    paths: tuple[Path, ...]
    studies: tuple[str, ...]


def uid(*parts: object) -> str:
    """Make the same UID from the same words, under the UUID root (PS3.5 B.2)."""
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return f"2.25.{int.from_bytes(digest[:16], 'big')}"


def ct_slices(folder: Path, series: int = 4, slices: int = 100) -> Collection:
    """Make one study of CT slices of 527 kB."""
    study = uid("ct")
    phantom = _phantom(512)
    noise = np.random.default_rng(1)

    def objects() -> Iterator[FileDataset]:
        for s in range(series):
            for n in range(slices):
                pixels = _slice(phantom, n / slices, noise)
                yield _ct("ct", study, s + 1, n + 1, pixels, patient=0)

    return _collection(folder / f"ct-{series}x{slices}", objects(), (study,), series * slices)


def ct_stacks(folder: Path, studies: int, slices: int = 25) -> Collection:
    """Make studies of one series of CT slices of 527 kB."""
    phantom = _phantom(512)
    noise = np.random.default_rng(3)
    uids = tuple(uid("stack", s) for s in range(studies))

    def objects() -> Iterator[FileDataset]:
        for s, study in enumerate(uids):
            for n in range(slices):
                pixels = _slice(phantom, n / slices, noise)
                yield _ct(f"stack{s}", study, 1, n + 1, pixels, patient=s)

    return _collection(folder / f"stack-{studies}x{slices}", objects(), uids, studies * slices)


def small_objects(folder: Path, studies: int = 200, each: int = 10) -> Collection:
    """Make studies of a few objects of about 11 kB."""
    return _small(folder / f"small-{studies}x{each}", "small", studies, each)


def single_object_studies(folder: Path, studies: int = 2000) -> Collection:
    """Make studies of one object of about 11 kB."""
    return _small(folder / f"single-{studies}", "single", studies, 1)


def _small(folder: Path, kind: str, studies: int, each: int) -> Collection:
    pixels = _slice(_phantom(64), 0.5, np.random.default_rng(2))
    uids = tuple(uid(kind, s) for s in range(studies))

    def objects() -> Iterator[FileDataset]:
        for s, study in enumerate(uids):
            for n in range(each):
                yield _ct(f"{kind}{s}", study, 1, n + 1, pixels, patient=s)

    return _collection(folder, objects(), uids, studies * each)


def _collection(
    folder: Path, objects: Iterator[FileDataset], studies: tuple[str, ...], count: int
) -> Collection:
    """Write the objects once; a later run finds them again."""
    paths = tuple(folder / f"{n:05}.dcm" for n in range(count))
    stamp = folder / "complete"
    if not stamp.exists() or stamp.read_text() != VERSION:
        folder.mkdir(parents=True, exist_ok=True)
        for path, dataset in zip(paths, objects, strict=True):
            dataset.save_as(path, enforce_file_format=True)
        stamp.write_text(VERSION)
    return Collection(paths, studies)


def _phantom(size: int) -> np.ndarray:
    """Stored values of a body with a spine in it, on a table, in air."""
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    image = np.full((size, size), 24.0)
    image[(x / 0.85) ** 2 + (y / 0.6) ** 2 < 1] = 1064
    image[(x / 0.3) ** 2 + ((y + 0.1) / 0.35) ** 2 < 1] = 224
    image[(x / 0.12) ** 2 + ((y - 0.4) / 0.1) ** 2 < 1] = 1824
    image[(abs(y - 0.75) < 0.02) & (abs(x) < 0.9)] = 700
    return image


def _slice(phantom: np.ndarray, phase: float, noise: np.random.Generator) -> np.ndarray:
    """One slice: the phantom a little larger or smaller, with the noise of a thin slice (20 HU)."""
    shifted = np.roll(phantom, int(phantom.shape[0] * 0.05 * np.sin(2 * np.pi * phase)), axis=0)
    return np.clip(shifted + noise.normal(0, 20, phantom.shape), 0, 4095).astype("<u2")


def _ct(
    seed: str, study: str, series: int, number: int, pixels: np.ndarray, *, patient: int
) -> FileDataset:
    """Compose one CT image with the attributes that a scanner writes, about 116 of them."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset(None, {}, file_meta=meta, preamble=bytes(128))
    dataset.StudyInstanceUID = study
    dataset.SeriesInstanceUID = uid(seed, series)
    dataset.SOPInstanceUID = meta.MediaStorageSOPInstanceUID = uid(seed, series, number)
    dataset.SOPClassUID = meta.MediaStorageSOPClassUID = CTImageStorage
    dataset.FrameOfReferenceUID = uid(seed, "frame of reference")
    _patient_and_study(dataset, patient)
    _acquisition(dataset, series, number)
    _private(dataset, number)
    _image(dataset, pixels)
    return dataset


def _patient_and_study(dataset: Dataset, patient: int) -> None:
    chance = random.Random(patient)
    day = chance.randint(0, 3650)
    dataset.SpecificCharacterSet = "ISO_IR 100"
    family, given = chance.choice(FAMILY_NAMES), chance.choice(GIVEN_NAMES)
    dataset.PatientName = f"{family}^{given}^^^"
    dataset.PatientID = f"P{patient:06}"
    dataset.IssuerOfPatientID = "OBSERVATORY"
    dataset.PatientBirthDate = f"{1920 + chance.randint(0, 80)}0{chance.randint(1, 9)}15"
    dataset.PatientSex = chance.choice("FMO")
    dataset.PatientAge, dataset.PatientWeight, dataset.PatientSize = "054Y", "71.5", "1.74"
    dataset.StudyDate = dataset.SeriesDate = (
        f"{2015 + day // 365}{1 + day % 12:02}{1 + day % 28:02}"
    )
    dataset.AcquisitionDate = dataset.ContentDate = dataset.StudyDate
    dataset.StudyTime = f"{chance.randint(6, 20):02}{chance.randint(0, 59):02}17.250000"
    dataset.StudyID, dataset.AccessionNumber = f"{patient}", f"A{patient:08}"
    dataset.StudyDescription = chance.choice(("THORAX ROUTINE", "ABDOMEN", "SKULL BASE", "SPINE"))
    dataset.ReferringPhysicianName = "HERSCHEL^CAROLINE^^DR"
    dataset.PerformingPhysicianName = dataset.OperatorsName = "OORT^JAN"
    dataset.NameOfPhysiciansReadingStudy = "CANNON^ANNIE^JUMP"
    dataset.PhysiciansOfRecord = "BURNELL^JOCELYN"
    dataset.InstitutionName, dataset.InstitutionAddress = "Observatory Hospital", "Hill Road 1"
    dataset.InstitutionalDepartmentName = "Radiology"
    dataset.AdditionalPatientHistory, dataset.PatientComments = "none known", "benchmark object"
    dataset.PregnancyStatus, dataset.MedicalAlerts, dataset.Allergies = 4, "none", "none"
    dataset.ProcedureCodeSequence = Sequence([_code("24627-2", "LN", "CT Chest")])


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def _acquisition(dataset: Dataset, series: int, number: int) -> None:
    dataset.Modality, dataset.Manufacturer = "CT", "Isocenter benchmarks"
    dataset.ManufacturerModelName, dataset.StationName = "Phantom 64", "CT01"
    dataset.DeviceSerialNumber, dataset.SoftwareVersions = "000042", ["syn.1", "syn.2"]
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL", "CT_SOM5 SPI"]
    dataset.SeriesNumber, dataset.AcquisitionNumber, dataset.InstanceNumber = series, 1, number
    dataset.InstanceCreationDate, dataset.InstanceCreationTime = dataset.StudyDate, "101500"
    dataset.SeriesTime = dataset.AcquisitionTime = dataset.ContentTime = "101500.125000"
    dataset.SeriesDescription = f"Thorax {series}.0 B{series}0f"
    dataset.ProtocolName, dataset.BodyPartExamined = "ThoraxRoutine", "CHEST"
    dataset.PatientPosition, dataset.ScanOptions, dataset.KVP = "HFS", "HELICAL", "120"
    dataset.DataCollectionDiameter, dataset.ReconstructionDiameter = "500", "350"
    dataset.DistanceSourceToDetector, dataset.DistanceSourceToPatient = "1040", "570"
    dataset.GantryDetectorTilt, dataset.TableHeight, dataset.RotationDirection = "0", "151", "CW"
    dataset.ExposureTime, dataset.XRayTubeCurrent, dataset.Exposure = "500", "180", "90"
    dataset.FilterType, dataset.GeneratorPower, dataset.FocalSpots = "0", "21", ["1.2"]
    dataset.ConvolutionKernel, dataset.SliceThickness = f"B{series}0f", "1.5"
    dataset.SingleCollimationWidth, dataset.TotalCollimationWidth = 0.6, 19.2
    dataset.TableSpeed, dataset.TableFeedPerRotation, dataset.SpiralPitchFactor = 46.0, 23.0, 1.2
    dataset.ExposureModulationType, dataset.EstimatedDoseSaving = "XYZ_EC", 18.3
    dataset.CTDIvol, dataset.AcquisitionType = 6.07, "SPIRAL"
    dataset.DateOfLastCalibration, dataset.TimeOfLastCalibration = "20140101", "060000"
    dataset.ImagePositionPatient = ["-174.658", "-174.658", f"{-700 + 1.5 * number:g}"]
    dataset.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    dataset.SliceLocation, dataset.PositionReferenceIndicator = f"{-700 + 1.5 * number:g}", "SN"
    dataset.PerformedProcedureStepStartDate = dataset.StudyDate
    dataset.PerformedProcedureStepStartTime = "100500"
    dataset.PerformedProcedureStepID, dataset.PerformedProcedureStepDescription = "PPS1", "CT chest"
    dataset.RequestedProcedureDescription = "CT chest"
    request = Dataset()
    request.RequestedProcedureID, request.ScheduledProcedureStepID = "RP1", "SPS1"
    request.ScheduledProcedureStepDescription = "CT chest without contrast"
    request.ScheduledProtocolCodeSequence = Sequence([_code("CTCHEST", "99LOCAL", "CT chest")])
    dataset.RequestAttributesSequence = Sequence([request])
    reference = Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = CTImageStorage, uid("ref")
    dataset.ReferencedImageSequence = Sequence([reference])
    dataset.IrradiationEventUID = uid(dataset.SeriesInstanceUID, "irradiation")


def _private(dataset: Dataset, number: int) -> None:
    block = dataset.private_block(0x0029, "ISOCENTER BENCH", create=True)
    block.add_new(0x10, "LO", "reconstruction 7")
    block.add_new(0x11, "DS", f"{number * 1.5:g}")
    block.add_new(0x12, "OB", bytes(range(256)) * 2)
    block.add_new(0x13, "UL", number)


def _image(dataset: Dataset, pixels: np.ndarray) -> None:
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.PixelSpacing = ["0.683594", "0.683594"]
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PixelRepresentation = 0
    dataset.SmallestImagePixelValue, dataset.LargestImagePixelValue = 0, 4095
    dataset.WindowCenter, dataset.WindowWidth = ["40", "-600"], ["400", "1200"]
    dataset.WindowCenterWidthExplanation = ["WINDOW1", "WINDOW2"]
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = "-1024", "1", "HU"
    dataset.LossyImageCompression, dataset.BurnedInAnnotation = "00", "NO"
    dataset.PixelData = pixels.tobytes()
