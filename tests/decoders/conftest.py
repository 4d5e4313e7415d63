from __future__ import annotations

import sys
from pathlib import Path

# The tests of a folder share `decoding.py` that stands beside them; a folder of tests is no package.
sys.path.insert(0, str(Path(__file__).parent))
