"""Scores of any number in one Parquet file, written and read in row groups."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from pifr.core.errors import DataError
from pifr.core.files import atomic_path
from pifr.evaluation.blocks import ScoreBlock, ScoreSource, empty_table
from pifr.evaluation.scores import SCORE_PREFIX, ScoreTable

_LAYOUT = b"pifr.blocks"


def write_stream(source: ScoreSource, path: Path) -> int:
    """Write every comparison of a source, a row group a block, the pose sample last; whole or not at all.

    The columns are those of :meth:`ScoreTable.save`. How blocks lie is kept in the file's metadata.

    Returns:
        Number of rows.
    """
    import pyarrow.parquet as pq

    sample = source.sample()
    table = replace(source.outline, scores={name: np.zeros(0, np.float32) for name in source.systems})
    layout: list[list[int] | None] = []
    with (
        atomic_path(Path(path)) as temporary,
        pq.ParquetWriter(temporary, table.chunk(0, 0).schema, compression="zstd") as writer,
    ):
        rows = 0
        for block in source.blocks(source.systems):
            whole = np.ones(len(block.probe), bool)
            chunk = table.of_comparisons(block.probe, block.reference, whole, block.scores).chunk(0, len(whole))
            writer.write_table(chunk, row_group_size=len(whole))
            layout.append(None if block.shape is None else list(block.shape))
            rows += len(whole)
        if len(sample):
            writer.write_table(sample.chunk(0, len(sample)), row_group_size=len(sample))
        writer.add_key_value_metadata({_LAYOUT: json.dumps({"blocks": layout, "digest": source.digest()})})
    return rows + len(sample)


class ParquetBlocks:
    """The blocks of a file that :func:`write_stream` wrote; one row group is in memory at a time.

    Args:
        path: The file.

    Raises:
        DataError: If it is missing, damaged, or was not written as a stream.
    """

    def __init__(self, path: Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            self._file = pq.ParquetFile(path, read_dictionary=["probe", "reference"])
        except (pa.ArrowException, OSError) as error:
            raise DataError("can't read the scores", where=path, found=error) from error
        metadata = self._file.metadata.metadata or {}
        if _LAYOUT not in metadata:
            raise DataError("these scores were not written as a stream", where=path)
        layout = json.loads(metadata[_LAYOUT])
        self._shapes, self._digest = layout["blocks"], layout["digest"]
        names = self._file.schema_arrow.names
        self.systems = [name.removeprefix(SCORE_PREFIX) for name in names if name.startswith(SCORE_PREFIX)]
        self._place: dict[str, int] = {}
        self.outline = empty_table(self._pictures(names))

    def __len__(self) -> int:
        return sum(self._file.metadata.row_group(number).num_rows for number in range(len(self._shapes)))

    def blocks(self, systems: list[str]) -> Iterator[ScoreBlock]:
        """Yield the protocol's comparisons; see :class:`~pifr.evaluation.blocks.ScoreSource`."""
        for number, shape in enumerate(self._shapes):
            probe, reference, scores = self._group(number, systems)
            yield ScoreBlock(probe, reference, scores, None if shape is None else (shape[0], shape[1]))

    def sample(self) -> ScoreTable:
        """Return the pairs across poses behind the yaw x yaw table."""
        if self._file.num_row_groups == len(self._shapes):
            return replace(self.outline, scores={name: np.zeros(0, np.float32) for name in self.systems})
        probe, reference, scores = self._group(len(self._shapes), self.systems)
        return ScoreTable(self.outline.pictures, probe, reference, np.zeros(len(probe), bool), scores)

    def digest(self) -> str:
        """Return the digest of what is compared with what."""
        return str(self._digest)

    def _group(self, number: int, systems: list[str]) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
        columns = ["probe", "reference", *(SCORE_PREFIX + name for name in systems)]
        table = self._file.read_row_group(number, columns=columns)
        sides = []
        for side in ("probe", "reference"):
            column = table.column(side).combine_chunks()
            # A path in the dictionary that no comparison uses belongs to no picture.
            place = np.array([self._place.get(path, -1) for path in column.dictionary.to_pylist()], np.int32)
            sides.append(place[column.indices.to_numpy()])
        scores = {name: table.column(SCORE_PREFIX + name).to_numpy().astype(np.float32) for name in systems}
        return sides[0], sides[1], scores

    def _pictures(self, names: list[str]) -> pd.DataFrame:
        """Collect the metadata of each picture from the first row group that it appears in."""
        columns = [name.removeprefix("probe_") for name in names if name.startswith("probe_")]
        parts = []
        for number in range(self._file.num_row_groups):
            for side in ("probe", "reference"):
                wanted = [side, *(f"{side}_{name}" for name in columns)]
                table = self._file.read_row_group(number, columns=wanted)
                indices = table.column(side).combine_chunks().indices.to_numpy()
                _, first = np.unique(indices, return_index=True)
                found = table.take(first).to_pandas()
                found.columns = ["path", *columns]
                found["path"] = found["path"].astype(str)
                parts.append(found[~found["path"].isin(self._place)])
                for path in parts[-1]["path"]:
                    self._place[path] = len(self._place)
        joined = pd.concat(parts, ignore_index=True)
        for name in joined.columns:
            if isinstance(joined[name].dtype, pd.CategoricalDtype):
                joined[name] = joined[name].astype(str)
        return joined
