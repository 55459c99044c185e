import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_ser.training import losses

POSSIBLE = np.array([[True, True, False, True], [True, False, True, False]])
CLASSES = np.array([1, 2])


def test_targets():
    np.testing.assert_array_equal(losses.targets(CLASSES, 4), np.eye(4)[CLASSES])
    np.testing.assert_array_equal(losses.targets(CLASSES, 4, POSSIBLE), [[0, 1, -1, 0], [0, -1, 1, -1]])


def test_with_every_class_possible_it_is_keras_crossentropy(rng):
    answers = rng.dirichlet(np.ones(4), 6).astype(np.float32)
    targets = losses.targets(rng.integers(0, 4, 6), 4)
    expected = keras.losses.CategoricalCrossentropy()(targets, answers)
    np.testing.assert_allclose(losses.PossibleCrossentropy()(targets, answers), expected, rtol=1e-5)


def test_what_an_impossible_class_gets_changes_nothing_and_has_no_gradient():
    targets = losses.targets(CLASSES, 4, POSSIBLE)
    loss = losses.PossibleCrossentropy(outside=0.0, reduction=None)
    answers = np.array([[0.1, 0.3, 0.4, 0.2], [0.2, 0.3, 0.1, 0.4]], np.float32)
    np.testing.assert_allclose(loss(targets, answers), -np.log([0.3 / 0.6, 0.1 / 0.3]), rtol=1e-5)
    others = np.array([[0.15, 0.45, 0.1, 0.3], [0.6, 0.05, 0.3, 0.05]], np.float32)
    np.testing.assert_allclose(loss(targets, others), loss(targets, answers), rtol=1e-5)
    certain = np.array([[0.0, 0.0, 1.0, 0.0], [0.0, 1.0, 0.0, 0.0]], np.float32)
    assert np.isfinite(loss(targets, certain)).all()


def test_it_is_a_fault_to_leave_little_to_what_is_possible():
    targets = losses.targets(CLASSES, 4, POSSIBLE)
    answers = np.array([[0.1, 0.3, 0.4, 0.2], [0.2, 0.3, 0.1, 0.4]], np.float32)
    plain = losses.PossibleCrossentropy(outside=0.0, reduction=None)
    again = losses.PossibleCrossentropy.from_config(losses.PossibleCrossentropy(0.2).get_config() | {"reduction": None})
    expected = plain(targets, answers) - 0.2 * np.log([0.6, 0.3])
    np.testing.assert_allclose(again(targets, answers), expected, rtol=1e-5)


@pytest.mark.parametrize("share", [1e-3, 1e-9, 1e-30])
def test_what_is_possible_has_a_gradient_however_little_it_is_given(share):
    logits = tf.Variable([[np.log(share), np.log(share) - 1.0, 0.0, np.log(share)]])  # of the third it cannot be
    with tf.GradientTape() as tape:
        loss = losses.PossibleCrossentropy()(losses.targets(CLASSES[:1], 4, POSSIBLE[:1]), tf.nn.softmax(logits))
    (found,) = tape.gradient(loss, logits).numpy()
    within = np.array([1.0, np.exp(-1.0), 0.0, 1.0]) / (2.0 + np.exp(-1.0))  # softmax over what is possible
    expected = within - [0, 1, 0, 0] + 0.1 * (tf.nn.softmax(logits)[0].numpy() - within)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_each_of_several_opinions_is_compared(rng):
    targets = losses.targets(CLASSES, 4, POSSIBLE)
    opinions = rng.dirichlet(np.ones(4), (2, 3)).astype(np.float32)  # [batch, opinions, classes]
    loss = losses.PossibleCrossentropy(reduction=None)
    expected = np.mean([loss(targets, opinions[:, place]) for place in range(3)], axis=0)
    np.testing.assert_allclose(loss(targets, opinions), expected, rtol=1e-5)


def test_accuracy_is_among_the_possible_classes():
    (metric,) = losses.get("possible_crossentropy")["metrics"]
    assert metric.name == "accuracy"
    targets = losses.targets(CLASSES, 4, POSSIBLE)
    answers = np.array([[0.1, 0.3, 0.4, 0.2], [0.4, 0.3, 0.2, 0.1]], np.float32)
    assert metric(targets, answers) == 0.5  # the first: of what is possible, its class is the likeliest
    metric.reset_state()
    both = np.stack([answers, answers[:, ::-1]], axis=1)
    both[1] = [[0.1, 0.1, 0.7, 0.1], [0.3, 0.1, 0.4, 0.2]]
    assert metric(targets, both) == 1.0


def test_keras_knows_it_by_its_name(tmp_path):
    of_keras = losses.get("mean_squared_error")
    assert (of_keras["loss"], [metric.name for metric in of_keras["metrics"]]) == ("mean_squared_error", ["accuracy"])
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(4, activation="softmax")])
    model.compile(**losses.get("possible_crossentropy"))
    model.save(tmp_path / "model.keras")
    assert isinstance(keras.models.load_model(tmp_path / "model.keras").loss, losses.PossibleCrossentropy)


def test_its_options_and_code_are_what_decides_about_it(monkeypatch):
    assert losses.facts("mean_squared_error") == "mean_squared_error"
    facts = losses.facts("possible_crossentropy")
    assert (facts["name"], facts["outside"], facts["epsilon"]) == ("possible_crossentropy", 0.1, 1e-37)
    monkeypatch.setattr(losses, "targets", lambda classes, n_classes, possible=None: classes)
    assert losses.facts("possible_crossentropy")["code"] != facts["code"]
