# One image for the migration, the workers and the HTTP service; docker-compose.yml says which is which.

# Every package is downloaded as a wheel and checked against its hash in constraints-image.txt, which has what the program
# needs when it runs, and hatchling, which makes the project's own wheel. What follows has no index: only these files can
# be installed, hence exactly these versions, and hatchling stays behind.
# Where the index is reached by a mirror, a proxy or a certificate of one's own, pip's configuration says so, as a secret of
# the build that stays in no layer: docs/deployment.md.
FROM python:3.13-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_INPUT=1
WORKDIR /source
COPY constraints-image.txt ./
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf --mount=type=secret,id=ca.pem,target=/run/secrets/ca.pem \
    python -m pip download --require-hashes --no-deps --only-binary :all: --dest /wheels --requirement constraints-image.txt
COPY pyproject.toml README.md LICENSE ./
COPY backfill backfill
RUN python -m venv /opt/backfill \
 && /opt/backfill/bin/python -m pip install --no-index --find-links /wheels . \
 && /opt/backfill/bin/python -m pip uninstall --yes pip

FROM python:3.13-slim
# No .pyc files are written: the file system is read-only, and the installation has made its own.
# What is in /app is the service itself, which is not installed: the wheel is the library alone.
# The allocator gives back what it has free: after a run that is 2 MiB of a worker, which is no slower for it.
ENV PATH=/opt/backfill/bin:$PATH PYTHONPATH=/app PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    MALLOC_ARENA_MAX=1 MALLOC_TRIM_THRESHOLD_=131072
WORKDIR /app
COPY --from=build /opt/backfill /opt/backfill
COPY pyproject.toml ./
COPY alembic alembic
COPY config config
COPY scripts scripts
COPY worker worker
USER 10001:10001
STOPSIGNAL SIGTERM
CMD ["arq", "worker.main.WorkerSettings"]
