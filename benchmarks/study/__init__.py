"""The study behind the headline: how much of the pose gap views win back. Run by ``benchmarks/pose_gap.py``."""
