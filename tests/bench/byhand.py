"""The mapping as a person would write it: one loop, dict displays, no checks. It knows Gong and nothing else.

It assumes what Gong's replies show: every row has its user's id and address, every period its dates, and no count is
null. Counts may be absent, and are then left out. Nothing is checked, so invalid values are passed on unchanged. The
request is assumed to cut no period, and the next cursor is the provider's own, where ours is sealed.
"""

COUNTS = {
    "calls_hosted": "callsAsHost",
    "calls_attended": "callsAttended",
    "calls_listened_own": "ownCallsListenedTo",
    "calls_listened_others": "othersCallsListenedTo",
    "feedback_given": "callsGaveFeedback",
    "feedback_received": "callsReceivedFeedback",
    "feedback_requested": "callsRequestedFeedback",
    "comments_given": "callsCommentsGiven",
    "comments_received": "callsCommentsReceived",
    "calls_shared_internally": "callsSharedInternally",
    "calls_shared_externally": "callsSharedExternally",
    "scorecards_filled": "callsScorecardsFilled",
    "scorecards_received": "callsScorecardsReceived",
    "calls_marked_feedback_given": "callsMarkedAsFeedbackGiven",
    "calls_marked_feedback_received": "callsMarkedAsFeedbackReceived",
}


def aggregate(body: dict, period: str) -> dict:
    """The unified reply for a page with one row a user."""
    start, end = mended(body["fromDateTime"]), mended(body["toDateTime"])
    days = f"{period}_{start[:10]}_{end[:10]}"
    result = []
    for user in body["usersAggregateActivityStats"]:
        user_id = user["userId"]
        result.append(
            {
                "id": f"{user_id}_{days}",
                "user": {"id": user_id, "emails": [{"email": user["userEmailAddress"], "is_primary": True}]},
                "start_time": start,
                "end_time": end,
                "aggregation_period": period,
                "metrics": metrics(user["userAggregateActivityStats"]),
                "remote_data": user,
            }
        )
    return {"result": result, "next_cursor": body["records"].get("cursor")}


def by_period(body: dict, period: str) -> dict:
    """The unified reply for a page with some rows a user, one a period."""
    result = []
    for user in body["usersAggregateActivity"]:
        user_id = user["userId"]
        for row in user["userAggregateActivity"]:
            start, end = mended(row["fromDate"]), mended(row["toDate"])
            result.append(
                {
                    "id": f"{user_id}_{period}_{start[:10]}",
                    "user": {"id": user_id, "emails": [{"email": user["userEmailAddress"], "is_primary": True}]},
                    "start_time": start,
                    "end_time": end,
                    "aggregation_period": period,
                    "metrics": metrics(row),
                    "remote_data": {**user, "userAggregateActivity": [row]},
                }
            )
    return {"result": result, "next_cursor": body["records"].get("cursor")}


def metrics(counts: dict) -> dict:
    try:
        return {
            "calls_hosted": counts["callsAsHost"],
            "calls_attended": counts["callsAttended"],
            "calls_listened_own": counts["ownCallsListenedTo"],
            "calls_listened_others": counts["othersCallsListenedTo"],
            "feedback_given": counts["callsGaveFeedback"],
            "feedback_received": counts["callsReceivedFeedback"],
            "feedback_requested": counts["callsRequestedFeedback"],
            "comments_given": counts["callsCommentsGiven"],
            "comments_received": counts["callsCommentsReceived"],
            "calls_shared_internally": counts["callsSharedInternally"],
            "calls_shared_externally": counts["callsSharedExternally"],
            "scorecards_filled": counts["callsScorecardsFilled"],
            "scorecards_received": counts["callsScorecardsReceived"],
            "calls_marked_feedback_given": counts["callsMarkedAsFeedbackGiven"],
            "calls_marked_feedback_received": counts["callsMarkedAsFeedbackReceived"],
        }
    except KeyError:
        return {ours: counts[theirs] for ours, theirs in COUNTS.items() if theirs in counts}


def mended(moment: str) -> str:
    """Gong's own example has a three-digit hour, T000:00:00."""
    return moment[:11] + moment[12:] if moment[14] == ":" else moment


MAPS = {"aggregate": aggregate, "by-period": by_period}
