import sys
from pathlib import Path

# For `members`, which every test of this folder draws from.
sys.path.insert(0, str(Path(__file__).parent))
