"""Proof files and their verifier, which uses no solver and no floating point.

The modules, in the order in which they build on each other: ``limits`` (of size and work), ``numbers`` (exact numbers
and certain signs), ``curves`` and ``costs`` (with exact parameters), ``compare`` (which score is higher), ``document``
(the contest in a proof), ``game`` (one level), ``forever`` and ``level`` (all levels from one on), ``prices``,
``noise``, ``incentive`` and ``dominance`` (contests with noise), ``verifier``.
"""

from headstart.certificate.verifier import SCHEMA, Verification, digest, verify

__all__ = ["SCHEMA", "Verification", "digest", "verify"]
