"""Prometheus and whatever reads its formats: a Pushgateway, a textfile collector, ``promtool`` for a backfill."""
