"""The Mixer tab's functions."""

import pytest

from demo.mixer import Mixer
from replicate.errors import ReplicateError
from replicate.fast.beside import slow_job
from replicate.images import bundled, load_image


@pytest.fixture
def mixer(backend):
    return Mixer(backend)


def test_every_change_draws_another_picture_and_says_how(mixer, backend):
    path = backend.example("chelsea")
    wishes = [
        mixer.start,
        mixer.start | {"style": "wave"},
        mixer.start | {"layers": {"relu4_1": 1}},
        mixer.start | {"content": "relu2_2"},
        mixer.start | {"ratio": 2},
    ]
    drawn = [mixer.draw(path, wish) for wish in wishes]
    assert len({image for image, _ in drawn}) == len(wishes)
    assert all("data:image/webp;base64," in image for image, _ in drawn)
    assert "chelsea --style mosaic --layers relu4_1=1 --content relu3_3" in drawn[2][1]


@pytest.mark.parametrize(
    "change, sentence",
    [
        ({"style": "monet"}, "no style 'monet'"),
        ({"layers": {"relu1_1": 0}}, "Every layer's weight is zero"),
        ({"ratio": 1e9}, "The ratio is from"),
        ({"more": 1}, "another version"),
    ],
)
def test_nonsense_is_one_sentence(mixer, backend, change, sentence):
    with pytest.raises(ReplicateError, match=sentence):
        mixer.draw(backend.example("chelsea"), mixer.start | change)


@pytest.mark.parametrize("limits", [{"size": 256}], indirect=True)
def test_transfer_is_given_the_very_objective_with_the_strokes_of_the_training(
    mixer, backend, scene, tiny_engine, tmp_path, monkeypatch
):
    photograph = backend.example("chelsea")
    artwork = bundled("mosaic").scaled_to(300).save(tmp_path / "mosaic.png")
    monkeypatch.setattr(backend, "example", {"mosaic": str(artwork)}.get)
    wish = mixer.start | {"layers": {"relu2_1": 0.5, "relu4_1": 1}, "ratio": 2}
    settings, paths, remark = mixer.properly(photograph, wish)
    assert paths == {"content": photograph, "style": str(artwork), "second": None}
    assert max(settings.style_layers.values()) == 1 and "mixer's settings" in remark
    small = load_image(photograph).scaled_to(settings.size)
    ours = settings.job(small, load_image(artwork))
    asked = mixer.fast.setting("mosaic", layers=wish["layers"], content="relu3_3", ratio=2)
    theirs = slow_job(mixer.fast, asked, small, load_image(artwork), size=settings.size)
    reader = tiny_engine((settings.network,)).reader
    drawn = [scene(*ours.canvas, seed) for seed in (1, 2)]
    one, two = (reader.losses(ours, each)[0] / reader.losses(theirs, each)[0] for each in drawn)
    assert one == pytest.approx(two, rel=1e-3)
    assert ours.style_size == pytest.approx((256, 256), abs=2)
    assert settings.network == mixer.fast.record["judge"]["name"]
    with pytest.raises(ReplicateError, match="no bundled picture 'wave'"):
        mixer.properly(photograph, wish | {"style": "wave"})
    with pytest.raises(ReplicateError, match="Choose a picture"):
        mixer.properly(None, wish)


def test_without_a_picture_there_is_a_sentence(mixer):
    assert "Choose a picture" in mixer.draw(None, mixer.start)[0]


def test_a_photograph_is_read_once_for_all_movements(mixer, backend, tmp_path, scene, monkeypatch):
    path = scene(800, 600).save(tmp_path / "mine.png")
    first = mixer.draw(str(path), mixer.start)
    with monkeypatch.context() as patch:
        patch.setattr("demo.mixer.pictures.read", None)
        assert mixer.draw(str(path), mixer.start) == first
    path.unlink()
    with pytest.raises(ReplicateError, match="no longer on the server"):
        mixer.draw(str(path), mixer.start)
