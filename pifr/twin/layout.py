"""Multi-PIE's folders and file names."""

from __future__ import annotations


def multi_pie_stem(subject: str, session: int, recording: int, camera: str) -> str:
    """Return a picture's path up to the light's id.

    Example:
        >>> multi_pie_stem("001", 1, 1, "05_1")
        'session01/multiview/001/01/05_1/001_01_01_051_'
    """
    folder = f"session{session:02d}/multiview/{subject}/{recording:02d}/{camera}"
    return f"{folder}/{subject}_{session:02d}_{recording:02d}_{camera.replace('_', '')}_"
