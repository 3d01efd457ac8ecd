from __future__ import annotations

import pytest

from bytetrack.training.hyperparameters import SIZES, Hyperparameters, suggest


def test_text_becomes_numbers_and_the_rest_keeps_its_defaults() -> None:
    settings = Hyperparameters.parse({"max_epoch": "12", "basic_lr_per_img": "1e-4", "fp16": "False", "width": "0.5"})
    assert (settings.max_epoch, settings.basic_lr_per_img, settings.fp16, settings.width) == (12, 1e-4, False, 0.5)
    assert settings.nmsthre == Hyperparameters().nmsthre


def test_what_is_written_is_read_back() -> None:
    settings = suggest(768, 576, 200)
    assert Hyperparameters.parse(settings.to_strings()) == settings


def test_a_short_training_shortens_its_parts() -> None:
    settings = Hyperparameters.parse({"max_epoch": "1"})
    assert (settings.warmup_epochs, settings.no_aug_epochs) == (0, 0)


def test_what_sagemaker_adds_is_not_ours() -> None:
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
        ({"random_size_h": "10"}, "random_size_h is 10 and random_size_w 0"),
        ({"max_epoch": "5", "no_aug_epochs": "5", "warmup_epochs": "1"}, "must not be more than max_epoch (5)"),
    ],
)
def test_nonsense_is_named(values: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError) as error:
        Hyperparameters.parse(values)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("width", "height", "test_size"),
    [(768, 576, (576, 768)), (416, 320, (320, 416)), (1920, 1080, (512, 896)), (100, 30, (32, 96)), (3, 3, (32, 32))],
)
def test_frames_are_seen_at_their_own_size_up_to_a_bound(width: int, height: int, test_size: tuple[int, int]) -> None:
    settings = suggest(width, height, images=200)
    assert settings.test_size == test_size
    assert settings.input_size_h <= min(320, test_size[0])


def test_more_images_need_fewer_epochs() -> None:
    few, many = suggest(640, 480, images=50), suggest(640, 480, images=1000)
    assert few.max_epoch > many.max_epoch


def test_sizes_are_yolox_own() -> None:
    assert list(SIZES) == ["nano", "tiny", "s", "m", "l", "x"]


@pytest.mark.parametrize("gpu", [False, True])
@pytest.mark.parametrize("images", [20, 200, 20_000])
def test_a_pretrained_start_takes_few_and_small_steps(gpu: bool, images: int) -> None:
    scratch = suggest(768, 576, images, gpu=gpu)
    pretrained = suggest(768, 576, images, gpu=gpu, pretrained=True)
    assert pretrained.max_epoch == 10 and pretrained.eval_interval == 1
    assert pretrained.basic_lr_per_img < scratch.basic_lr_per_img / 3
