"""Augmentation: find sources, plan, calibrate the judge, let an engine do the blocks, join them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pifr.augment.calibration import Calibration, References, calibrate
from pifr.augment.config import AugmentConfig
from pifr.augment.engines import Engine
from pifr.augment.engines.in_process import InProcess
from pifr.augment.joining import MANIFEST, claim_folder, merge, refuse_foreign_folder
from pifr.augment.leak import LeakCheck, check_leaks
from pifr.augment.methods import IpganMethod, Method
from pifr.augment.output import blocks_to_do
from pifr.augment.plan import Plan, plan_views
from pifr.augment.result import ACCEPTED, AugmentResult
from pifr.augment.sources import Candidates, find_candidates
from pifr.augment.tar_shards import packed_index
from pifr.augment.tools import Tools, one_thread, open_estimator
from pifr.augment.work import Job
from pifr.core.errors import ConfigError, DataError
from pifr.core.interrupt import Interrupted, stop_on_signal
from pifr.core.progress import progress_bar
from pifr.data.manifest import Manifest

if TYPE_CHECKING:
    from ipgan import Rotator
    from pifr.pose import PoseEstimator
    from pifr.recognition import Embedder


def augment(
    data: Manifest,
    method: Method | Rotator,
    out: Path,
    config: AugmentConfig,
    reference: Manifest | None = None,
    judge: Embedder | None = None,
    test: Manifest | None = None,
    engine: Engine | None = None,
    shard: tuple[int, int] = (1, 1),
    estimator: PoseEstimator | None = None,
) -> AugmentResult:
    """Make multi-view pictures of every person.

    A run that was killed goes on where it stopped, and whoever does the blocks, the files are the same byte for byte
    (on the CPU; on GPUs of one kind as far as the kernels are deterministic).

    Args:
        data: Pictures of the people, aligned as the method wants them.
        method: A method of :mod:`pifr.augment.methods`, or a generator.
        out: Folder for ``pictures/``, ``rejected/``, ``sheets/`` and ``manifest.csv``: a new or empty one, or that of
            a run to go on with.
        config: Target, sources and checks.
        reference: The manifest of the targets ``like`` and ``imitate``.
        judge: Embedder of the identity check; it should have had no part in training the generator.
        test: Nobody in this manifest may be generated.
        engine: Who does the work; by default this process.
        shard: ``(i, n)``: do the i-th of n parts. The last one to finish joins all, or ``pifr augment-merge`` does.
        estimator: Measures yaw where it is checked; by default the shipped one, on the generator's device.

    Returns:
        The manifest and its counts.

    Raises:
        DataError: If the alignment or size differs from the method's, a yaw lies outside what it makes, nobody has a
            usable source, nothing is missing, the judge can't tell the sources apart, not one picture was accepted,
            or ``out`` holds another augmentation or anything else.
        ConfigError: If the shard is none.
        PifrError: If the disk is full or a worker died; what is done stays.
        Interrupted: After Ctrl-C, with every picture so far whole.
    """
    chosen: Method = method if hasattr(method, "draw") else IpganMethod(method)  # type: ignore[assignment]
    out = Path(out)
    chosen.spec.require_template(data.template, data.name)
    _require_judge(config, judge)
    _require_shard(*shard)
    with one_thread():
        job, claim = _prepare(data, chosen, out, config, reference, judge, test)
        if job.plan.views.empty:
            return _nothing_planned(job, claim, chosen, data)
        claim_folder(out, claim)
        tools = Tools(chosen, judge, open_estimator(config.acceptance, _device_of(chosen), estimator))
        seconds = _do_blocks(job, tools, engine or InProcess(), shard)
        return merge(out, seconds)


def _prepare(
    data: Manifest,
    method: Method,
    out: Path,
    config: AugmentConfig,
    reference: Manifest | None,
    judge: Embedder | None,
    test: Manifest | None,
) -> tuple[Job, dict[str, Any]]:
    """Decide everything that does not need a picture to be made; nothing is written yet."""
    refuse_foreign_folder(out)
    poses = reference if config.target == "imitate" else None
    if poses is not None:
        method.spec.require_template(poses.template, poses.name)
    candidates = find_candidates(data, method, config)
    calibration: Calibration | None = None
    references: References | None = None
    if judge is not None:
        used = config.sources_per_person * config.fuse
        calibration, references = calibrate(candidates, judge, config.acceptance, used, config.seed)
    leaks, references = check_leaks(candidates, test, judge, references, calibration.fmr if calibration else None)
    allowed = replace(candidates, ranked={who: r for who, r in candidates.ranked.items() if who not in leaks.refused})
    plan = plan_views(data, allowed, method, config, reference)
    claim = {
        "config": config.model_dump(mode="json"),
        "method": method.name,
        "generator_sha256": method.sha256,
        "data": data.fingerprint(),
        "reference": reference.fingerprint() if reference is not None else None,
        "judge_sha256": judge.sha256 if judge is not None else None,
        "test": test.fingerprint() if test is not None else None,
        "facts": _facts(plan, allowed, method, config, data.template, calibration, leaks),
    }
    return Job(out, config, plan, allowed, poses, references), claim


def _facts(
    plan: Plan,
    candidates: Candidates,
    method: Method,
    config: AugmentConfig,
    template: str,
    calibration: Calibration | None,
    leaks: LeakCheck,
) -> dict[str, Any]:
    """Return what the joining of the blocks needs to know beside their records."""
    return {
        "blocks": plan.blocks,
        "views": len(plan.views),
        "unreachable": plan.unreachable,
        "people_without_source": list(candidates.missing),
        "leaks": leaks.to_dict(),
        "calibration": calibration.to_dict() if calibration is not None else None,
        "columns": {
            "template": template,
            "generator": method.name,
            "generator_sha256": method.sha256,
            "digital_source_type": method.source_type,
            "seed": config.seed,
        },
    }


def _do_blocks(job: Job, tools: Tools, engine: Engine, shard: tuple[int, int]) -> dict[str, float]:
    """Let the engine do this shard's blocks that are not done yet."""
    part, parts = shard
    own = range(part - 1, job.plan.blocks, parts)
    todo = [] if packed_index(job.out) is not None else blocks_to_do(job.out, own)
    if todo and packed_index(job.out) is not None:  # packed and deleted by another part while this one looked
        todo = []
    total = sum(len(job.plan.block(number)) for number in own)
    left = sum(len(job.plan.block(number)) for number in todo)
    seconds: dict[str, float] = {}
    with stop_on_signal() as stop, progress_bar("views", total, done=total - left) as advance:
        if todo:
            seconds = engine.run(job, tools, todo, advance, stop)
        if stop:
            raise Interrupted(f"pictures so far are whole in {job.out}; run the same command again to go on")
    return seconds


def _nothing_planned(job: Job, claim: dict[str, Any], method: Method, data: Manifest) -> AugmentResult:
    """Return the sources alone for the method ``none``; for others say that there is nothing to do."""
    if method.name != "none":
        lacking = f"{job.plan.unreachable} views are missing, and the method reaches none of them"
        raise DataError(
            lacking if job.plan.unreachable else "nothing is missing: everybody reaches the target already",
            where=data.name, cure="choose another --target or a larger --per-person, or --ignore-real",
        )  # fmt: skip
    claim_folder(job.out, claim)
    rows = sorted(int(row) for who in job.candidates.ranked for group in job.candidates.groups(who, job.config)
                  for row in group)  # fmt: skip
    sources = job.candidates.manifest
    chosen = replace(sources, table=sources.table.iloc[rows].reset_index(drop=True), origin=None)
    chosen.save(job.out / ACCEPTED)
    chosen = chosen.save(job.out / MANIFEST)
    return AugmentResult(chosen, job.out / MANIFEST, 0, people_without_source=job.candidates.missing)


def _require_judge(config: AugmentConfig, judge: Embedder | None) -> None:
    if config.acceptance.min_identity_cosine is not None and judge is None:
        raise DataError("min_identity_cosine needs a judge to measure the cosine", cure="name one with --judge")


def _require_shard(part: int, parts: int) -> None:
    if not 1 <= part <= parts:
        raise ConfigError("a shard is written i/n with i from 1 to n", found=f"{part}/{parts}")


def _device_of(method: Method) -> str:
    return str(getattr(getattr(method, "rotator", None), "device", "auto"))
