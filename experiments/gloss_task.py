"""The gloss task: which of four nouns does a definition describe?

Words, definitions and how often a word was met come from the files of WordNet 3.0.
"""

import random
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from multiple_choice import Item, make_item, normalise

TRAIN_ITEMS = 3500
TEST_ITEMS = 500
GLOSS_WORDS = range(3, 13)
# A rarer topic offers too few wrong choices.
MIN_TOPIC_NOUNS = 60
SEED = 0
PROMPT = "{gloss}. The word for this is"
# What a gloss says of a word that nobody should have to read.
UNWANTED = re.compile(r"slur|offensive|derogat|disparag|obscen|vulgar|taboo|genital|sexual|copulat", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Synset:
    """A meaning and the words that have it.

    Attributes:
        words: As they are written.
        topic: Act, animal, artefact, ...: the lexicographers' file.
        gloss: Definition, without examples.
    """

    words: tuple[str, ...]
    topic: str
    gloss: str


@dataclass(frozen=True, kw_only=True)
class Noun:
    """A noun and its most frequent meaning.

    Attributes:
        synsets: Keys of all its meanings, the most frequent first.
        count: How often the first was met in the texts that were tagged by hand.
    """

    word: str
    synsets: tuple[str, ...]
    meaning: Synset
    count: int


def gloss_items(wordnet: Path) -> dict[str, list[Item]]:
    """Train and test split. No word and no normalised gloss occurs twice, within or across the splits.

    Args:
        wordnet: Folder with `data.noun`, `index.noun` and `cntlist.rev`.
    """
    rng = random.Random(SEED)
    nouns = usable_nouns(wordnet)
    topics = Counter(noun.meaning.topic for noun in nouns)
    nouns = [noun for noun in nouns if topics[noun.meaning.topic] >= MIN_TOPIC_NOUNS]
    rng.shuffle(nouns)  # equally frequent ones are then taken from the whole alphabet
    nouns = sorted(nouns, key=lambda noun: -noun.count)[: TRAIN_ITEMS + TEST_ITEMS]
    rng.shuffle(nouns)
    return {"train": questions(nouns[TEST_ITEMS:], rng), "test": questions(nouns[:TEST_ITEMS], rng)}


def questions(nouns: list[Noun], rng: random.Random) -> list[Item]:
    """One item per noun.

    Wrong choices are nouns on the same topic, so that the topic alone does not answer. They come from the same split:
    words met in tuning would stand out in testing.
    """
    synsets = {noun.word: set(noun.synsets) for noun in nouns}
    by_topic: dict[str, list[str]] = {}
    for noun in nouns:
        by_topic.setdefault(noun.meaning.topic, []).append(noun.word)

    def ask(noun: Noun) -> Item:
        gloss = noun.meaning.gloss
        return make_item(
            PROMPT.format(gloss=gloss),
            noun.word,
            by_topic[noun.meaning.topic],
            rng,
            fits=lambda wrong: not synsets[wrong] & synsets[noun.word] and wrong not in gloss,
        )

    return [ask(noun) for noun in nouns]


def usable_nouns(wordnet: Path) -> list[Noun]:
    """Common nouns of one word with a short gloss of their own that does not give them away."""
    counts = first_sense_counts(wordnet / "cntlist.rev")
    meanings = read_synsets(wordnet / "data.noun")
    found, glosses = [], set[str]()
    for word, synsets in read_index(wordnet / "index.noun").items():
        meaning = meanings[synsets[0]]
        gloss = normalise(meaning.gloss)
        plain = re.fullmatch("[a-z]{3,}", word) and word in meaning.words
        if plain and counts.get(word) and asks_well(meaning.gloss, word) and gloss not in glosses:
            glosses.add(gloss)
            found.append(Noun(word=word, synsets=synsets, meaning=meaning, count=counts[word]))
    return found


def asks_well(gloss: str, word: str) -> bool:
    """Whether a gloss is short, plain and shares no stem with its word."""
    tokens = re.findall("[a-z]+", gloss.lower())
    related = (token.startswith(word[:5]) or (len(token) > 3 and word.startswith(token)) for token in tokens)
    return (
        len(gloss.split()) in GLOSS_WORDS
        and not re.search(r"[()\"`;:]", gloss)
        and not UNWANTED.search(gloss)
        and not any(related)
    )


def records(path: Path) -> list[str]:
    """Lines of a WordNet file, without the licence that it starts with."""
    return [line for line in path.read_text(encoding="ascii").splitlines() if not line.startswith(" ")]


def first_sense_counts(path: Path) -> dict[str, int]:
    """How often the first sense of each noun was met: lines of sense key, sense number and count."""
    counts = dict[str, int]()
    for line in records(path):
        key, number, count = line.split()
        lemma, _, lexical = key.partition("%")
        if lexical.startswith("1:") and number == "1":
            counts[lemma] = int(count)
    return counts


def read_index(path: Path) -> dict[str, tuple[str, ...]]:
    """Keys of each noun's synsets, the most frequent first: the last fields of a line, as many as its third says."""
    split = (line.split() for line in records(path))
    return {fields[0]: tuple(fields[-int(fields[2]) :]) for fields in split}


def read_synsets(path: Path) -> dict[str, Synset]:
    """Synsets by key: lines of key, topic, "n", number of words (hexadecimal), words with one number each, ..."""
    synsets = dict[str, Synset]()
    for line in records(path):
        data, _, gloss = line.partition(" | ")
        key, topic, _, number, *rest = data.split()
        words = tuple(rest[: 2 * int(number, 16) : 2])
        # Further definitions and examples come after a semicolon.
        synsets[key] = Synset(words=words, topic=topic, gloss=gloss.split(";")[0].strip())
    return synsets
