"""What a DATABASE_URL and a REDIS_URL mean, and what is said of one that cannot be used."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from backfill.runs.errors import SettingsError
from backfill.urls import Host, describe, in_database, read_database_url, read_redis_url

SECRET = "hunter2"


def refusal(read: Callable[[str], object], url: str) -> str:
    with pytest.raises(SettingsError) as refused:
        read(url)
    assert SECRET not in f"{refused.value} {refused.value!r}"
    assert refused.value.__cause__ is None
    return str(refused.value)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+asyncpg", "PostgreSQL"])
def test_every_spelling_of_the_scheme_is_postgresql(scheme: str) -> None:
    url = read_database_url(f"{scheme}://me:p%40ss@host:5433/app")

    assert (url.user, url.password, url.hosts, url.database) == ("me", "p@ss", (Host(name="host", port=5433),), "app")


@pytest.mark.parametrize(
    ("url", "hosts"),
    [
        ("postgresql:///app", [(None, None)]),
        ("postgresql://:5433/app", [(None, 5433)]),
        ("postgresql://one:1,two:2/app", [("one", 1), ("two", 2)]),
        ("postgresql://one,two:2/app", [("one", None), ("two", 2)]),
        ("postgresql://[::1]:5433,host/app", [("::1", 5433), ("host", None)]),
        ("postgresql://[fe80::1%25eth0]/app", [("fe80::1%eth0", None)]),
        ("postgresql://%2Frun%2Fpostgresql:5433/app", [("/run/postgresql", 5433)]),
        ("postgresql:///app?host=/run/postgresql&port=5433", [("/run/postgresql", 5433)]),
        ("postgresql://:5433/app?host=/run/postgresql", [("/run/postgresql", 5433)]),
        ("postgresql:///app?host=one,two&port=1,2", [("one", 1), ("two", 2)]),
        ("postgresql:///app?host=one,two&port=1", [("one", 1), ("two", 1)]),
        ("postgresql:///app?host=::1", [("::1", None)]),
        ("postgresql+asyncpg:///app?host=one:1&host=two:2", [("one", 1), ("two", 2)]),
        ("postgresql://elsewhere:9/app?host=here", [("here", 9)]),
    ],
)
def test_hosts_are_read_as_libpq_reads_them(url: str, hosts: list[tuple[str | None, int | None]]) -> None:
    assert [(host.name, host.port) for host in read_database_url(url).hosts] == hosts


def test_the_query_goes_before_what_stands_in_front_of_it() -> None:
    url = read_database_url("postgresql://a:b@host/c?user=me&password=p%26+ss&dbname=app&port=5433")

    assert (url.user, url.password, url.database, url.hosts[0].port) == ("me", "p&+ss", "app", 5433)


def test_parameters_of_libpq_are_understood() -> None:
    url = read_database_url(
        "postgresql://host/app?sslmode=verify-full&sslrootcert=/ca.pem&connect_timeout=3&passfile=/pass"
        "&target_session_attrs=read-write&options=-c%20search_path%3Dapp&application_name=x&keepalives_idle=3"
        "&gssencmode=disable&client_encoding=utf8"
    )

    assert (url.sslmode, dict(url.tls)) == ("verify-full", {"sslrootcert": "/ca.pem"})
    assert (url.connect_timeout_seconds, url.passfile) == (3.0, "/pass")
    assert (url.session_attributes, url.options) == ("read-write", "-c search_path=app")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://me:hunter2@host:5433/app", "PostgreSQL at host:5433 (database app)"),
        ("postgresql://me:hunter2@host", "PostgreSQL at host"),
        ("postgresql:///app?password=hunter2", "PostgreSQL at the default host (database app)"),
        ("postgresql:///app?host=/run/postgresql", "PostgreSQL at /run/postgresql (database app)"),
        ("postgresql://me:hunter2@one:1,two:2/app", "PostgreSQL at one:1, two:2 (database app)"),
        ("postgresql://me:hunter2@[::1]:5433/x?dbname=app", "PostgreSQL at [::1]:5433 (database app)"),
    ],
)
def test_a_server_is_described_without_the_password(url: str, words: str) -> None:
    assert describe(url) == words
    assert SECRET not in repr(read_database_url(url))


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("", "is not a URL"),
        ("hunter2", "is not a URL"),
        ("mysql://me:hunter2@host/app", "begins with mysql://, not with postgresql://"),
        ("postgresql://me:hunter2@host:port/app", "hosts or ports that cannot be used"),
        ("postgresql://host:hunter2/app", "hosts or ports that cannot be used"),
        ("postgresql://host:70000/app", "hosts or ports that cannot be used"),
        ("postgresql://me:hun@ter@hunter2/app", "must have its special characters percent-encoded"),
        ("postgresql://me:1/hunter2@host/app", "must have its special characters percent-encoded"),
        ("postgresql://me:1?hunter2@host/app?hunter2", "a parameter without a value"),
        ("postgresql://me:hunter2@[host/app", "hosts or ports that cannot be used"),
        ("postgresql://one,,two/app", "an empty name among its hosts"),
        ("postgresql:///app?host=one,two&port=1,2,3", "names 2 hosts and 3 ports"),
        ("postgresql:///app?port=hunter2", "hosts or ports that cannot be used"),
        ("postgresql://me:hunter2@host/app?sslmode=sometimes", "sslmode is none of allow, disable"),
        ("postgresql://me:hunter2@host/app?target_session_attrs=hunter2", "target_session_attrs is none of any"),
        ("postgresql://me:hunter2@host/app?connect_timeout=hunter2", "connect_timeout is not a number of seconds"),
        ("postgresql://me:hunter2@host/app?channel_binding=require", "not understood: channel_binding. Remove them."),
        ("postgresql://me:hunter2@/app?service=hunter2", "service, which cannot be used: no service file is read"),
        ("postgresql://me:hunter2@host/app?hostaddr=10.0.0.1", "hostaddr, which cannot be used: give the address as"),
    ],
)
def test_a_database_url_that_cannot_work_is_refused_without_repeating_it(url: str, complaint: str) -> None:
    assert complaint in refusal(read_database_url, url)


def test_another_database_of_the_same_server_keeps_everything_else() -> None:
    url = in_database("postgresql://me:p%40ss@one:1,two:2/app?sslmode=require&dbname=other", "demo")

    assert url == "postgresql://me:p%40ss@one:1,two:2/demo?sslmode=require"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("redis://:hunter2@cache:6380/2", "cache:6380 (database 2)"),
        ("rediss://me:hunter2@[::1]?db=3", "[::1]:6379 (database 3)"),
        ("unix://:hunter2@/run/redis.sock?db=1", "/run/redis.sock (database 1)"),
        ("redis+sentinel://me:hunter2@one,[::1]:2/app/3", "app, by Sentinel at one:26379, [::1]:2 (database 3)"),
        ("rediss+sentinel://one:1/app?sentinel_password=hunter2&db=2", "app, by Sentinel at one:1 (database 2)"),
    ],
)
def test_a_redis_is_described_without_the_password(url: str, words: str) -> None:
    assert str(read_redis_url(url)) == words


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("hunter2", "is not a URL"),
        ("http://me:hunter2@host", "begins with http://, not with redis://"),
        ("redis+sentinel://:hunter2@host:26379", "does not name the service that Sentinel looks after"),
        ("redis+sentinel://:hunter2@host:26379/app/hunter2", "names a database that is not a number"),
        ("redis+sentinel://:hunter2@one,,two/app", "hosts or ports that cannot be used"),
        ("redis+sentinel://:hunter2@host:port/app", "hosts or ports that cannot be used"),
        ("redis://:hunter2@one:6379,two:6379/0", "names several hosts"),
        ("redis://:hunter2@one,two/0", "names several hosts"),
        ("redis://:hunter2/x@host:6379/0", "a password must have its special characters percent-encoded"),
        ("redis://:hun#hunter2@host:6379/0", "a password must have its special characters percent-encoded"),
        ("redis://:hunter2@host:6379/cache", "names a database that is not a number"),
        ("redis://:hunter2@host:6379/0?db=hunter2", "names a database that is not a number"),
        ("redis://:hunter2@host:6379/0?decode_responses=true", "set here: decode_responses"),
        ("unix://run/redis.sock", "does not name a socket by its whole path"),
    ],
)
def test_a_redis_url_that_means_something_else_is_refused_without_repeating_it(url: str, complaint: str) -> None:
    assert complaint in refusal(read_redis_url, url)
