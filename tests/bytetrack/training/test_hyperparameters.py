from __future__ import annotations

import pytest

from bytetrack.training.hyperparameters import SIZES, EpochSchedule, Hyperparameters, epoch_schedule, suggest


def test_text_is_parsed_and_missing_names_keep_their_defaults() -> None:
    settings = Hyperparameters.parse({"max_epoch": "12", "basic_lr_per_img": "1e-4", "fp16": "False", "width": "0.5"})
    assert (settings.max_epoch, settings.basic_lr_per_img, settings.fp16, settings.width) == (12, 1e-4, False, 0.5)
    assert settings.nmsthre == Hyperparameters().nmsthre


def test_text_is_the_inverse_of_parsing() -> None:
    settings = suggest(768, 576, 200)
    assert Hyperparameters.parse(settings.to_strings()) == settings


@pytest.mark.parametrize(
    ("epochs", "warmup", "no_augmentation", "evaluation"),
    [(1, 0, 0, 1), (2, 0, 1, 1), (4, 1, 1, 1), (10, 1, 1, 2), (30, 1, 4, 7), (74, 1, 10, 18), (100, 1, 14, 25)],
)
def test_all_places_follow_one_rule_for_the_epochs(
    epochs: int, warmup: int, no_augmentation: int, evaluation: int
) -> None:
    schedule = EpochSchedule(
        max_epoch=epochs, warmup_epochs=warmup, no_aug_epochs=no_augmentation, eval_interval=evaluation
    )
    assert epoch_schedule(epochs) == schedule
    assert epoch_schedule(epochs, pretrained=True) == {**schedule, "eval_interval": 1}
    assert schedule_of(Hyperparameters.parse({"max_epoch": str(epochs)})) == schedule
    assert schedule_of(suggest(768, 576, 200, epochs=epochs)) == schedule


@pytest.mark.parametrize("images", [20, 60, 200, 20_000])
def test_the_suggested_number_of_epochs_follows_the_same_rule(images: int) -> None:
    suggested = suggest(768, 576, images)
    assert schedule_of(suggested) == epoch_schedule(suggested.max_epoch)
    assert schedule_of(Hyperparameters()) == epoch_schedule(Hyperparameters().max_epoch)


def schedule_of(settings: Hyperparameters) -> EpochSchedule:
    return EpochSchedule(
        max_epoch=settings.max_epoch,
        warmup_epochs=settings.warmup_epochs,
        no_aug_epochs=settings.no_aug_epochs,
        eval_interval=settings.eval_interval,
    )


def test_names_that_sagemaker_adds_are_ignored() -> None:
    added = {"sagemaker_region": "eu-west-1", "_tuning_objective_metric": "AP"}
    assert Hyperparameters.parse(added) == Hyperparameters()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"max_epoch": "0"}, "max_epoch is 0, but must be from 1 to"),
        ({"max_epoch": "many"}, "max_epoch is “many”, but must be a whole number"),
        ({"max_epoch": "2.5"}, "max_epoch is “2.5”, but must be a whole number"),
        ({"basic_lr_per_img": "nan"}, "basic_lr_per_img is nan"),
        ({"basic_lr_per_img": "fast"}, "basic_lr_per_img is “fast”, but must be a number"),
        ({"input_size_h": "100"}, "input_size_h is 100, but must be from 32 to 4096 in multiples of 32"),
        ({"fp16": "maybe"}, "fp16 is “maybe”, but must be true or false"),
        ({"optimizer": "adam"}, "optimizer is “adam”, but must be one of adamw, sgd"),
        ({"nmsthre": "1.5"}, "nmsthre is 1.5, but must be from 0.01 to 1"),
        ({"batchsize": "4"}, "There is no hyperparameter “batchsize”. Did you mean batch_size"),
        ({"random_size_h": "10"}, "random_size_h is 10 and random_size_w is 0"),
        ({"max_epoch": "5", "no_aug_epochs": "5", "warmup_epochs": "1"}, "must not be more than max_epoch (5)"),
    ],
)
def test_invalid_values_are_reported(values: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError) as error:
        Hyperparameters.parse(values)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("width", "height", "test_size"),
    [(768, 576, (576, 768)), (416, 320, (320, 416)), (1920, 1080, (512, 896)), (100, 30, (32, 96)), (3, 3, (32, 32))],
)
def test_frames_keep_their_size_up_to_a_limit(width: int, height: int, test_size: tuple[int, int]) -> None:
    settings = suggest(width, height, images=200)
    assert settings.test_size == test_size
    assert settings.input_size_h <= min(320, test_size[0])


def test_more_images_need_fewer_epochs() -> None:
    few, many = suggest(640, 480, images=50), suggest(640, 480, images=1000)
    assert few.max_epoch > many.max_epoch


def test_sizes_are_those_of_yolox() -> None:
    assert list(SIZES) == ["nano", "tiny", "s", "m", "l", "x"]


@pytest.mark.parametrize("gpu", [False, True])
@pytest.mark.parametrize("images", [20, 200, 20_000])
def test_a_pretrained_model_gets_few_epochs_and_a_small_learning_rate(gpu: bool, images: int) -> None:
    scratch = suggest(768, 576, images, gpu=gpu)
    pretrained = suggest(768, 576, images, gpu=gpu, pretrained=True)
    assert pretrained.max_epoch == 10 and pretrained.eval_interval == 1
    assert pretrained.basic_lr_per_img < scratch.basic_lr_per_img / 3
