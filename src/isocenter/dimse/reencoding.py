"""Writing an uncompressed data set anew in another uncompressed transfer syntax, through pydicom.

Only for peers that take none of what a file is encoded in; nothing else in this package ever
decodes a data set.
"""

from io import BytesIO
from typing import Any

from isocenter.dicom.blame import blamed
from isocenter.dimse.outgoing import Outgoing
from isocenter.dimse.service import UNCOMPRESSED
from isocenter.errors import InvalidDicom

_WORDS = {"OW": 2, "OF": 4, "OL": 4, "OD": 8, "OV": 8}


def is_uncompressed(transfer_syntax: str) -> bool:
    """Whether a data set in this syntax can be written anew in the other uncompressed ones."""
    return transfer_syntax in UNCOMPRESSED


def reencode(outgoing: Outgoing, transfer_syntax: str) -> bytes:
    """Return an object's data set in another uncompressed transfer syntax.

    Parameters
    ----------
    outgoing
        An object in an uncompressed transfer syntax.
    transfer_syntax
        One of `UNCOMPRESSED`.

    Raises
    ------
    InvalidDicom
        pydicom cannot read it, or cannot write it that way.
    OSError
        It cannot be read.
    """
    try:
        return _rewritten(outgoing, transfer_syntax)
    except Exception as error:  # pydicom raises whatever its parts raise
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the file system's, not one of pydicom's
        raise InvalidDicom(
            f"the object cannot be written anew in transfer syntax {transfer_syntax}: "
            f"{blamed(error)}"
        ) from error


def _rewritten(outgoing: Outgoing, transfer_syntax: str) -> bytes:
    import pydicom
    from pydicom.filebase import DicomBytesIO
    from pydicom.filewriter import write_dataset

    source = outgoing.source
    file = BytesIO(source) if isinstance(source, bytes) else source
    dataset = pydicom.dcmread(file, force=True)  # pyright: ignore[reportUnknownMemberType]
    implicit = transfer_syntax == UNCOMPRESSED[1]
    little = transfer_syntax != UNCOMPRESSED[2]
    if little != (outgoing.transfer_syntax_uid != UNCOMPRESSED[2]):
        dataset.walk(_swap)
    buffer = DicomBytesIO()
    buffer.is_implicit_VR, buffer.is_little_endian = implicit, little
    write_dataset(buffer, dataset)
    return buffer.getvalue()


def _swap(_: object, element: Any) -> None:
    """Turn around the words of a value that pydicom keeps as bytes."""
    size = _WORDS.get(element.VR)
    value = element.value
    if size is not None and isinstance(value, bytes):
        data = bytearray(value)
        for offset in range(size // 2):
            low, high = slice(offset, None, size), slice(size - 1 - offset, None, size)
            data[low], data[high] = data[high], data[low]
        element.value = bytes(data)
