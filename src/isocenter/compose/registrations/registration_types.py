"""How a registration was found (Registration Type Code Sequence, PS3.16 CID 7100)."""

from pydicom.dataset import Dataset

from isocenter.compose.codes import Code, named_code

__all__ = ["registration_type_items"]


def registration_type_items(registration_type: str | Code | None) -> list[Dataset]:
    """Return the items of the sequence, which is Type 2: none where nothing is said.

    Raises
    ------
    CannotCompose
        When CID 7100 has no such type, or a code of the caller's own is incomplete.
    """
    if registration_type is None:
        return []
    code = named_code(
        registration_type,
        (7100,),
        what="registration type",
        tag=0x0070030D,
        module="Spatial Registration",
    )
    return [code.whole_item()]
