"""One Arrow column in, one NumPy array out: numbers and customer ids.

The file knows Arrow's types and nothing of the frames that the columns come from. Every refusal is
a `DataError` that names the column, the first row at fault and the remedy. No function loops over
rows; `first_failure` halves its way to the one bad row after a conversion has failed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tercet.exceptions import DataError

if TYPE_CHECKING:
    from collections.abc import Callable

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
#: Customer ids: integers, or strings as Arrow's (offsets, bytes).
Ids: TypeAlias = Integers | tuple[Integers, NDArray[np.uint8]]

# From 2**53 on neighbouring whole numbers are the same float: an id may stand for two customers.
_LARGEST_EXACT_FLOAT = 2.0**53


def column_error(column: str, reason: str, row: int | None = None) -> DataError:
    """Return a `DataError` in the words that the Rust core uses too."""
    place = "" if row is None else f", row {row}"
    return DataError(f"column '{column}'{place}: {reason}", column, row)


def first_failure(n_rows: int, works: Callable[[int], bool]) -> int:
    """Return the first row at which a conversion fails.

    `works(k)` says whether the first `k` rows convert; it is known to be False for `n_rows`.
    """
    good, bad = 0, n_rows
    while bad - good > 1:
        middle = (good + bad) // 2
        if works(middle):
            good = middle
        else:
            bad = middle
    return bad - 1


def casts(column: Any, kind: Any) -> bool:
    """Whether an Arrow column can be cast to a type without loss."""
    try:
        column.cast(kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return False
    return True


def first_uncastable(column: Any, kind: Any) -> int:
    """Return the first row of an Arrow column that cannot be cast to a type."""
    return first_failure(len(column), lambda k: casts(column.slice(0, k), kind))


def contiguous(column: Any, name: str) -> Any:
    """Return a column without nulls as one Arrow array; strings with 64-bit offsets, decoded."""
    if column.null_count:
        row = pc.index(pc.is_null(column), True).as_py()
        reason = "is missing (null or NaN); fill the gap or drop the row"
        raise column_error(name, reason, row)
    if isinstance(column.type, pa.BaseExtensionType):
        column = _storage(column)
    wide = _wide_type(column.type)
    if wide is not None:
        column = column.cast(wide)
    if not isinstance(column, pa.ChunkedArray):
        return column
    # One chunk is taken as it lies; combine_chunks would copy it.
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def floats(column: Any, name: str, *, missing_as_nan: bool = False) -> Floats:
    """Return a numeric Arrow column as float64, without a copy where it is float64 already."""
    if missing_as_nan and column.null_count:
        column = _missing_as_nan(column, name)
    array = contiguous(column, name)
    kind = array.type
    if pa.types.is_dictionary(kind):
        array = array.cast(kind.value_type)
        kind = array.type
    _require_numbers(kind, name)
    if kind != pa.float64():
        array = _as_floats(array)
    values: Floats = array.to_numpy(zero_copy_only=True)
    return values


def _missing_as_nan(column: Any, name: str) -> Any:
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
    if not pa.types.is_null(column.type):
        _require_numbers(column.type, name)
    return _as_floats(column).fill_null(float("nan"))


def _as_floats(column: Any) -> Any:
    # Arrow multiplies decimals by 0.01, say, which is no hundredth: 0.35 would come out as
    # 0.35000000000000003. Read as text they are the nearest floats.
    if pa.types.is_decimal(column.type):
        column = column.cast(pa.string())
    return column.cast(pa.float64(), safe=False)


def _require_numbers(kind: Any, name: str) -> None:
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        reason = f"holds {_describe(kind)} where numbers belong; convert the column"
        raise column_error(name, reason)


def ids(column: Any, name: str) -> Ids:
    """Return a column of customer ids as integers, or as the offsets and bytes of its strings.

    Equal ids stay equal and their order is kept; categorical strings become the ranks of their
    sorted levels, which is all that grouping and sorting need.
    """
    array = contiguous(column, name)
    kind = array.type
    if pa.types.is_dictionary(kind):
        return _dictionary_ids(array, name)
    if pa.types.is_integer(kind):
        return _integer_ids(array)
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return _whole_ids(array, name)
    if pa.types.is_large_string(kind) or pa.types.is_large_binary(kind):
        return _string_ids(array)
    reason = f"holds {_describe(kind)}; customer ids are integers or strings: convert the column"
    raise column_error(name, reason)


def ids_to_show(column: Any, name: str) -> Ids:
    """Return customer ids as `ids` does, but none renumbered: messages may quote them."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
    elif pa.types.is_uint64(kind) and not casts(column, pa.int64()):
        column = column.cast(pa.large_string())
    return ids(column, name)


def _dictionary_ids(array: Any, name: str) -> Ids:
    if array.dictionary.null_count:  # a null that only the dictionary knows of
        return ids(array.cast(array.type.value_type), name)
    codes = array.indices.to_numpy(zero_copy_only=True)
    levels = contiguous(array.dictionary, name)
    values = ids(levels, name)
    if isinstance(values, tuple):
        values = pc.rank(levels, tiebreaker="dense").to_numpy().astype(np.int64)
    numbers: Integers = values[codes]
    return numbers


def _integer_ids(array: Any) -> Integers:
    values = array.to_numpy(zero_copy_only=True)
    if values.dtype == np.uint64 and len(values) and values.max() > np.iinfo(np.int64).max:
        # Subtracting 2**63 keeps order and equality; flipping the top bit is that subtraction.
        values = (values ^ np.uint64(2**63)).view(np.int64)
    return np.ascontiguousarray(values, dtype=np.int64)


def _whole_ids(array: Any, name: str) -> Integers:
    remedy = "customer ids are integers or strings: convert the column"
    if not casts(array, pa.int64()):
        row = first_uncastable(array, pa.int64())
        raise column_error(name, f"{array[row].as_py()} is not a whole number; {remedy}", row)
    if pa.types.is_floating(array.type):
        large = np.abs(array.to_numpy(zero_copy_only=True)) >= _LARGEST_EXACT_FLOAT
        if large.any():
            reason = (
                f"a floating-point id of 2**53 or more may stand for several customers; {remedy}"
            )
            raise column_error(name, reason, int(large.argmax()))
    whole: Integers = array.cast(pa.int64()).to_numpy(zero_copy_only=True)
    return whole


def _string_ids(array: Any) -> tuple[Integers, NDArray[np.uint8]]:
    _, offsets, data = array.buffers()
    every_offset = np.frombuffer(offsets, dtype=np.int64)
    ours = every_offset[array.offset : array.offset + len(array) + 1]
    text = np.frombuffer(data, dtype=np.uint8) if data is not None else np.empty(0, np.uint8)
    return ours, text


def take(column: Any, rows: Integers) -> Any:
    """Return some rows of an Arrow column; of string views too, which Arrow itself cannot take."""
    kind = column.type
    if pa.types.is_string_view(kind) or pa.types.is_binary_view(kind):
        return column.cast(_wide_type(kind)).take(pa.array(rows)).cast(kind)
    return column.take(pa.array(rows))


def _wide_type(kind: Any) -> Any:
    """Return the type with 64-bit offsets that a string type is read as; None for other types."""
    if pa.types.is_string(kind) or pa.types.is_string_view(kind):
        return pa.large_string()
    if pa.types.is_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return pa.large_binary()
    if pa.types.is_binary_view(kind):
        return pa.large_binary()
    return None


def _storage(column: Any) -> Any:
    """Return what an extension type (a UUID, say) is stored as."""
    if isinstance(column, pa.ChunkedArray):
        chunks = [chunk.storage for chunk in column.chunks]
        return pa.chunked_array(chunks, type=column.type.storage_type)
    return column.storage


def _describe(kind: Any) -> str:
    if _wide_type(kind) is not None or kind in (pa.large_string(), pa.large_binary()):
        return "text"
    if pa.types.is_boolean(kind):
        return "true/false values"
    return f"values of type {kind}"
