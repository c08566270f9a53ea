"""A protocol in words, for ``pifr benchmark --list``."""

from __future__ import annotations

import textwrap

from pifr.evaluation.protocols.definition import Definition, load_definition, protocol_names

_WIDTH = 110


def explain(definition: Definition) -> str:
    """Return what a protocol measures, needs and comes from, and published figures for it; one paragraph each."""
    parts = [("measures", definition.measures), ("needs", definition.needs), ("source", definition.source)]
    source = f" [{definition.published_source}]" if definition.published_source else ""
    if definition.published_accuracy:
        figures = ", ".join(f"{method} {rate:.2f}" for method, rate in definition.published_accuracy.items())
        parts.append(("published accuracy %", figures + source))
    if definition.published_eer_hter:
        errors = definition.published_eer_hter.items()
        figures = ", ".join(f"{method} {eer:.2f} / {hter:.2f}" for method, (eer, hter) in errors)
        parts.append(("published EER on dev / HTER on eval %", figures + source))
    if definition.published_tar:
        parts.append(("published TAR % at FAR", _rows(definition.published_tar, "") + source))
    if definition.published:
        parts.append(("published rank-1 %", _rows(definition.published, "°") + source))
    lines = [f"{definition.name}: {definition.title}"]
    for label, text in parts:
        lines.append(textwrap.fill(f"{label}: {text}", _WIDTH, initial_indent="  ", subsequent_indent="    "))
    return "\n".join(lines)


def explain_all() -> str:
    """Explain every protocol that comes with the package, in the order of their names."""
    return "\n\n".join(explain(load_definition(name)) for name in protocol_names())


def _rows(published: dict[str, dict[str, float]], unit: str) -> str:
    return "; ".join(
        f"{method} " + ", ".join(f"{key}{unit} {rate:g}" for key, rate in rates.items())
        for method, rates in published.items()
    )
