"""Words are read as they are meant, ordinary words are left alone, and explanations point at what was typed."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filterwatch.policy.terms import Finder, Pack, empty, shapes
from filterwatch.policy.terms_words import mistyped, plain, spans


def finder(terms: list[object], benign: tuple[str, ...] = (), at_least: int = 1) -> Finder:
    one = Finder()
    one.add(Pack.model_validate({"id": "p", "language": "en", "terms": terms, "benign": benign, "at_least": at_least}))
    return one


def holds(one: Finder, text: str) -> bool:
    return bool(list(one.find(pl.Series([text]))))


TERMS = [
    "suicide",
    "kill myself",
    "proxy",
    "weed",
    "unblocked games",
    "casino",
    "how to hurt yourself",
    "kys",
    "faggot",
]


@pytest.mark.parametrize(
    "text",
    [
        "su1c1de", "s u i c i d e", "S.U.I.C.I.D.E", "sucide", "suicied", "suiside", "suuicide", "suicideee", "$uicide",
        "k1ll myself", "k!ll myself", "killmyself", "kill my self", "kil myself kill myslef", "pr0xy", "p r o x y",
        "weeeed", "w33d", "unbloked games", "un blocked games", "cas1no", "kys", "k.y.s", "k y s",
        "how 2 do it how to hurt urself", "f*ggot", "fa**ot",
    ],
)  # fmt: skip
def test_a_word_is_read_as_it_is_meant(text):
    assert holds(finder(TERMS), text)


@pytest.mark.parametrize(
    ("term", "text"),
    [("lose .. kg", "lose 10kg"), ("13 year old boyfriend", "13yo boyfriend"), ("500 calories", "500cals"),
     ("4chan", "4chan"), ("24 hour fast", "24hr fast")],
)  # fmt: skip
def test_a_unit_behind_a_figure_is_a_word_of_its_own(term, text):
    assert holds(finder([term]), text)
    assert not holds(finder(["kg"]), "10kgx k10g 123456kg")


@pytest.mark.parametrize(
    "text",
    [
        "sussex", "essex", "poxy", "wed", "need", "casio watch", "unlocked phone", "keys", "a b c", "k",
        "kill my selfie",
               "proxima", "1 2 3", "f*", "maggot",
        "skill myself", "how to hurt", "2020", "w3", "deed",
    ],
)  # fmt: skip
def test_an_ordinary_word_is_never_read_as_another(text):
    assert not holds(finder(TERMS), text)


def test_choices_and_gaps_find_what_is_said_in_between_but_not_far_apart():
    one = finder(["buy|get|look_for .. weed|ket"])
    assert holds(one, "where to buy some cheap weed")
    assert holds(one, "get ket")
    assert holds(one, "look for good weed")
    assert not holds(one, "weed buy")
    assert not holds(one, "buy a b c d weed")
    assert not holds(one, "look weed")


def test_one_thing_said_in_two_ways_counts_once():
    one = finder([{"term": "how to kill", "weight": 2}, {"term": "kill .. wasps", "weight": 2}, "nest"], at_least=4)
    assert not holds(one, "how to kill wasps")
    assert not holds(one, "how to kill wasps nest")
    assert holds(one, "how to kill a nest and then they kill wasps")


@pytest.mark.parametrize("text", ["\U0001f343 \U0001f50c near me", "\U0001f343\ufe0f\U0001f50c", "buy\U0001f343plug"])
def test_a_picture_that_stands_for_a_word_is_that_word(text):
    one = finder(["weed plug"])
    assert holds(one, text)
    (found,) = one.explain(text)
    assert next(text[first:last] for first, last in found.terms[0].places) == "\U0001f343"
    assert [word for word, _, _ in spans(text)] == plain(pl.Series([text]))[0].split()


def test_three_dots_reach_across_a_sentence():
    one = finder(["my friend ... what do i do"])
    assert holds(one, "my friend said that she does not want to go home what do i do")
    assert not holds(one, "what do i do with my friend")


def test_a_set_names_choices_for_several_terms():
    sets = {"drug": "weed|magic_mushrooms"}
    pack = Pack.model_validate(
        {
            "id": "p",
            "language": "en",
            "sets": sets,
            "terms": ["buy .. <drug>", "<drug>|ket price"],
            "benign": ["<drug> law"],
        }
    )
    one = Finder()
    one.add(pack)
    assert holds(one, "buy some magic mushrooms")
    assert holds(one, "ket price")
    assert holds(one, "weed prices")
    assert not holds(one, "buy weed law")
    (found,) = one.explain("buy weed")
    assert found.terms[0].says == "buy .. <drug>"


def test_a_set_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="no set of this name, found <drug>"):
        Pack.model_validate({"id": "p", "language": "en", "terms": ["buy <drug>"]})


def test_a_term_alone_is_the_whole_search():
    one = finder([{"term": "suicide", "alone": True}])
    assert holds(one, "suicide")
    assert holds(one, " Su1cide?")
    assert not holds(one, "suicide squad")


def test_letters_with_strokes_and_letters_that_look_alike_are_read_as_plain_ones():
    one = finder(["popelnic samobojstwo", "suicide", "хочу умереть"])
    assert holds(one, "popełnić samobójstwo")
    assert holds(one, "ѕuісіdе")  # noqa: RUF001 - four of its letters are Cyrillic
    assert holds(one, "Хочу умереть")


@pytest.mark.parametrize("text", ["selfharm", "selfharming", "self-harm", "s3lfharm"])
def test_one_word_in_a_pack_does_not_hide_the_two_it_is_made_of(text):
    assert holds(finder(["self harm|harming", "selfharm tips"]), text)


def test_a_term_of_negative_weight_takes_away():
    one = finder([{"term": "weapons", "weight": 2}, {"term": "gcse|roman", "weight": -2}], at_least=2)
    assert holds(one, "weapons")
    assert not holds(one, "roman weapons gcse")


def test_an_explanation_points_at_the_words_as_typed():
    one = finder([{"term": "kill myself", "weight": 2}, "die"], ("die hard",), at_least=2)
    text = "Die Hard! want 2 k!ll my-self"

    (found,) = one.explain(text)

    assert (found.pack, found.held, found.weight, found.at_least) == ("p", True, 2, 2)
    (term,) = found.terms
    assert [text[first:last] for first, last in term.places] == ["k!ll", "my", "self"]
    assert (term.says, term.weight, term.read_as) == ("kill myself", 2, "kill myself")
    (hidden,) = found.hidden
    assert [text[first:last] for first, last in hidden.places] == ["Die", "Hard"]
    assert hidden.read_as is None


def test_nothing_known_is_nothing_to_explain():
    assert finder(["weed"]).explain("sunflowers") == []


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(max_codepoint=0x2FFF, exclude_categories=("Cn", "Cs")), max_size=60))
def test_the_words_of_one_text_are_those_of_the_column_and_stand_where_they_say(text):
    found = spans(text)
    assert [word for word, _, _ in found] == plain(pl.Series([text]))[0].split()
    assert all(0 <= first < last <= len(text) for _, first, last in found)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(["kill", "myself", "weed", "k1ll", "x", "proxy", "pr0xy", "my", "self"]), max_size=8))
def test_explaining_and_finding_agree(words):
    one, text = finder(TERMS, ("weed proxy",)), " ".join(words)
    assert any(found.held for found in one.explain(text)) is holds(one, text)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(["kill", "myself", "weed", "k1ll", "x", "homework", "my", "self"]), max_size=8))
def test_what_is_said_to_count_adds_up(words):
    terms = ["kill", {"term": "kill myself", "weight": 3}, {"term": "weed", "weight": 2},
             {"term": "homework", "weight": -2}]  # fmt: skip
    one = Finder()
    one.add(Pack.model_validate({"id": "p", "language": "en", "terms": terms, "at_least": 3}))
    for found in one.explain(" ".join(words)):
        assert found.weight == sum(span.weight for span in found.terms if span.counts)


@given(st.text("aZ 0._|^<>-\u200b\u0301\u00b2", max_size=8))
def test_a_phrase_is_empty_when_nothing_of_it_can_be_looked_for(text):
    assert empty([text]) == ([] if shapes([text])[0] else [0])


@pytest.mark.parametrize("text", ["a" * 65_536, "a " * 32_768, "kill " * 13_000, "*" * 65_536, "k!" * 32_768])
def test_a_hostile_text_is_read_in_linear_time(text):
    holds(finder(TERMS), text)


def test_typing_mistakes_are_one_letter_the_first_is_right_and_the_wrong_one_is_near():
    assert mistyped("suicde", "suicide")
    assert mistyped("suicise", "suicide")
    assert not mistyped("nuicide", "suicide")
    assert not mistyped("suicipe", "suicide")
    assert not mistyped("sicde", "suicide")


@pytest.mark.parametrize("text", ["howtohurtyourself", "iwanttokillmyself", "HowToHurtYourself", "imgonnakillmyself"])
def test_a_sentence_typed_without_blanks_is_read_where_all_its_words_are_known(text):
    assert holds(finder(["kill myself", "hurt yourself"], ("im going to", "i want to", "how to")), text)


@pytest.mark.parametrize(
    "text", ["howtotrainyourdragon", "iwantthatwayhurtyourselves", "nothowtohurtyourself", "howtohurtx"]
)
def test_a_word_that_no_sentence_of_known_words_makes_stays_itself(text):
    assert not holds(finder(["hurt yourself"], ("how to",)), text)


@pytest.mark.parametrize("target", ["qzwxkj", "qzwxkjv", "qzwxkjvbhg"])
def test_every_mistake_that_is_forgiven_is_read_as_the_word(target):
    letters = "abcdefghijklmnopqrstuvwxyz"
    near = {target[:at] + letter + target[after:] for at in range(1, len(target) + 1) for letter in ("", *letters)
            for after in (at, at + 1)}  # fmt: skip
    near |= {target[:at] + target[at + 1] + target[at] + target[at + 2 :] for at in range(1, len(target) - 1)}
    forgiven = [word for word in sorted(near) if word != target and mistyped(word, target)]
    read = {row for row, _ in finder([target]).find(pl.Series(forgiven))}
    assert len(forgiven) > 40
    assert [word for row, word in enumerate(forgiven) if row not in read] == []
