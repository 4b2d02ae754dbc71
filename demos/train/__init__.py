"""How the bundled network was trained: `python -m edgeskip.demos.train --help` (needs torch)."""
