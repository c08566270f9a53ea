import numpy as np
import pytest

from pifr.fidelity.leakage import probe
from pifr.metrics import person_weights

PEOPLE, YAWS = 40, 5
PERSON, YAW = (each.ravel() for each in np.meshgrid(np.arange(PEOPLE), np.arange(YAWS), indexing="ij"))


def test_a_code_that_holds_the_label_is_read_and_noise_is_at_chance():
    random, weights = np.random.default_rng(0), person_weights(PEOPLE, 100)
    noise = random.normal(size=(len(PERSON), 6))
    leaking = noise + 0.0
    leaking[:, :YAWS] += 8 * np.eye(YAWS)[YAW]
    train = PERSON < PEOPLE // 2
    found, blind = (probe(codes, YAW, train, PERSON, weights) for codes in (leaking, noise))
    assert found.chance == blind.chance == pytest.approx(1 / YAWS)
    assert found.value > 0.95
    assert blind.interval.low <= 1 / YAWS <= blind.interval.high
    assert blind.trials == PEOPLE // 2 * YAWS
    assert blind.interval.people == PEOPLE // 2


def test_a_scale_of_codes_does_not_matter():
    codes = np.eye(YAWS)[YAW] * 1e-6
    assert probe(codes, YAW, PERSON < 20, PERSON, person_weights(PEOPLE, 10)).value == 1


def test_one_label_or_nothing_to_test_is_unknown():
    weights, codes = person_weights(PEOPLE, 10), np.ones((len(PERSON), 2))
    assert np.isnan(probe(codes, np.zeros_like(YAW), PERSON < 20, PERSON, weights).value)
    assert np.isnan(probe(codes, YAW, PERSON < PEOPLE, PERSON, weights).value)
