"""NumPy's protocol and reductions, for an array whose headers follow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from isocenter.series import numpy_functions

__all__ = ["Reductions"]


class Reductions(NDArrayOperatorsMixin):
    """What a `Series` does as an array does it; `numpy_functions` says what follows."""

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        return numpy_functions.apply_ufunc(ufunc, method, inputs, options)

    def __array_function__(
        self, function: Any, types: Any, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Any:
        return numpy_functions.apply_function(function, args, kwargs)

    def all(self, axis: Any = None, **options: Any) -> Any:
        """Tell whether all values are true, as `numpy.all` does.

        Parameters
        ----------
        axis, **options
            As `numpy.all` takes them; by default all axes.

        Returns
        -------
        Series, ndarray or scalar
            A `Series` along tag, slice and colour; an array along others, or with `keepdims`; one
            value along all.
        """
        return np.all(cast("Any", self), axis=axis, **options)

    def any(self, axis: Any = None, **options: Any) -> Any:
        """Tell whether any value is true, as `numpy.any` does.

        Parameters
        ----------
        axis, **options
            As `numpy.any` takes them; by default all axes.

        Returns
        -------
        Series, ndarray or scalar
            As `all` gives it.
        """
        return np.any(cast("Any", self), axis=axis, **options)

    def sum(self, axis: Any = None, **options: Any) -> Any:
        """Return sums as `numpy.sum` does.

        Parameters
        ----------
        axis, **options
            As `numpy.sum` takes them; by default all axes.

        Returns
        -------
        Series, ndarray or scalar
            As `all` gives it.
        """
        return np.sum(cast("Any", self), axis=axis, **options)

    def mean(self, axis: Any = None, **options: Any) -> Any:
        """Return means as `numpy.mean` does.

        Parameters
        ----------
        axis, **options
            As `numpy.mean` takes them; by default all axes.

        Returns
        -------
        Series, ndarray or scalar
            As `all` gives it.
        """
        return np.mean(cast("Any", self), axis=axis, **options)

    def min(self, axis: Any = None, **options: Any) -> Any:
        """Return minima as `numpy.min` does.

        Parameters
        ----------
        axis, **options
            As `numpy.min` takes them; by default all axes.

        Returns
        -------
        Series, ndarray or scalar
            As `all` gives it.
        """
        return np.min(cast("Any", self), axis=axis, **options)

    def max(self, axis: Any = None, **options: Any) -> Any:
        """Return maxima as `numpy.max` does.

        Parameters
        ----------
        axis, **options
            As `numpy.max` takes them; by default all axes.

        Returns
        -------
        Series, ndarray or scalar
            As `all` gives it.
        """
        return np.max(cast("Any", self), axis=axis, **options)

    def std(self, axis: Any = None, **options: Any) -> Any:
        """Return standard deviations as `numpy.std` does.

        Parameters
        ----------
        axis, **options
            As `numpy.std` takes them; by default all axes.

        Returns
        -------
        Series, ndarray or scalar
            As `all` gives it.
        """
        return np.std(cast("Any", self), axis=axis, **options)
