"""Feature maps and crops as pictures."""

from __future__ import annotations

import numpy as np

from replicate.images import Picture
from replicate.measure.analysis import Entry, Representation, gram_of
from replicate.visualisation.maps import contact_sheet, map_mosaic, map_picture, pair_picture


def test_a_map_is_black_at_zero_and_white_at_its_largest():
    picture = map_picture(np.array([[0.0, 2.0], [4.0, -1.0]], dtype=np.float32), (4, 4))
    assert picture.pixels[::2, ::2, 0].tolist() == [[0, 128], [255, 0]]
    assert picture.pixels[1, 1].tolist() == [0, 0, 0]
    assert map_picture(np.zeros((2, 3), dtype=np.float32)).pixels.max() == 0


def test_a_mosaic_of_maps_and_a_pair():
    maps = np.stack([np.full((2, 3), value, dtype=np.float32) for value in (1, 0, 2)])
    page = map_mosaic(maps, columns=2, gap=1)
    assert page.size == (7, 5)
    assert page.pixels[0, :, 0].tolist() == [255, 255, 255, 255, 0, 0, 0]
    assert page.pixels[4, 5, 0] == 255  # nothing in the last place
    seen = Representation("relu1_1", maps, gram_of(maps), field=3, step=1)
    pair = pair_picture(seen, Entry(1, 2, 0.0), (4, 4))
    assert pair.size == (10, 4)
    assert (pair.pixels[0, 0, 0], pair.pixels[0, 9, 0]) == (0, 255)


def test_small_crops_are_enlarged_pixel_by_pixel():
    pattern = np.zeros((2, 2, 3))
    pattern[0, 0] = 1
    sheet = contact_sheet([Picture.from_array(pattern)] * 4, side=10, columns=3, gap=3)
    assert sheet.size == (36, 23)
    for top, left in ((0, 0), (0, 13), (0, 26), (13, 0)):
        tile = sheet.pixels[top : top + 10, left : left + 10]
        assert (tile[:5, :5] == 255).all() and (tile[5:] == 0).all()
    assert (sheet.pixels[13:, 13:] == 255).all()
