"""Who does which song next, and what becomes of one that failed."""

import pytest

from zoo.catalogue.schedule import Schedule, Task
from zoo.catalogue.songs import CatalogueSong
from zoo.catalogue.work import BAD_SONG, BAD_STORE, SongResult
from zoo.catalogue.workforce import Hiring
from zoo.errors import CatalogueError, StoreError

GOOD = SongResult(state="done")
BAD = SongResult(state=BAD_SONG, error="a.wav: no audio")
REFUSED = SongResult(state=BAD_STORE, error="cannot write s3://b")


def song(name):
    return CatalogueSong(name=name, url=f"/{name}.wav", num_bytes=1, version="")


def make(names="abc", **options):
    return Schedule([song(name) for name in names], **options)


def take(schedule, node="one", *, is_idle=True, nodes=("one", "two")):
    task = schedule.next_for(node, is_idle=is_idle, nodes=nodes)
    return task and (task.song.name, task)


def test_songs_are_handed_out_in_their_order_until_there_are_none():
    schedule = make()
    assert len(schedule) == 3
    assert [take(schedule)[0] for _ in range(3)] == ["a", "b", "c"]
    assert take(schedule) is None
    assert len(schedule) == 0


def test_a_bad_song_is_tried_once_more_on_another_node_and_then_given_up():
    schedule = make("a")
    _, task = take(schedule)
    assert not schedule.conclude(task, BAD, node="one").is_final
    assert take(schedule, "one") is None
    _, task = take(schedule, "two")
    assert task.attempt == 2
    verdict = schedule.conclude(task, BAD, node="two")
    assert verdict.is_final
    assert verdict.error == BAD.error


def test_where_there_is_one_node_it_tries_again():
    schedule = make("a")
    _, task = take(schedule, nodes=["one"])
    schedule.conclude(task, BAD, node="one")
    name, task = take(schedule, nodes=["one"])
    assert (name, task.attempt) == ("a", 2)
    assert schedule.conclude(task, GOOD, node="one").error == ""


def test_songs_of_a_dead_worker_are_tried_alone_and_given_up_after_three_deaths():
    schedule = make("ab")
    _, first = take(schedule)
    for deaths in (1, 2):
        assert not schedule.conclude_death(first, "killed").is_final
        assert schedule.num_suspects == 1
        assert take(schedule, is_idle=False, nodes=["one"]) is None or deaths == 1
        name, first = take(schedule)
        assert (name, first.num_deaths) == ("a", deaths)
    verdict = schedule.conclude_death(first, "killed")
    assert verdict.is_final
    assert verdict.error == "its worker died 3 times: killed"


def test_a_worker_that_has_a_song_gets_no_suspect_but_fresh_songs():
    schedule = make("ab")
    _, first = take(schedule)
    schedule.conclude_death(first, "killed")
    assert take(schedule, is_idle=False)[0] == "b"
    assert take(schedule, is_idle=False) is None
    assert take(schedule)[0] == "a"


def test_a_failing_store_is_borne_with_for_a_while_and_then_stops_the_run():
    now = [0.0]
    schedule = make("abc", store_patience=60, clock=lambda: now[0])
    for _ in range(9):
        _, task = take(schedule)
        assert not schedule.conclude(task, REFUSED, node="one").is_final
        now[0] += 5
    now[0] = 61
    _, task = take(schedule)
    with pytest.raises(StoreError, match=r"cannot write s3://b\. No song got through for 61 s"):
        schedule.conclude(task, REFUSED, node="one")


def test_a_song_that_gets_through_starts_the_patience_anew():
    now = [0.0]
    schedule = make("abcdef", store_patience=60, clock=lambda: now[0])
    for _ in range(5):
        for result in (REFUSED, REFUSED, GOOD):
            now[0] += 25
            _, task = take(schedule)
            schedule.conclude(task, result, node="one")
    assert len(schedule) == 1


def test_a_song_that_a_store_alone_refuses_is_given_up():
    schedule = make("a")
    _, task = take(schedule)
    verdicts = []
    for _ in range(3):
        verdicts.append(schedule.conclude(task, REFUSED, node="one"))
        schedule.conclude(Task(song=song("other")), GOOD, node="one")
        if not verdicts[-1].is_final:
            _, task = take(schedule)
    assert [verdict.is_final for verdict in verdicts] == [False, False, True]
    assert verdicts[-1].error == REFUSED.error


TWO_GPUS = {"CPU": 16.0, "GPU": 2.0}


@pytest.mark.parametrize(
    ("nodes", "workers", "expected"),
    [
        ([{"CPU": 2.0}], None, (2, 1, 0)),
        ([{"CPU": 8.0}], 2, (2, 4, 0)),
        ([{"CPU": 1.0}, {"CPU": 1.0}], 1, (1, 1, 0)),
        ([{"CPU": 4.0}, {"CPU": 2.0}, {"CPU": 0.0}], 2, (2, 2, 0)),
        ([TWO_GPUS], None, (2, 4, 1)),
        ([TWO_GPUS, {"CPU": 2.0, "GPU": 1.0}, {"CPU": 64.0}], None, (3, 2, 1)),
        ([{"CPU": 8.0, "GPU": 1.0}, {"memory": 1.0}], 8, (8, 4, 1)),
    ],
)
def test_every_device_gets_a_worker_that_fits_every_machine(nodes, workers, expected):
    hiring = Hiring.for_nodes(nodes, workers=workers)
    assert (hiring.num_workers, hiring.num_cpus, hiring.num_gpus) == expected


@pytest.mark.parametrize(
    ("nodes", "workers", "complaint"),
    [([{"CPU": 0.0}], None, "no machine to work on yet"), ([{"CPU": 2.0}], 0, "at least 1")],
)
def test_no_workers_are_refused(nodes, workers, complaint):
    with pytest.raises(CatalogueError, match=complaint):
        Hiring.for_nodes(nodes, workers=workers)
