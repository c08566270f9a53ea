import numpy as np
import pytest
import torch

from ipgan.methods.view_codes import Views, random_views, view_loss, views_of
from ipgan.views import view_yaws
from pifr.core.errors import DataError

CENTRES = torch.tensor([-90.0, 0.0, 30.0])


def test_a_view_is_the_mean_of_the_yaws_that_round_to_it():
    yaws = np.array([-1.0, 1.0, 29.0, 33.0, np.nan, 88.0])
    assert view_yaws(yaws, 15, mirrored=False, name="x") == (0.0, 31.0, 88.0)


def test_mirrored_pictures_make_mirrored_views():
    assert view_yaws(np.array([2.0, 30.0]), 15, mirrored=True, name="x") == (-30.0, 0.0, 30.0)


@pytest.mark.parametrize(
    ("yaws", "found"),
    [([np.nan, np.nan], "found no known yaw"), ([5.0, 5.0], "found 2 pictures between .* degrees, which is one view")],
)
def test_fewer_than_two_views_are_refused(yaws, found):
    with pytest.raises(DataError, match=rf"faces.csv: DR-GAN and CR-GAN .*{found}; fill the column 'yaw'"):
        view_yaws(np.array(yaws), 15, mirrored=False, name="faces.csv")


def test_a_yaw_is_shared_out_between_its_neighbours():
    torch.manual_seed(0)
    views = views_of(torch.tensor([-90.0, -30.0, 15.0, 30.0, 80.0, -120.0, float("nan")]), CENTRES)
    third = 1 / 3
    expected = [[1, 0, 0], [third, 2 * third, 0], [0, 0.5, 0.5], [0, 0, 1], [0, 0, 1], [1, 0, 0]]
    assert torch.allclose(views.codes[:6], torch.tensor(expected))
    assert views.known.tolist() == [True] * 6 + [False]
    assert sorted(views.codes[6].tolist()) == [0, 0, 1]  # some view, drawn at random


def test_views_are_drawn_alike():
    torch.manual_seed(0)
    drawn = random_views(3000, CENTRES)
    assert (drawn.sum(dim=1) == 1).all()
    assert torch.allclose(drawn.mean(dim=0), torch.full((3,), 1 / 3), atol=0.03)


def test_the_view_loss_takes_logits_and_known_views_alone():
    logits = torch.tensor([[2.0, 0.0], [0.0, 5.0]])
    views = Views(torch.tensor([[1.0, 0.0], [1.0, 0.0]]), torch.tensor([True, False]))
    assert view_loss(logits, views).item() == pytest.approx(np.log(1 + np.exp(-2)))
    soft = Views(torch.tensor([[0.5, 0.5], [0, 1]]), torch.tensor([True, False]))
    assert view_loss(logits, soft).item() == pytest.approx(np.log(1 + np.exp(-2)) + 1)  # half of it two nats worse
    unknown = Views(views.codes, torch.zeros(2, dtype=torch.bool))
    assert view_loss(logits, unknown).item() == 0
