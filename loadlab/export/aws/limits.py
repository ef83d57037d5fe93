"""CloudWatch's limits and prices, each with its source. Everything that is sent keeps to them by construction.

[api] is the API reference as botocore's service model carries it (PutMetricData, MetricDatum, Dimension,
PutMetricAlarm); [price] is https://aws.amazon.com/cloudwatch/pricing/ for us-east-1, read in 2026: an estimate, other
regions and negotiated prices differ.
"""

MAX_DATUMS = 1000
"""Metrics a request [api]. Every datum counts as one, which is the stricter reading."""

MAX_BODY_BYTES = 950_000
"""Bytes of a request's body. The limit is 1 MB, and gzip is allowed [api]; it is kept before gzip, which is the
stricter reading, with room for what surrounds the datums."""

MAX_VALUES = 150
"""Unique values of a datum [api]."""

MAX_NAME_CHARS = 255
"""Of a namespace, a metric's and a dimension's name [api]."""

MAX_VALUE_CHARS = 1024
"""Of a dimension's value [api]."""

MAX_MAGNITUDE = 2.0**360
"""Of any value, on both sides of zero [api]."""

OLDEST_S = 14 * 86_400
"""How far back a datum may lie [api]: two weeks."""

AHEAD_S = 2 * 3600
"""How far ahead a datum may lie [api]: two hours."""

SENDING_S = 15 * 60
"""Kept off both ends of that window, because sending takes time and clocks differ."""

MAX_ALARM_RANGE_S = 86_400
"""Period times evaluation periods of an alarm with a period below an hour [api]."""

MAX_LONG_ALARM_RANGE_S = 604_800
"""The same with a period of an hour and more [api]."""

ALARM_PAUSE_S = 0.4
"""Between two PutMetricAlarm requests, of which 3 a second are allowed."""

METRIC_MONTH_USD = 0.30
"""A custom metric a month, the first 10,000 [price]."""

REQUEST_USD = 0.01 / 1000
"""A PutMetricData request [price]."""

ALARM_MONTH_USD = 0.10
"""An alarm a month on one metric of a minute; on an expression the same for each metric in it [price]."""

DASHBOARD_MONTH_USD = 3.0
"""A dashboard a month, from the fourth on [price]."""

FINE_ALARM_MONTH_USD = 0.30
"""The same with a period below a minute [price]."""

HOURS_PER_MONTH = 730
"""Metrics are charged by the hour in which they are sent [price]."""
