"""The registry of transfer syntaxes: how data sets and pixel data are encoded (PS3.5 annex A)."""

from dataclasses import dataclass
from types import MappingProxyType

from isocenter.errors import UnsupportedTransferSyntax


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferSyntax:
    """One set of encoding rules.

    Parameters
    ----------
    uid
        Its UID.
    name
        Its name in PS3.6 annex A.
    implicit
        Whether value representations are left out (PS3.5 A.1).
    little_endian
        Whether the least significant byte of a number comes first.
    deflated
        Whether the data set is a raw deflate stream (PS3.5 A.5).
    encapsulated
        Whether pixel data is a sequence of fragments (PS3.5 A.4).
    lossy
        Whether the encoding may lose information.
    video
        Whether one stream holds all frames.
    media_type
        What a frame (or the video) is called on the web (PS3.18 8.7.3), None for native pixel data
        and where the standard names no type.
    retired
        Whether the standard has retired it.
    big_endian_pixels
        Whether native pixel data of more than 8 bits has the other byte order than the data set.
    """

    uid: str
    name: str
    implicit: bool = False
    little_endian: bool = True
    deflated: bool = False
    encapsulated: bool = False
    lossy: bool = False
    video: bool = False
    media_type: str | None = None
    retired: bool = False
    big_endian_pixels: bool = False


def _native() -> list[TransferSyntax]:
    root = "1.2.840.10008.1.2"
    return [
        TransferSyntax(uid=root, name="Implicit VR Little Endian", implicit=True),
        TransferSyntax(uid=f"{root}.1", name="Explicit VR Little Endian"),
        TransferSyntax(
            uid=f"{root}.1.99", name="Deflated Explicit VR Little Endian", deflated=True
        ),
        TransferSyntax(
            uid=f"{root}.2",
            name="Explicit VR Big Endian",
            little_endian=False,
            retired=True,
        ),
        TransferSyntax(
            uid="1.2.840.10008.1.20",
            name="Papyrus 3 Implicit VR Little Endian",
            implicit=True,
            retired=True,
        ),
        # Nothing but the pixel data is big endian; DCMTK and GDCM know it by the same UID.
        TransferSyntax(
            uid="1.2.840.113619.5.2",
            name="GE Private Implicit VR Little Endian with Big Endian Pixel Data",
            implicit=True,
            big_endian_pixels=True,
        ),
        # The pixel data stays with its provider (PS3.5 A.6, A.7).
        TransferSyntax(uid=f"{root}.4.94", name="JPIP Referenced"),
        TransferSyntax(uid=f"{root}.4.95", name="JPIP Referenced Deflate", deflated=True),
        TransferSyntax(uid=f"{root}.4.204", name="JPIP HTJ2K Referenced"),
        TransferSyntax(uid=f"{root}.4.205", name="JPIP HTJ2K Referenced Deflate", deflated=True),
    ]


# Suffix below 1.2.840.10008.1.2, name, may lose information, retired, media type.
_STILL: tuple[tuple[str, str, bool, bool, str | None], ...] = (
    ("1.98", "Encapsulated Uncompressed Explicit VR Little Endian", False, False, None),
    ("4.50", "JPEG Baseline (Process 1)", True, False, "image/jpeg"),
    ("4.51", "JPEG Extended (Process 2 and 4)", True, False, "image/jpeg"),
    ("4.52", "JPEG Extended (Process 3 and 5)", True, True, None),
    ("4.53", "JPEG Spectral Selection, Non-Hierarchical (Process 6 and 8)", True, True, None),
    ("4.54", "JPEG Spectral Selection, Non-Hierarchical (Process 7 and 9)", True, True, None),
    ("4.55", "JPEG Full Progression, Non-Hierarchical (Process 10 and 12)", True, True, None),
    ("4.56", "JPEG Full Progression, Non-Hierarchical (Process 11 and 13)", True, True, None),
    ("4.57", "JPEG Lossless, Non-Hierarchical (Process 14)", False, False, "image/jpeg"),
    ("4.58", "JPEG Lossless, Non-Hierarchical (Process 15)", False, True, None),
    ("4.59", "JPEG Extended, Hierarchical (Process 16 and 18)", True, True, None),
    ("4.60", "JPEG Extended, Hierarchical (Process 17 and 19)", True, True, None),
    ("4.61", "JPEG Spectral Selection, Hierarchical (Process 20 and 22)", True, True, None),
    ("4.62", "JPEG Spectral Selection, Hierarchical (Process 21 and 23)", True, True, None),
    ("4.63", "JPEG Full Progression, Hierarchical (Process 24 and 26)", True, True, None),
    ("4.64", "JPEG Full Progression, Hierarchical (Process 25 and 27)", True, True, None),
    ("4.65", "JPEG Lossless, Hierarchical (Process 28)", False, True, None),
    ("4.66", "JPEG Lossless, Hierarchical (Process 29)", False, True, None),
    (
        "4.70",
        "JPEG Lossless, Non-Hierarchical, First-Order Prediction (Process 14 [Selection Value 1])",
        False,
        False,
        "image/jpeg",
    ),
    ("4.80", "JPEG-LS Lossless Image Compression", False, False, "image/jls"),
    ("4.81", "JPEG-LS Lossy (Near-Lossless) Image Compression", True, False, "image/jls"),
    ("4.90", "JPEG 2000 Image Compression (Lossless Only)", False, False, "image/jp2"),
    ("4.91", "JPEG 2000 Image Compression", True, False, "image/jp2"),
    (
        "4.92",
        "JPEG 2000 Part 2 Multi-component Image Compression (Lossless Only)",
        False,
        False,
        "image/jpx",
    ),
    ("4.93", "JPEG 2000 Part 2 Multi-component Image Compression", True, False, "image/jpx"),
    ("4.110", "JPEG XL Lossless", False, False, "image/jxl"),
    ("4.111", "JPEG XL JPEG Recompression", True, False, "image/jxl"),
    ("4.112", "JPEG XL", True, False, "image/jxl"),
    (
        "4.201",
        "High-Throughput JPEG 2000 Image Compression (Lossless Only)",
        False,
        False,
        "image/jphc",
    ),
    (
        "4.202",
        "High-Throughput JPEG 2000 with RPCL Options Image Compression (Lossless Only)",
        False,
        False,
        "image/jphc",
    ),
    ("4.203", "High-Throughput JPEG 2000 Image Compression", True, False, "image/jphc"),
    ("5", "RLE Lossless", False, False, "image/dicom-rle"),
    ("8.1", "Deflated Image Frame Compression", False, False, None),
)

# Suffix, name, media type; each also has a fragmentable form, except H.265.
_VIDEO: tuple[tuple[str, str, str], ...] = (
    ("100", "MPEG2 Main Profile / Main Level", "video/mpeg"),
    ("101", "MPEG2 Main Profile / High Level", "video/mpeg"),
    ("102", "MPEG-4 AVC/H.264 High Profile / Level 4.1", "video/mp4"),
    ("103", "MPEG-4 AVC/H.264 BD-compatible High Profile / Level 4.1", "video/mp4"),
    ("104", "MPEG-4 AVC/H.264 High Profile / Level 4.2 For 2D Video", "video/mp4"),
    ("105", "MPEG-4 AVC/H.264 High Profile / Level 4.2 For 3D Video", "video/mp4"),
    ("106", "MPEG-4 AVC/H.264 Stereo High Profile / Level 4.2", "video/mp4"),
    ("107", "HEVC/H.265 Main Profile / Level 5.1", "video/H265"),
    ("108", "HEVC/H.265 Main 10 Profile / Level 5.1", "video/H265"),
)


def _encapsulated() -> list[TransferSyntax]:
    root = "1.2.840.10008.1.2"
    found = [
        TransferSyntax(
            uid=f"{root}.{suffix}",
            name=name,
            encapsulated=True,
            lossy=lossy,
            retired=retired,
            media_type=media_type,
        )
        for suffix, name, lossy, retired, media_type in _STILL
    ]
    for suffix, name, media_type in _VIDEO:
        forms = [(f"{root}.4.{suffix}", name)]
        if media_type != "video/H265":
            forms.append((f"{root}.4.{suffix}.1", f"Fragmentable {name}"))
        found += [
            TransferSyntax(
                uid=uid,
                name=form,
                encapsulated=True,
                lossy=True,
                video=True,
                media_type=media_type,
            )
            for uid, form in forms
        ]
    return found


TRANSFER_SYNTAXES = MappingProxyType({each.uid: each for each in _native() + _encapsulated()})
"""Every known transfer syntax by UID."""

IMPLICIT_VR_LITTLE_ENDIAN = TRANSFER_SYNTAXES["1.2.840.10008.1.2"]
EXPLICIT_VR_LITTLE_ENDIAN = TRANSFER_SYNTAXES["1.2.840.10008.1.2.1"]
EXPLICIT_VR_BIG_ENDIAN = TRANSFER_SYNTAXES["1.2.840.10008.1.2.2"]
DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN = TRANSFER_SYNTAXES["1.2.840.10008.1.2.1.99"]


def lookup(uid: str) -> TransferSyntax | None:
    """Find a transfer syntax by its UID.

    Parameters
    ----------
    uid
        A UID without padding.

    Returns
    -------
    TransferSyntax or None
        None if the UID is not registered here.
    """
    return TRANSFER_SYNTAXES.get(uid)


def transfer_syntax(uid: str) -> TransferSyntax:
    """Find a transfer syntax by its UID, which must be known.

    Parameters
    ----------
    uid
        A UID without padding.

    Returns
    -------
    TransferSyntax
        Its encoding rules.

    Raises
    ------
    UnsupportedTransferSyntax
        If the UID is not registered here.
    """
    found = TRANSFER_SYNTAXES.get(uid)
    if found is None:
        raise UnsupportedTransferSyntax(
            f"Transfer Syntax UID (0002,0010) {uid!r} is unknown; expected one of PS3.6 annex A"
        )
    return found
