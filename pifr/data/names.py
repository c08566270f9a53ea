"""Names of cameras, lights and sessions, which every set writes in its own way."""

from __future__ import annotations


def normal_name(value: str) -> str:
    """Return a name as it is compared: no underscores, no leading zeros, lower case.

    Example:
        >>> normal_name("05_1") == normal_name("051"), normal_name("00")
        (True, '0')
    """
    text = str(value).replace("_", "").strip().lower()
    return text.lstrip("0") or ("0" if text else "")
