"""Which URLs an installation takes."""

from __future__ import annotations

from api.outbound.addresses import networks
from api.outbound.urls import UrlRules
from api.settings import Settings


def url_rules(settings: Settings) -> UrlRules:
    """The rules for sources and webhooks; where plain http is allowed, for development, so is every port."""
    allowed = networks(*settings.allowed_networks)
    if settings.allow_http_sources:
        return UrlRules(ports=None, allow_http=True, allowed_networks=allowed)
    return UrlRules(allowed_networks=allowed)
