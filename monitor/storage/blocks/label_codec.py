"""A LabelFrame as bytes. FORMAT.md draws them.

frame   = zstd(u32 header length, header, codes of column 0, codes of column 1, …)
header  = JSON [S, [[name, item size of a code in bytes, [value of code 1, value of code 2, …]], …]]
codes   = S unsigned little-endian integers; 0 is the empty string
"""

from __future__ import annotations

import struct

import cramjam
import numpy as np
import orjson

from monitor.errors import CorruptData
from monitor.model.label_frame import LabelColumn, LabelFrame

_HEADER_LENGTH = struct.Struct("<I")
_ZSTD_LEVEL = 3
_USUAL_BYTES = 1 << 14


def encode_labels(frame: LabelFrame) -> bytes:
    header, arrays = [], []
    for name in frame.names():
        column = frame.columns[name]
        code_by_value = {"": 0}
        codes = column.recoded(code_by_value)
        dtype = np.min_scalar_type(len(code_by_value) - 1)
        header.append([name, dtype.itemsize, list(code_by_value)[1:]])
        arrays.append(codes.astype(dtype).tobytes())
    text = orjson.dumps([frame.size, header])
    plain = b"".join([_HEADER_LENGTH.pack(len(text)), text, *arrays])
    return bytes(cramjam.zstd.compress(plain, _ZSTD_LEVEL))


def decode_labels(data: bytes) -> LabelFrame:
    """The frame again, each column with its own values. Raises CorruptData."""
    return LabelDecoder().decode(data)


class LabelDecoder:
    """Decodes many frames. Columns that are equal become one object: those of the targets of a job mostly are."""

    def __init__(self) -> None:
        self._columns: dict[tuple[tuple[str, ...], bytes], LabelColumn] = {}

    def decode(self, data: bytes) -> LabelFrame:
        """See decode_labels."""
        try:
            plain = _decompress(data)
            (length,) = _HEADER_LENGTH.unpack_from(plain)
            position = _HEADER_LENGTH.size + length
            size, header = orjson.loads(plain[_HEADER_LENGTH.size : position])
            columns = {}
            for name, item_size, values in header:
                end = position + size * item_size
                columns[name] = self._column(("", *values), plain[position:end], item_size, size)
                position = end
        except (cramjam.DecompressionError, ValueError, struct.error) as error:
            raise CorruptData(f"a label frame does not decode: {error}") from error
        return LabelFrame(size, columns)

    def _column(self, values: tuple[str, ...], plain: bytes, item_size: int, size: int) -> LabelColumn:
        found = self._columns.get((values, plain))
        if found is None:
            codes = np.frombuffer(plain, np.dtype(f"<u{item_size}"), size)
            found = self._columns[values, plain] = LabelColumn(codes.astype(np.int32), values)
        return found


def _decompress(data: bytes) -> bytes:
    """A buffer that suffices for most frames spares the decoder one of its own, which takes it twice as long."""
    buffer = bytearray(_USUAL_BYTES)
    try:
        size = cramjam.zstd.decompress_into(data, buffer)
    except cramjam.DecompressionError:
        return bytes(cramjam.zstd.decompress(data))
    return bytes(memoryview(buffer)[:size])
