"""The labels of new series of a request, as columns: a label that many series have is decoded once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from monitor.api.remote_write.write_request import decode_labels
from monitor.errors import BadRequest
from monitor.model.label_frame import LabelColumn, LabelFrame
from monitor.model.labels import METRIC_NAME
from monitor.model.native_histograms import COMPONENT_LABEL

_COLUMN_SHIFT = 32
_CODE_MASK = (1 << _COLUMN_SHIFT) - 1


def decode_label_sets(keys: Sequence[bytes]) -> LabelFrame:
    """The label sets of series keys, in order. Raises BadRequest where `decode_labels` does for one of them."""
    labels = _Labels()
    cells = [labels.cells_of(key) for key in keys]
    frame = labels.frame(cells)
    if frame is None:
        for key in keys:
            decode_labels(key)  # says what is wrong
    assert frame is not None, "BUG: got label sets that are wrong together and right one by one"
    return frame


def decode_float_label_sets(keys: Sequence[bytes]) -> LabelFrame:
    """The same without the label that tells the components of native histograms apart: it is reserved."""
    frame = decode_label_sets(keys)
    if COMPONENT_LABEL in frame.names():
        raise BadRequest(f"remote write labels: want no label {COMPONENT_LABEL}: it is reserved")
    return frame


class _Labels:
    """Every different label that came, as a cell: the number of its column, and its code there."""

    def __init__(self) -> None:
        self._cell_by_label: dict[bytes, int] = {}
        self._columns: dict[str, tuple[int, dict[str, int]]] = {}

    def cells_of(self, key: bytes) -> list[int]:
        """The labels of a series, shifted column numbers and codes. Raises BadRequest."""
        known, cells, position, end = self._cell_by_label, [], 0, len(key)
        while position < end:
            label_end = position + 2 + key[position + 1] if position + 1 < end else end
            label = key[position:label_end]
            cell = known.get(label)
            if cell is None:
                pair = _usual_label(label)
                if pair is None:
                    return [self._cell(*pair) for pair in decode_labels(key).items()]
                cell = known[label] = self._cell(*pair)
            cells.append(cell)
            position = label_end
        return cells

    def _cell(self, name: str, value: str) -> int:
        number, codes = self._columns.setdefault(name, (len(self._columns), {"": 0}))
        return number << _COLUMN_SHIFT | codes.setdefault(value, len(codes))

    def frame(self, cells: list[list[int]]) -> LabelFrame | None:
        """The label sets; None if some set has a name twice, an empty name or no metric name."""
        size = len(cells)
        flat = np.array([cell for of_set in cells for cell in of_set], np.int64)
        rows = np.repeat(np.arange(size), [len(of_set) for of_set in cells])
        places = (flat >> _COLUMN_SHIFT) * size + rows
        codes = np.zeros((len(self._columns), size), np.int32)
        codes.reshape(-1)[places] = flat & _CODE_MASK
        columns = {name: LabelColumn(codes[number], tuple(values)) for name, (number, values) in self._columns.items()}
        if "" in columns or METRIC_NAME not in columns or not columns[METRIC_NAME].codes.all():
            return None
        is_there = np.zeros(codes.size, np.bool_)
        is_there[places] = True
        return LabelFrame(size, columns) if int(is_there.sum()) == len(places) else None


def _usual_label(label: bytes) -> tuple[str, str] | None:
    """Name and value of an encoded label shorter than 128 bytes, name before value; None if it is anything else."""
    if not 6 <= len(label) < 0x82 or len(label) != 2 + label[1] or not label[0] == label[2] == 0x0A:
        return None
    name_end = 4 + label[3]
    if name_end + 2 > len(label) or label[name_end] != 0x12 or name_end + 2 + label[name_end + 1] != len(label):
        return None
    try:
        return label[4:name_end].decode(), label[name_end + 2 :].decode()
    except UnicodeDecodeError:
        return None
