"""Measuring a generator: one call, all figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ipgan import Rotator
from pifr.core.environment import environment_record
from pifr.core.errors import ConfigError
from pifr.data.head_height import note_of_views_from_above
from pifr.data.manifest import Manifest
from pifr.data.seen import data_folders, training_people_notes
from pifr.data.validate import warn_of_radians
from pifr.fidelity.identity import judge_views, measure_identity
from pifr.fidelity.kid import measure_kid
from pifr.fidelity.leakage import measure_leakage
from pifr.fidelity.pixels import measure_pixels
from pifr.fidelity.pose import measure_pose
from pifr.fidelity.result import FidelityResult
from pifr.fidelity.swap import measure_swap
from pifr.fidelity.views import make_views, turned_people
from pifr.metrics import person_weights
from pifr.metrics.bootstrap import ROUNDS

if TYPE_CHECKING:
    from pifr.recognition.embedders import Embedder


def evaluate_generator(
    rotator: Rotator,
    manifest: Manifest,
    judges: Sequence[Embedder | str] = (),
    *,
    people: int | None = None,
    source: Mapping[str, str] | None = None,
    rounds: int = ROUNDS,
    seed: int = 0,
    device: str = "auto",
    allow_training_people: bool = False,
) -> FidelityResult:
    """Turn people a generator never saw and measure what comes out.

    Args:
        rotator: The generator.
        manifest: People it never saw, with yaw; best with two sittings a person, so that the gallery differs from
            the source in more than the pose.
        judges: Recognisers or their names. None may have taken part in training the generator, as its identity loss
            or its checkpoint selection: that can't be checked here.
        people: Take the first this many by name.
        source: Values of columns that sources must have, for example ``{"illumination": "07"}``.
        rounds: Of the bootstrap over people.
        seed: Of bootstrap and draws.
        device: Where judges and the pose estimator run.
        allow_training_people: Go on although the generator or a judge was trained on people of the test; it is noted.

    Raises:
        DataError: If the alignment is another than the generator's or a judge's, the generator knows no degrees, or
            fewer than two people have a frontal picture; or if it or a judge was trained on people of the test.
        ConfigError: If two judges have one name, or ``source`` names a column that is not there.
    """
    from pifr.recognition.embedders import load_embedder

    loaded = [load_embedder(each, device) if isinstance(each, str) else each for each in judges]
    names = [judge.name for judge in loaded]
    if len(set(names)) < len(names):
        raise ConfigError("each judge may be named once", where="judges", found=", ".join(names))
    for judge in loaded:
        judge.spec.require_template(manifest.template, f"{manifest.name} for {judge.name}")
    tested, home = turned_people(manifest, people, source), data_folders(manifest)
    notes = [
        note for kind, models in (("generator", [rotator]), ("judge", loaded)) for model in models
        for note in training_people_notes(model, kind, tested, home, allow_training_people)
    ]  # fmt: skip
    if above := note_of_views_from_above(manifest):
        notes.append(above)
    warn_of_radians(manifest)
    views = make_views(rotator, manifest, people, source)
    weights = person_weights(len(views.people), rounds, seed)
    identity, kid = {}, {}
    for judge in loaded:
        judged = judge_views(judge, views)
        identity[judge.name] = measure_identity(judged, views, weights)
        kid[judge.name] = measure_kid(judged.generated, judged.true, len(views.people), seed)
    protocol = {
        "data": manifest.name, "generator": rotator.name, "generator_sha256": rotator.sha256,
        "size_px": rotator.spec.size_px, "judges": {judge.name: judge.sha256 for judge in loaded},
        "source": dict(source or {}), "bootstrap_rounds": rounds, "seed": seed, **views.describe(),
        "notes": notes,
    }  # fmt: skip
    return FidelityResult(
        protocol, identity, measure_pose(views, weights, device), measure_pixels(views, weights),
        measure_leakage(rotator, views, weights, seed), measure_swap(rotator, views, weights), kid,
        environment_record(manifest.fingerprint()),
    )  # fmt: skip
