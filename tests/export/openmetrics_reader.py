"""Reads what was exported with prometheus_client's parsers, which know nothing of loadlab."""

from __future__ import annotations

import re
from collections import defaultdict
from itertools import groupby

from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_prometheus

PARSERS = {"prometheus": read_prometheus, "openmetrics": read_openmetrics}


def read_families(text, form):
    """The families of a text without timestamps, by name; no sample has one, and none comes twice."""
    families = list(PARSERS[form](text))
    samples = [sample for family in families for sample in family.samples]
    assert len({family.name for family in families}) == len(families)
    assert len({(sample.name, *sorted(sample.labels.items())) for sample in samples}) == len(samples)
    assert all(sample.timestamp is None for sample in samples)
    return {family.name: family for family in families}


def read_samples(text, form):
    """Value by (name, label, label value, ...); the labels that all have are left out."""
    return {key(sample): sample.value for family in read_families(text, form).values() for sample in family.samples}


def key(sample):
    rest = sorted(label for label in sample.labels.items() if label[0] not in ("service", "environment"))
    return (sample.name, *(part for label in rest for part in label))


def read_over_time(text):
    """The samples of a backfill: {instant: {key: value}}.

    Each instant is read as a text of its own, because prometheus_client 0.26 takes the second histogram of a series
    for a repetition of the first. What that leaves open is checked here: the samples of a metric stand together, in the
    order of time.
    """
    assert text.endswith("\n# EOF\n")
    texts, told, order, metadata, fresh = defaultdict(list), set(), [], [], False
    for line in text.removesuffix("# EOF\n").split("\n")[:-1]:
        if line.startswith("# "):
            metadata, fresh = [*metadata, line] if fresh else [line], True
            continue
        fresh = False
        start, instant = line.rsplit(" ", 1)
        if (instant, metadata[0]) not in told:
            told.add((instant, metadata[0]))
            texts[instant] += metadata
        texts[instant].append(start)
        labels = re.sub(r',le="[^"]*"}$', "}", start.rpartition(" ")[0].partition("{")[2])
        order.append(((metadata[0], labels), int(instant)))
    runs = [(metric, [instant for _, instant in rows]) for metric, rows in groupby(order, key=lambda row: row[0])]
    assert len({metric for metric, _ in runs}) == len(runs)
    assert all(instants == sorted(instants) for _, instants in runs)
    return {
        int(instant): {
            key(sample): sample.value
            for family in read_openmetrics("\n".join([*lines, "# EOF", ""]))
            for sample in family.samples
        }
        for instant, lines in texts.items()
    }
