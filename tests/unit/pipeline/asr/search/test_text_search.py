from __future__ import annotations

import json
import math
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from benchmarks.gpu.random_whisper import SPECIAL
from pipeline.asr.own_whisper import load_own
from pipeline.asr.search.text_search import Found, TextSearch
from pipeline.asr.search.timestamp_rules import LATEST_START
from tests.unit.pipeline.asr.network import small_whisper
from tests.unit.pipeline.asr.network.small_whisper import END, PROMPT

pytestmark = small_whisper.on_x86

FRAMES = (300, 200, 400)
LIMIT = 12
FIRST_STAMP = 100


@pytest.fixture(scope="session")
def audio(folder: Path) -> list[torch.Tensor]:
    return [torch.from_numpy(chunk[0]) for chunk in small_whisper.encode(folder, *FRAMES)]


def configured(folder: Path, copy: Path, **told: object) -> Path:
    """The model, with other settings."""
    shutil.copytree(folder, copy, dirs_exist_ok=True)
    path = copy / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **told}))
    return copy


def loaded(folder: Path) -> TextSearch:
    own = load_own(folder, small_whisper.token)
    assert own is not None
    return own.search


def find(search: TextSearch, audio: list[torch.Tensor], size: int = 4, *, timestamps: bool = False) -> list[Found]:
    return search.likeliest(audio, PROMPT, [LIMIT] * len(audio), beam_size=size, timestamps=timestamps)


def test_chunks_of_any_length_get_the_texts_that_they_get_alone(folder: Path, audio: list[torch.Tensor]) -> None:
    search = loaded(folder)
    together = find(search, audio)
    assert [find(search, [one])[0] for one in audio] == together
    assert all(found.text.tokens and len(found.text.tokens) <= LIMIT for found in together)
    assert all(0 < found.no_speech < 1 for found in together)


def test_threads_may_search_at_once(folder: Path, audio: list[torch.Tensor]) -> None:
    search = loaded(folder)
    with ThreadPoolExecutor(3) as threads:
        results = list(threads.map(lambda _: find(search, audio), range(6)))
    assert all(result == find(search, audio) for result in results)


def test_what_no_text_holds_is_in_none(folder: Path, audio: list[torch.Tensor], tmp_path: Path) -> None:
    said = {token for found in find(loaded(folder), audio) for token in found.text.tokens}
    search = loaded(configured(folder, tmp_path, suppress_ids=sorted(said)))
    assert not said & {token for found in find(search, audio) for token in found.text.tokens}


def test_what_no_text_begins_with_begins_none(folder: Path, audio: list[torch.Tensor], tmp_path: Path) -> None:
    first = {found.text.tokens[0] for found in find(loaded(folder), audio)}
    search = loaded(configured(folder, tmp_path, suppress_ids_begin=sorted(first)))
    assert not first & {found.text.tokens[0] for found in find(search, audio)}


def test_a_wider_search_finds_no_less_likely_text(folder: Path, audio: list[torch.Tensor]) -> None:
    search = loaded(folder)
    narrow, wide = (sum(found.text.mean for found in find(search, audio, size)) for size in (1, 5))
    assert wide >= narrow - 1e-3


def test_a_prompt_may_be_long(folder: Path, audio: list[torch.Tensor]) -> None:
    (found,) = loaded(folder).likeliest(audio[:1], [*range(20, 120), *PROMPT], [LIMIT], beam_size=2)
    assert found.text.tokens


def test_probabilities_are_those_of_the_tokens(folder: Path, audio: list[torch.Tensor]) -> None:
    for found in find(loaded(folder), audio):
        assert len(found.text.logprobs) == len(found.text.tokens)
        assert found.text.score <= sum(found.text.logprobs) + 1e-6 <= 0
        assert END not in found.text.tokens


def test_texts_with_timestamps_obey_their_rules(folder: Path, audio: list[torch.Tensor]) -> None:
    """The control tokens are told to lie further ahead, so that there are timestamps above them."""
    ids = {name: FIRST_STAMP - len(SPECIAL) + number for number, name in enumerate(SPECIAL)}
    own = load_own(folder, ids.get)
    assert own is not None
    search = own.search
    start, limits = [ids["<|startoftranscript|>"]], [LIMIT] * len(audio)
    found = [
        *search.likeliest(audio, start, limits, beam_size=4, timestamps=True),
        *search.drawn(audio, start, limits, temperature=1.0, timestamps=True),
    ]
    for tokens in (one.text.tokens for one in found):
        stamps = [token for token in tokens if token >= FIRST_STAMP]
        assert tokens[0] == stamps[0] <= FIRST_STAMP + LATEST_START
        assert stamps == sorted(stamps)
        # A segment lasts: a timestamp comes again only where the next one begins with it.
        assert all(later > one for one, later in zip(stamps[::2], stamps[1::2], strict=False))
        assert not set(tokens) & set(range(ids["<|endoftext|>"], FIRST_STAMP))


def test_texts_are_drawn_the_same_every_time_and_alone(folder: Path, audio: list[torch.Tensor]) -> None:
    search = loaded(folder)

    def draw(*chunks: torch.Tensor, temperature: float = 1.0) -> list[Found]:
        return search.drawn(chunks, PROMPT, [LIMIT] * len(chunks), temperature=temperature)

    drawn = draw(*audio)
    assert draw(*audio) == drawn
    assert [draw(one)[0] for one in audio] == drawn
    assert draw(*audio, temperature=0.5) != drawn
    assert all(0 < len(found.text.tokens) <= LIMIT for found in drawn)


def test_at_a_low_temperature_the_likeliest_tokens_are_drawn(folder: Path, audio: list[torch.Tensor]) -> None:
    search = loaded(folder)
    cold = search.drawn(audio, PROMPT, [LIMIT] * len(audio), temperature=1e-4)
    assert [found.text.tokens for found in cold] == [found.text.tokens for found in find(search, audio, 1)]


def test_no_list_is_an_empty_one_and_tokens_beyond_the_last_are_ignored(
    folder: Path, audio: list[torch.Tensor], tmp_path: Path
) -> None:
    search = loaded(configured(folder, tmp_path, suppress_ids=[5000], suppress_ids_begin=None))
    assert find(search, audio) == find(loaded(folder), audio)


def test_languages_are_as_likely_as_texts_that_hold_nothing_else(
    folder: Path, audio: list[torch.Tensor], tmp_path: Path
) -> None:
    spoken = [3, 40, 90, 120]
    others = [token for token in range(small_whisper.SIZES.vocabulary) if token not in spoken]
    search = loaded(configured(folder, tmp_path, suppress_ids=others))
    shares = search.languages(audio, spoken)
    for found, chunk in zip(shares, audio, strict=True):
        (written,) = search.likeliest([chunk], PROMPT[:1], [1], beam_size=1)
        assert sum(found) == pytest.approx(1.0)
        assert written.text.tokens == (spoken[found.index(max(found))],)
        assert max(found) == pytest.approx(math.exp(written.text.logprobs[0]))
    assert max(shares[0]) > 0.3


def test_a_model_that_is_stored_in_integers_is_searched(folder: Path, tmp_path: Path) -> None:
    stored = small_whisper.write(tmp_path, "int8")
    audio = [torch.from_numpy(chunk[0]) for chunk in small_whisper.encode(folder, *FRAMES)]
    found, expected = find(loaded(stored), audio), find(loaded(folder), audio)
    assert [one.text.mean for one in found] == pytest.approx([one.text.mean for one in expected], abs=0.1)
