"""The sharded head is the plain head: same loss, same gradients, on one process and on two."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from pifr.core.checkpoint import Checkpoint, latest_checkpoint
from pifr.core.errors import ConfigError, DataError
from pifr.recognition.config import RecognizerConfig
from pifr.recognition.losses import create_loss
from pifr.recognition.sharded_head import ShardedHead, shard_bounds
from pifr.recognition.training import train_recognizer

RunTwo = Callable[..., list[str]]
PEOPLE, WIDTH = 7, 5
BUFFERS = ("running_mean", "running_var", "num_batches_tracked")


def pair(name: str) -> tuple[ShardedHead, torch.nn.Module]:
    """A sharded head and the plain loss with the same centres."""
    torch.manual_seed(0)
    head = ShardedHead(name, PEOPLE, WIDTH, scale=8.0)
    plain = create_loss(name, PEOPLE, WIDTH, scale=8.0)
    with torch.no_grad():
        plain.loss.W.copy_(head.centres.t())
    return head, plain


def batch() -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    return torch.randn(6, WIDTH, requires_grad=True), torch.tensor([0, 6, 3, 3, 1, 5])


@pytest.mark.parametrize("name", ["cosface", "arcface"])
def test_on_one_process_it_equals_the_plain_loss(name: str) -> None:
    (head, plain), (embeddings, labels) = pair(name), batch()
    with torch.no_grad():  # one picture opposite to its centre: the angle plus the margin is beyond pi
        embeddings[0] = -head.centres[0]
    mine = head(embeddings, labels)
    mine.backward()
    gradient, embeddings.grad = embeddings.grad, None
    theirs = plain(embeddings, labels)
    theirs.backward()
    torch.testing.assert_close(mine, theirs)
    torch.testing.assert_close(gradient[1:], embeddings.grad[1:])
    torch.testing.assert_close(head.centres.grad[1:], plain.loss.W.grad.t()[1:])


def test_weights_multiply_the_losses_of_their_pictures() -> None:
    (head, _), (embeddings, labels) = pair("cosface"), batch()
    each = torch.stack([head(embeddings[i : i + 1], labels[i : i + 1]) for i in range(6)])
    head.weights = torch.tensor([0.0, 1.0, 2.0, 1.0, 0.5, 1.5])
    torch.testing.assert_close(head(embeddings, labels), (each * head.weights).mean())


def test_sampling_keeps_the_peoples_own_centres() -> None:
    torch.manual_seed(0)
    head = ShardedHead("cosface", 50, WIDTH, margin=0.0, scale=4.0, sampled_share=0.2)
    embeddings, labels = torch.randn(6, WIDTH), torch.tensor([0, 49, 3, 3, 1, 5])
    centres, places = head._compared(labels)
    assert len(centres) == 10
    assert torch.equal(centres[places], head.centres[labels])
    # Fewer terms in the denominator: the loss is lower than over everybody, and no centre outside moves.
    sampled = head(embeddings, labels)
    sampled.backward()
    assert int((head.centres.grad.abs().sum(1) > 0).sum()) == 10
    head.sampled_share = 1.0
    assert sampled.item() < head(embeddings, labels).item()


def test_labels_and_margins_out_of_range_are_refused() -> None:
    head, _ = pair("cosface")
    with pytest.raises(DataError, match="outside the 7 classes of the loss, found 7"):
        head(torch.randn(2, WIDTH), torch.tensor([0, 7]))
    with pytest.raises(ConfigError, match=r"loss.margin: the margin of cosface lies in \[0, 1\), found 1.5"):
        ShardedHead("cosface", PEOPLE, WIDTH, margin=1.5)


def test_shards_cover_everybody_once() -> None:
    for people in (2, 5, 7):
        bounds = [shard_bounds(people, shard, 2) for shard in range(2)]
        assert bounds[0][0] == 0
        assert bounds[0][1] == bounds[1][0]
        assert bounds[1][1] == people


TWO_PROCESSES = """
import torch
import torch.distributed as dist
from torch.nn import functional as F
from pifr.core.distributed import process_group, rank, wrap
from pifr.recognition.losses import create_loss
from pifr.recognition.optimization import gradient_norm
from pifr.recognition.sharded_head import ShardedHead, own_optimizer_state, whole_optimizer_state

torch.set_num_threads(1)
with process_group(torch.device("cpu")):
    for name in ("cosface", "arcface"):
        torch.manual_seed(0)
        everything, labels = torch.randn(8, 4), torch.tensor([0, 6, 3, 3, 1, 5, 2, 6])
        weights = torch.rand(8)
        torch.manual_seed(0)
        layer, whole = torch.nn.Linear(4, 5), torch.nn.Linear(4, 5)
        whole.load_state_dict(layer.state_dict())
        torch.manual_seed(3)
        head = ShardedHead(name, 7, 5, scale=8.0)
        torch.manual_seed(3)
        everybody = torch.randn(7, 5)  # what a single process would draw
        plain = create_loss(name, 7, 5, scale=8.0)
        plain.loss.W.data.copy_(everybody.t())
        assert torch.equal(head.whole().centres, everybody if rank() == 0 else everybody[:0])

        # The plain loss on the whole batch, each picture's loss weighted by hand.
        each = torch.stack([plain(whole(everything[i : i + 1]), labels[i : i + 1]) for i in range(8)])
        (each * weights).mean().backward()
        part = slice(4 * rank(), 4 * rank() + 4)
        head.weights = weights[part]
        wrapped = wrap(layer, torch.device("cpu"))  # kept: with it goes the averaging
        value = head(wrapped(everything[part]), labels[part])
        value.backward()
        torch.testing.assert_close(value, (each * weights).mean())
        for mine, theirs in zip(layer.parameters(), whole.parameters()):
            torch.testing.assert_close(mine.grad, theirs.grad)
        torch.testing.assert_close(head.centres.grad, plain.loss.W.grad.t()[head.first : head.last])
        norm = gradient_norm([*layer.parameters(), head.centres], [head.centres])
        expected = torch.nn.utils.get_total_norm([p.grad for p in [*whole.parameters(), plain.loss.W]])
        torch.testing.assert_close(norm, float(expected), rtol=1e-6, atol=0.0)  # sums of float32, in another order

        # What an optimizer keeps for each person goes to disk whole and comes back.
        optimizer = torch.optim.AdamW([{"params": list(layer.parameters())}, {"params": [head.centres]}])
        optimizer.step()
        box = [whole_optimizer_state(optimizer, head)]
        dist.broadcast_object_list(box)  # stands for the checkpoint that the main process writes
        state = box[0]
        assert state["state"][2]["exp_avg"].shape == (7, 5)
        before = optimizer.state[head.centres]["exp_avg"].clone()
        optimizer.load_state_dict(own_optimizer_state(state, optimizer, head))
        assert torch.equal(optimizer.state[head.centres]["exp_avg"], before)
"""


@pytest.mark.ddp
def test_on_two_processes_loss_and_gradients_equal_the_plain_ones(run_two: RunTwo, tmp_path: Path) -> None:
    (tmp_path / "two.py").write_text(TWO_PROCESSES)
    run_two(tmp_path / "two.py")


TRAINING = """
import sys
from pathlib import Path
import torch
from pifr.core.config import load_config
from pifr.recognition.config import RecognizerConfig
from pifr.recognition.training import train_recognizer

torch.set_num_threads(1)
result = train_recognizer(load_config(RecognizerConfig, sys.argv[1]), Path(sys.argv[2]), device="cpu")
print(result.run.path)
"""


@pytest.mark.ddp
def test_a_run_of_two_processes_goes_on_with_one(
    recipe: Callable[..., RecognizerConfig], run_two: RunTwo, tmp_path: Path
) -> None:
    changes = {
        "head": {"sharded": True}, "loss": {"scale": 8.0},
        "optimization": {"lr": 0.01, "warmup_steps": 0, "schedule": "constant"},
        "intervals": {"status": 1, "validation": 100, "checkpoint": 3}, "transforms": {"erase": 0.5},
    }  # fmt: skip
    recipe(steps=3, **changes).save(tmp_path / "config.yaml")
    (tmp_path / "train.py").write_text(TRAINING)
    run = Path(run_two(tmp_path / "train.py", str(tmp_path / "config.yaml"), str(tmp_path / "two"))[0].strip())
    alone = recipe(steps=5, batch={"people": 4, "pictures": 2, "accumulate": 2}, **changes)
    resumed = train_recognizer(alone, tmp_path, resume=run, device="cpu").run
    unbroken = train_recognizer(alone, tmp_path / "one", device="cpu").run
    ours, theirs = latest_checkpoint(resumed.checkpoints).weights(), latest_checkpoint(unbroken.checkpoints).weights()
    before = Checkpoint(unbroken.checkpoints / "step-00000003", 3).weights()
    assert ours["loss.centres"].shape == (8, 16)
    # Running statistics are those of the first process. Rounding grows from step to step with batch norms over four
    # pictures, but stays small beside what two steps move; other batches or a lost momentum would not.
    kept = [name for name in ours if name.rpartition(".")[2] not in BUFFERS]
    apart = sum(float((ours[name] - theirs[name]).square().sum()) for name in kept)
    moved = sum(float((before[name] - theirs[name]).square().sum()) for name in kept)
    assert apart**0.5 < 0.1 * moved**0.5
    torch.testing.assert_close(ours["loss.centres"], theirs["loss.centres"], rtol=1e-4, atol=1e-4)
    first = [[record["loss"] for record in run.history.read() if "loss" in record] for run in (resumed, unbroken)]
    assert first[0] == pytest.approx(first[1], rel=1e-2)
