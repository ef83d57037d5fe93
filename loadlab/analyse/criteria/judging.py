"""The verdict on a run."""

from __future__ import annotations

from collections.abc import Sequence

from loadlab.analyse.criteria.verdict import CriterionResult, Verdict
from loadlab.analyse.validity import Validity
from loadlab.schema import BROKEN_END
from loadlab.spec import Criterion

CAUSED_BY_STOPPING = ("samples", "success", "target_rate", "steady", "end", "users")
"""The checks that a test fails because it was ended early, or because of what it was ended for."""

ENDINGS = ("end", "interrupted", "lease")
"""The checks that warn of a test that did not last as long as it should; what it has not broken by then it has not
kept."""


def judge(
    criteria: Sequence[Criterion],
    results: Sequence[CriterionResult],
    validity: Validity,
    *,
    end_reason: str | None = None,
) -> Verdict:
    """The verdict on a run from what its criteria have come to (`evaluate`), in the same order.

    Validity comes first: an invalid run is neither passed nor failed. Only a run that was ended because one of these
    criteria was broken has failed, if nothing is wrong with it but what follows from ending early. A test that was cut
    short against its plan may have failed, but it has not passed.
    """
    results = tuple(results)
    broken = [result for result in results if result.status == "failed"]
    unknown = [result for result in results if result.status == "invalid"]
    stopped = end_reason == BROKEN_END and any(criterion.stop for criterion in criteria)
    stopped_by = [
        result
        for criterion, result in zip(criteria, results, strict=True)
        if criterion.stop and result.status == "failed"
    ]
    cut_short = [check for check in validity.checks if check.name in ENDINGS and check.status == "warning"]
    doubts = [check for check in validity.checks if check.status == "invalid"]
    if stopped and stopped_by:
        doubts = [check for check in doubts if check.name not in CAUSED_BY_STOPPING]
    if doubts:
        return Verdict("invalid", results, tuple(check.text for check in doubts))
    if stopped and not stopped_by:
        text = (
            "The test was ended because a criterion was broken by what had come until then; what came later has undone "
            "that, so that the run was cut short."
        )
        return Verdict("invalid", results, (text,))
    if broken:
        return Verdict("failed", results, tuple(result.text for result in broken))
    if unknown:
        return Verdict("invalid", results, tuple(result.text for result in unknown))
    if results and cut_short:
        text = f"{_all_of(len(results))} met as far as the test went, but it was cut short. "
        return Verdict("invalid", results, (text + cut_short[0].text,))
    if not results:
        return Verdict("unjudged", (), ("No criteria were given.",))
    return Verdict("passed", results, (f"{_all_of(len(results))} met.",))


def _all_of(count: int) -> str:
    if count <= 2:
        return "The criterion was" if count == 1 else "Both criteria were"
    return f"All {count:,} criteria were"
