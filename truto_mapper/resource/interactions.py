"""The unified Interaction record as types, generated from schemas/conversational-intelligence/interactions.yaml."""

from typing import Any, Literal, NotRequired, TypedDict


class InteractionUserEmail(TypedDict):
    """An address at which the user gets mail."""

    email: NotRequired[str]
    """One address."""
    is_primary: NotRequired[bool]
    """True for the address the user mainly goes by."""


class InteractionUser(TypedDict):
    """Who was on the calls."""

    id: str
    """Identifies the user."""
    name: NotRequired[str]
    """What the user is called."""
    emails: NotRequired[list[InteractionUserEmail]]
    """The addresses at which the user gets mail."""


class InteractionMetricsAdditionalMetric(TypedDict):
    """A measurement without a field of its own."""

    name: NotRequired[str]
    """What the provider calls it."""
    value: NotRequired[float]
    """How much was measured."""


class InteractionMetrics(TypedDict):
    """The measurements."""

    longest_monologue: NotRequired[float]
    """The seconds that the user talked for without a break, at most."""
    longest_customer_story: NotRequired[float]
    """The seconds that a customer talked for without a break, at most."""
    interactivity: NotRequired[float]
    """How often the talking passed between the user and the others."""
    patience: NotRequired[float]
    """The seconds that the user waited before talking again after the others."""
    question_rate: NotRequired[float]
    """How often the user asked something."""
    additional_metrics: NotRequired[list[InteractionMetricsAdditionalMetric]]
    """The measurements that have no field of their own."""


class Interaction(TypedDict):
    """How one user talked and listened on recorded calls in one period."""

    id: str
    """Identifies the record; the same user and period have the same id each time."""
    user: NotRequired[InteractionUser]
    """Who was on the calls."""
    start_time: NotRequired[str]
    """When the measured period begins, an ISO 8601 date-time."""
    end_time: NotRequired[str]
    """When the measured period ends, an ISO 8601 date-time."""
    timezone: NotRequired[str]
    """The time zone in which the days of the period begin and end."""
    aggregation_period: NotRequired[Literal["day", "week", "month", "total"]]
    """How long the measured period is; `total` stands for all the time that was asked for."""
    metrics: NotRequired[InteractionMetrics]
    """The measurements."""
    created_at: NotRequired[str]
    """When the source system made the record."""
    updated_at: NotRequired[str]
    """When the source system last changed the record."""
    remote_data: NotRequired[dict[str, Any]]
    """The provider's own data behind the record, unmapped."""
