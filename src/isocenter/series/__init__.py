"""Series: image series as arrays that remember what they are."""

from .axis import Axis
from .opening import Where
from .series import Series
from .writing import Written

__all__ = ["Axis", "Series", "Where", "Written"]
