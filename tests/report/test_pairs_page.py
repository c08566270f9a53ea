"""The page of a protocol of pairs: accuracy instead of ranks, and no yaw anywhere."""

import pandas as pd

from pifr.data.spec import InputSpec
from pifr.evaluation import Measure, evaluate
from pifr.report import write_report


class Grid:
    """Pixels on a coarse grid, minus their mean."""

    name, sha256, spec = "grid", "0" * 64, InputSpec(size_px=64)

    def __call__(self, pixels):
        grid = pixels[:, 4::8, 4::8].astype("float32").reshape(len(pixels), -1)
        return grid - grid.mean(axis=1, keepdims=True)


def test_a_page_of_pairs(rendered, tmp_path):
    frontal = {s: rendered.folder / p for s, p in zip(rendered.table["subject"], rendered.table["path"], strict=True)}
    backwards = rendered.table[::-1]
    turned = {s: rendered.folder / p for s, p in zip(backwards["subject"], backwards["path"], strict=True)}
    names = sorted(frontal)
    rows = [(frontal[a], turned[b], int(a == b), 1 + i % 2) for i, a in enumerate(names) for b in names[:6]]
    table = pd.DataFrame(rows, columns=["first", "second", "same", "fold"])
    table.to_csv(tmp_path / "pairs.csv", index=False)
    result = evaluate(tmp_path / "pairs.csv", [Grid()], "pairs", measure=Measure(rounds=20))
    page = write_report(result, tmp_path / "report.html").read_text()
    assert "Accuracy over 2 folds, percent" in page
    assert f"{100 * result.systems[0].folds.mean:.2f}" in page
    assert "Rank-1" not in page
    assert f"Accuracy over folds: grid {100 * result.systems[0].folds.mean:.2f} %. Equal error rate: grid" in page
    assert "two people, highest scores" in page
