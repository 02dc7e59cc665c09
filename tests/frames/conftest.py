import sys
from pathlib import Path

# For `libraries`, which every test of this folder may draw from.
sys.path.insert(0, str(Path(__file__).parent))
