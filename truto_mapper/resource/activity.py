"""The unified Activity record as types, generated from schemas/conversational-intelligence/activity.yaml."""

from typing import Any, Literal, NotRequired, TypedDict


class ActivityUserEmail(TypedDict):
    """An address at which the user gets mail."""

    email: NotRequired[str]
    """One address."""
    is_primary: NotRequired[bool]
    """True for the address the user mainly goes by."""


class ActivityUser(TypedDict):
    """Whose activity is counted."""

    id: str
    """Identifies the user."""
    name: NotRequired[str]
    """What the user is called."""
    emails: NotRequired[list[ActivityUserEmail]]
    """The addresses at which the user gets mail."""


class ActivityMetrics(TypedDict):
    """The counts."""

    calls_hosted: NotRequired[int]
    """Calls and meetings with the user as their host."""
    calls_attended: NotRequired[int]
    """Calls and meetings in which the user took part."""
    calls_listened_own: NotRequired[int]
    """Own calls to whose recording the user listened."""
    calls_listened_others: NotRequired[int]
    """Calls of others to whose recording the user listened."""
    feedback_given: NotRequired[int]
    """How often the user gave others feedback on their calls."""
    feedback_received: NotRequired[int]
    """How often others gave the user feedback on calls."""
    feedback_requested: NotRequired[int]
    """How often the user asked for feedback on calls."""
    comments_given: NotRequired[int]
    """Comments on calls by the user."""
    comments_received: NotRequired[int]
    """Comments by others on the user's calls."""
    calls_shared_internally: NotRequired[int]
    """Calls the user passed on inside the company."""
    calls_shared_externally: NotRequired[int]
    """Calls the user passed on outside the company."""
    scorecards_filled: NotRequired[int]
    """Scorecards the user filled in when reviewing."""
    scorecards_received: NotRequired[int]
    """Scorecards others filled in about the user."""
    calls_marked_feedback_given: NotRequired[int]
    """Calls the user marked as having been given feedback."""
    calls_marked_feedback_received: NotRequired[int]
    """Calls of the user that others marked as having been given feedback."""


class Activity(TypedDict):
    """How much one user did with recorded calls in one period."""

    id: str
    """Identifies the record; the same user and period have the same id each time."""
    user: NotRequired[ActivityUser]
    """Whose activity is counted."""
    start_time: NotRequired[str]
    """When the counted period begins, an ISO 8601 date-time."""
    end_time: NotRequired[str]
    """When the counted period ends, an ISO 8601 date-time."""
    aggregation_period: NotRequired[Literal["day", "week", "month", "total"]]
    """How long the counted period is; `total` stands for all the time that was asked for."""
    metrics: NotRequired[ActivityMetrics]
    """The counts."""
    created_at: NotRequired[str]
    """When the source system made the record."""
    updated_at: NotRequired[str]
    """When the source system last changed the record."""
    remote_data: NotRequired[dict[str, Any]]
    """The provider's own data behind the record, unmapped."""
