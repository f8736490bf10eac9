"""The benchmarks are programs of this folder: their parts are found as those programs find them."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
