from __future__ import annotations

import pytest

from pipeline.asr.search.samples import Samples

END = 9


def test_all_texts_go_on_from_the_empty_one_and_then_each_by_itself() -> None:
    one = Samples(50, END)
    assert one.advance([[1, 2, 1]], [[-0.1, -0.2, -0.1]]) == [0, 0, 0]
    assert one.advance([[3], [END], [4]], [[-0.3], [-0.1], [-0.4]]) == [0, 2]
    assert [text.tokens for text in one.texts] == [(1, 3), (1, 4)]
    assert [text.tokens for text in one.finished] == [(2,)]
    assert one.best.mean == pytest.approx(-0.15)


def test_a_text_is_drawn_up_to_its_limit_and_the_likeliest_is_best() -> None:
    one = Samples(2, END)
    one.advance([[1, 2]], [[-0.1, -0.9]])
    assert one.advance([[3], [4]], [[-0.1], [-0.9]]) == []
    assert one.texts == []
    assert one.best.tokens == (1, 3)
    assert one.best.logprobs == (-0.1, -0.1)
