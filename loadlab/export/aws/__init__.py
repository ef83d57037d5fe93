"""CloudWatch: metrics, live and afterwards, a dashboard, and alarms."""
