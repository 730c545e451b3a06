"""The same task by django-maintenance-tasks, as its README has it: a collection, and what to do with an item.

Run by `benchmarks.peers` with a Python that has it (3.12 or newer): `python peer_task.py ROWS BATCH_SIZE`, the database
in DATABASE_URL. Its jobs run at once in this process, so that waiting for a queue is not counted against it.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any
from urllib.parse import unquote, urlsplit

import django
from django.conf import settings
from django.core.management import call_command
from django.db import models


def configure(url: str) -> None:
    at = urlsplit(url)
    settings.configure(
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "maintenance_tasks"],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.postgresql",
                "NAME": at.path.removeprefix("/"),
                "USER": unquote(at.username or ""),
                "PASSWORD": unquote(at.password or ""),
                "HOST": at.hostname or "",
                "PORT": str(at.port or ""),
            }
        },
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        MAINTENANCE_TASKS={"MAX_RUNTIME": 10**9},
        TASKS={"default": {"BACKEND": "django.tasks.backends.immediate.ImmediateBackend"}},
        USE_TZ=True,
    )
    django.setup()
    call_command("migrate", verbosity=0)


def run(rows: int, batch: int) -> dict[str, Any]:
    from maintenance_tasks import MaintenanceTask, runner  # noqa: PLC0415 - wants Django to be set up

    class Customer(models.Model):  # type: ignore[misc]  # ships no types
        id = models.BigIntegerField(primary_key=True)
        email = models.TextField()
        email_normalized = models.TextField(null=True)

        class Meta:
            app_label = "shop"
            db_table = "customers"
            managed = False

        def __str__(self) -> str:
            return str(self.pk)

    class EmailNormalized(MaintenanceTask):  # type: ignore[misc]  # ships no types
        batch_size = batch

        def collection(self) -> Any:
            return Customer.objects.filter(pk__lte=rows)

        def process(self, customer: Customer) -> None:
            customer.email_normalized = customer.email.strip(" ").lower()
            customer.save(update_fields=["email_normalized"])

    began = time.monotonic()
    started = runner.start(EmailNormalized.name)
    seconds = time.monotonic() - began
    started.refresh_from_db()
    return {"seconds": seconds, "rows": started.tick_count, "status": str(started.status)}


if __name__ == "__main__":
    configure(os.environ["DATABASE_URL"])
    sys.stdout.write(json.dumps(run(int(sys.argv[1]), int(sys.argv[2]))))
