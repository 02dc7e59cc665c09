import sys
from pathlib import Path

from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent / "reference"))

# Laws are about numbers, not about how busy the machine is; and the same run finds the same.
settings.register_profile("emix", deadline=None, derandomize=True)
settings.load_profile("emix")
