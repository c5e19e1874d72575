"""An endpoint in service: picks the variant and instance for each request."""

from collections.abc import Iterable, Mapping
from typing import Any

from mooring_local.fleet.instance import Instance
from mooring_local.fleet.variant import Variant
from mooring_local.wire.call import region_of
from mooring_local.wire.faults import Fault

MOST_SESSIONS = 10_000


class LiveEndpoint:
    """An endpoint in service. An update replaces the whole object."""

    def __init__(self, name: str, arn: str, config: Mapping[str, Any], variants: Iterable[Variant] = ()) -> None:
        self.name = name
        self.arn = arn
        self.config = config
        """The endpoint configuration at the time of create or update."""
        self.variants: dict[str, Variant] = {}
        self.take(variants)
        self.shadows: list[Variant] = []
        self.components: dict[str, Variant] = {}
        """Inference components by name."""
        self._sessions: dict[str, tuple[str, Instance]] = {}

    def take(self, variants: Iterable[Variant]) -> None:
        """Set the production variants."""
        self.variants = {variant.name: variant for variant in variants}

    @property
    def region(self) -> str:
        """Of its ARN."""
        return region_of(self.arn)

    @property
    def account(self) -> str:
        """Of its ARN."""
        return self.arn.split(":")[4]

    @property
    def asynchronous(self) -> Mapping[str, Any] | None:
        """Its AsyncInferenceConfig, if it has one."""
        return self.config.get("AsyncInferenceConfig")

    def pick(self, target: str | None = None, component: str | None = None) -> Variant:
        """The requested variant, or the next one by weight. Raises Fault."""
        if component is not None:
            if component not in self.components:
                raise Fault("ValidationError", f"Inference Component Name {component} not found.")
            return self.components[component]
        if self.components:
            message = "Inference Component Name header is required for endpoints to which you plan to deploy "
            raise Fault("ValidationError", f"{message}inference components. Please include it in your request.")
        if target is None:
            return self._by_weight()
        if target not in self.variants:
            known = ", ".join(self.variants)
            raise Fault("ValidationError", f'Variant {target} not found for endpoint "{self.arn}": it has {known}.')
        return self.variants[target]

    def _by_weight(self) -> Variant:
        """Smooth weighted round robin."""
        having = [variant for variant in self.variants.values() if variant.weight > 0]
        if not having:
            raise Fault("ValidationError", f"All variants of endpoint {self.name} have weight 0. Set TargetVariant.")
        for variant in having:
            variant.credit += variant.weight
        best = max(having, key=lambda variant: variant.credit)
        best.credit -= sum(variant.weight for variant in having)
        return best

    def remember(self, session: str, variant: Variant, instance: Instance) -> None:
        """Route further requests of that session to that instance."""
        if len(self._sessions) >= MOST_SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        self._sessions[session] = (variant.name, instance)

    def recall(self, session: str) -> tuple[str, Instance] | None:
        """The variant name and instance of a session, if the instance is still up."""
        found = self._sessions.get(session)
        return found if found is not None and found[1].containers else None

    def forget(self, session: str) -> None:
        """The session was closed."""
        self._sessions.pop(session, None)
