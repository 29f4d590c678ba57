"""YAML documents from strangers: plain values only, no tags, no aliases, no repeated keys."""

from __future__ import annotations

from typing import Any, cast

from headstart.errors import InputError
from headstart.io.text import decode

MOST_YAML_BYTES = 1 << 20
"""Largest YAML document that is read; the parser takes a second or more for each MiB."""

MOST_DEPTH = 50
"""How deep a document may be nested."""

LONGEST_NUMBER = 400
"""Characters of the longest plain text that may be a number: YAML has numbers to the base 60 without end."""


def parse_yaml(data: bytes, source: str) -> object:
    """Parse one YAML document of text, numbers, booleans, dates as text, lists and mappings.

    Aliases are refused whatever they stand for: ten lines of them can stand for gigabytes.

    Raises:
        InputError: If it is no such document, with its line; or if the package PyYAML is not installed.
    """
    if len(data) > MOST_YAML_BYTES:
        raise InputError(f"must be at most {MOST_YAML_BYTES >> 20} MiB of YAML, got {len(data):,} bytes", file=source)
    text = decode(data, source)
    try:
        import yaml
    except ImportError:
        raise InputError(
            "is YAML; reading it needs one more package: pip install 'headstart[files]'", file=source
        ) from None
    library: Any = yaml
    try:
        return library.load(text, Loader=_loader(library))
    except RecursionError:
        raise InputError("is nested too deeply", file=source) from None
    except InputError as error:
        raise error.located(file=source) from None
    except library.YAMLError as error:
        mark: Any = getattr(error, "problem_mark", None)
        reason = " ".join(str(getattr(error, "problem", None) or error).split())
        raise InputError(
            f"is not well-formed YAML: {reason}", file=source, row=None if mark is None else mark.line + 1
        ) from None
    except (ValueError, ArithmeticError, TypeError) as error:  # numbers of thousands of digits, keys that are lists
        raise InputError(f"is not well-formed YAML: {error}", file=source) from None


def write_yaml(document: object) -> bytes:
    """A document of plain values as YAML; the same document gives the same bytes.

    Raises:
        InputError: If the package PyYAML is not installed.
    """
    try:
        import yaml
    except ImportError:
        raise InputError("writing YAML needs one more package: pip install 'headstart[files]'") from None
    library: Any = yaml
    text = library.safe_dump(document, sort_keys=False, allow_unicode=True, default_flow_style=False, width=1000)
    return cast("str", text).encode()


def _loader(library: Any) -> Any:
    """A safe loader that refuses aliases and repeated keys, and leaves dates as they are written."""

    class Loader(library.SafeLoader):
        depth = 0

        def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
            base: Any = super()
            if kind is library.ScalarNode and len(value) > LONGEST_NUMBER and implicit[0]:
                return library.resolver.BaseResolver.DEFAULT_SCALAR_TAG
            return base.resolve(kind, value, implicit)

        def compose_node(self, parent: Any, index: Any) -> Any:
            if self.check_event(library.AliasEvent):
                mark = self.peek_event().start_mark
                raise InputError("must not use aliases (*name)", row=mark.line + 1)
            if self.depth > MOST_DEPTH:
                raise InputError("is nested too deeply")
            base: Any = super()
            self.depth += 1
            node = base.compose_node(parent, index)
            self.depth -= 1
            return node

        def construct_mapping(self, node: Any, deep: bool = False) -> Any:
            seen: set[object] = set()
            for key, _ in node.value:
                name = (key.tag, str(key.value))
                if name in seen:
                    raise InputError(f"the key {key.value!r} is repeated", row=key.start_mark.line + 1)
                seen.add(name)
            base: Any = super()
            return base.construct_mapping(node, deep=deep)

    dates = "tag:yaml.org,2002:timestamp"
    Loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != dates]
        for first, resolvers in library.SafeLoader.yaml_implicit_resolvers.items()
    }
    return Loader
