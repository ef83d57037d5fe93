"""The servers that exporters are tested against."""

from export_places import aws, aws_server, boto_session, gateway, gateway_server

__all__ = ["aws", "aws_server", "boto_session", "gateway", "gateway_server"]
