import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_ser.reports.specification import Training
from keras_ser.training import losses, networks

FIVE_EPOCHS = Training(optimizer="adam", batch_size=8, epochs=5, callbacks=list, chosen_on=())


def model(scale=1.0):
    return keras.Sequential(
        [keras.Input((4,)), keras.layers.Rescaling(scale), keras.layers.Dense(3, activation="softmax")]
    )


@pytest.fixture
def splits(rng):
    features = rng.normal(size=(60, 4)).astype(np.float32)
    classes = features[:, :3].argmax(axis=1)
    targets = losses.targets(classes, 3)
    return (features[:40], targets[:40]), (features[40:], targets[40:])


def fit(splits, seed=0, *, built=None, training_=FIVE_EPOCHS, **options):
    keras.utils.set_random_seed(seed)
    compiled = networks.Models().initialised(
        "a key", lambda: built or model(), training=training_, loss="categorical_crossentropy"
    )
    return compiled, networks.fit(compiled, *splits, training=training_, seed=seed, **options)


@pytest.mark.slow
def test_history_and_progress(splits):
    _, result = fit(splits)
    assert set(result.history) == {"fit", "epoch", "loss", "accuracy", "val_loss", "val_accuracy", "seconds"}
    assert list(result.history["epoch"]) == [1, 2, 3, 4, 5]
    assert result.history["loss"].is_monotonic_decreasing
    assert result.diverged_at is None


@pytest.mark.slow
def test_a_seed_repeats_to_the_bit_and_another_does_not(splits):
    tf.config.experimental.enable_op_determinism()

    def once(seed):
        keras.utils.set_random_seed(seed)
        layers = [keras.layers.Dropout(0.5), keras.layers.Dense(3, activation="softmax")]
        built, result = fit(splits, seed, built=keras.Sequential([keras.Input((4,)), *layers]), epochs=2)
        return [result.history[["loss", "val_loss"]].to_numpy(), *built.get_weights()]

    for first, again, other in zip(once(0), once(0), once(1), strict=True):
        np.testing.assert_array_equal(first, again)
        assert (first != other).any()


AVERAGED = keras.optimizers.serialize(keras.optimizers.AdamW(1e-2, use_ema=True, ema_momentum=0.9))


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["adam", AVERAGED], ids=["adam", "averaged"])
def test_a_model_that_was_fitted_before_fits_as_a_new_one(splits, optimizer):
    tf.config.experimental.enable_op_determinism()
    slower = keras.callbacks.ReduceLROnPlateau(monitor="loss", patience=1, min_delta=10)
    training = Training(optimizer, batch_size=8, epochs=4, callbacks=lambda: [slower], chosen_on=(), refit=True)

    def network():
        layers = [keras.layers.Dense(8), keras.layers.BatchNormalization(), keras.layers.Dropout(0.5)]
        return keras.Sequential([keras.Input((4,)), *layers, keras.layers.Dense(3, activation="softmax")])

    def fitted(models, seed):
        keras.utils.set_random_seed(seed)
        compiled = models.initialised("a key", network, training=training, loss="categorical_crossentropy")
        result = networks.fit(compiled, *splits, training=training, seed=seed)
        return compiled, [result.history.drop(columns="seconds").to_numpy(), *compiled.get_weights()]

    models = networks.Models()
    first, _ = fitted(models, 0)
    traced = first.train_function
    again, results = fitted(models, 1)
    assert again is first
    assert again.train_function is traced  # the purpose of it
    for value, expected in zip(results, fitted(networks.Models(), 1)[1], strict=True):
        np.testing.assert_array_equal(value, expected)


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["categorical_crossentropy", "mean_squared_error", "possible_crossentropy"])
def test_a_training_step_is_traced_once(splits, loss):
    traced = []

    class Counted(keras.Sequential):
        def train_step(self, data):
            traced.append(loss)
            return super().train_step(data)

    def network():
        return Counted([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])

    compiled = networks.Models().initialised("a key", network, training=FIVE_EPOCHS, loss=loss)
    networks.fit(compiled, *splits, training=FIVE_EPOCHS, seed=0)
    assert traced == [loss]


def test_fewer_epochs(splits):
    result = fit(splits, epochs=2)[1]
    assert len(result.history) == result.epochs_run == 2


def test_early_stopping_restores_the_best_weights(splits):
    def stop():
        return [keras.callbacks.EarlyStopping(monitor="val_loss", patience=1, restore_best_weights=True)]

    away = keras.optimizers.Adam(0.5)
    built, result = fit(splits, training_=Training(away, 8, 50, stop, ()))
    assert len(result.history) < 50
    found = built.evaluate(splits[1][0], splits[1][1], verbose=0)[0]
    assert found == pytest.approx(result.history["val_loss"].min(), rel=1e-4)


@pytest.mark.slow
def test_fitted_again_to_train_and_validation_together(splits):
    """As a model is that starts from the same weights and is given both at once."""
    again, result = fit(splits, training_=Training("adam", 8, 3, list, (), refit=True))
    assert result.history["fit"].tolist() == [1] * 3 + [2] * 3
    assert result.history["epoch"].tolist() == [1, 2, 3] * 2
    assert result.history["val_loss"].notna().tolist() == [True] * 3 + [False] * 3  # it belongs to the first fit
    assert result.epochs_run == 3
    both = [np.concatenate(parts) for parts in zip(*splits, strict=True)]
    once, _ = fit((both, splits[1]), training_=Training("adam", 8, 3, list, ()))
    for found, expected in zip(again.get_weights(), once.get_weights(), strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


@pytest.mark.slow
def test_fitted_to_validation_from_the_start_where_nothing_is_chosen_by_it(splits):
    whole, result = fit(splits, training_=Training("adam", 8, 3, list, (), validates=False))
    assert "val_loss" not in result.history
    assert result.history["fit"].tolist() == [1] * 3
    again, _ = fit(splits, training_=Training("adam", 8, 3, list, (), refit=True))
    for found, expected in zip(whole.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


@pytest.mark.slow
def test_the_test_split_is_watched_and_changes_nothing(splits, rng):
    test = rng.normal(size=(30, 4)).astype(np.float32), losses.targets(np.arange(30) % 3, 3)
    watched, result = fit(splits, test=test)
    plain, other = fit(splits)
    for found, expected in zip(watched.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(result.history["val_loss"], other.history["val_loss"])
    assert "test_accuracy" not in other.history
    found = watched.evaluate(test[0], test[1], verbose=0)
    assert result.history[["test_loss", "test_accuracy"]].iloc[-1].tolist() == pytest.approx(found, rel=1e-5)
    again, refitted = fit(splits, test=test, training_=Training("adam", 8, 3, list, (), refit=True))
    found = again.evaluate(test[0], test[1], verbose=0)
    assert refitted.history["test_loss"].iloc[-1] == pytest.approx(found[0], rel=1e-5)


def test_of_averaged_weights_the_average_is_watched_and_changes_nothing(splits):
    training_ = Training(optimizer=AVERAGED, batch_size=8, epochs=3, callbacks=list, chosen_on=(), validates=False)
    plain, _ = fit(splits, training_=training_)
    watched, result = fit(splits, training_=training_, test=splits[1])
    for first, second in zip(plain.get_weights(), watched.get_weights(), strict=True):
        np.testing.assert_array_equal(first, second)
    tested = watched.evaluate(*splits[1], verbose=0, return_dict=True)  # after the fit the weights are the average
    assert result.history["test_loss"].iloc[-1] == pytest.approx(tested["loss"], rel=1e-5)


def test_a_loss_that_is_no_number_ends_the_run(splits):
    (features, targets), validation = splits
    features = features.copy()
    features[3] = np.inf
    _, result = fit(((features, targets), validation))
    assert result.diverged_at == 1
    assert len(result.history) == 1


@pytest.mark.slow
def test_the_epoch_of_the_divergence(splits):
    built = model()

    def explode(epoch, _):
        if epoch == 2:
            built.set_weights([np.full_like(weight, np.nan) for weight in built.get_weights()])

    def callbacks():
        return [keras.callbacks.LambdaCallback(on_epoch_begin=explode)]

    _, result = fit(splits, built=built, training_=Training("adam", 8, 5, callbacks, ()))
    assert result.diverged_at == len(result.history) == 3
    assert np.isfinite(result.history["loss"][:2]).all()


def test_a_validation_loss_that_is_no_number_counts_too(splits):
    train, (features, targets) = splits
    _, result = fit((train, (np.full_like(features, np.nan), targets)), epochs=1)
    assert result.diverged_at == 1
    assert np.isfinite(result.history["loss"]).all()


def test_examples_come_in_another_order_each_epoch_and_the_same_for_a_seed(rng):
    features = np.arange(20, dtype=np.float32)[:, None]
    classes = np.arange(20) % 3
    batches = networks.dataset(features, losses.targets(classes, 3), 8, shuffle_seed=1)
    epochs = [np.concatenate([x.numpy()[:, 0] for x, _ in batches]) for _ in range(2)]
    assert (epochs[0] != epochs[1]).any()
    assert sorted(epochs[0]) == list(range(20))
    plain = networks.dataset(features, losses.targets(classes, 3), 8)
    np.testing.assert_array_equal(np.concatenate([x.numpy()[:, 0] for x, _ in plain]), features[:, 0])
    assert [len(x) for x, _ in plain] == [8, 8, 4]
    for x, one_hot in batches:
        np.testing.assert_array_equal(one_hot.numpy().argmax(axis=1), x.numpy()[:, 0].astype(int) % 3)


@pytest.mark.slow
def test_the_best_epoch_by_checkpoint(splits):
    away = keras.optimizers.Adam(0.5)
    built, result = fit(splits, training_=Training(away, 8, 12, lambda: [networks.BestCheckpoint("val_accuracy")], ()))
    assert result.history["val_accuracy"].idxmax() < 11  # else the last epoch would do too
    built.compile(loss="categorical_crossentropy", metrics=["accuracy"])
    found = built.evaluate(splits[1][0], splits[1][1], verbose=0)[1]
    assert found == pytest.approx(result.history["val_accuracy"].max())


def test_a_checkpoint_of_a_run_that_diverged_at_once(splits):
    train, (features, targets) = splits
    nothing = (np.full_like(features, np.nan), targets)
    training_ = Training("adam", 8, 2, lambda: [networks.BestCheckpoint("val_loss")], ())
    _, result = fit((train, nothing), training_=training_)
    assert result.diverged_at == 1
