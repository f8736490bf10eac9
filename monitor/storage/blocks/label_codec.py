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
    try:
        plain = bytes(cramjam.zstd.decompress(data))
        (length,) = _HEADER_LENGTH.unpack_from(plain)
        position = _HEADER_LENGTH.size + length
        size, header = orjson.loads(plain[_HEADER_LENGTH.size : position])
        columns = {}
        for name, item_size, values in header:
            codes = np.frombuffer(plain, np.dtype(f"<u{item_size}"), size, position)
            columns[name] = LabelColumn(codes.astype(np.int32), ("", *values))
            position += size * item_size
    except (cramjam.DecompressionError, ValueError, struct.error) as error:
        raise CorruptData(f"a label frame does not decode: {error}") from error
    return LabelFrame(size, columns)
