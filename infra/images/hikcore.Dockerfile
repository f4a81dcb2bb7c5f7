# hikcore with Prefect, for the server and the workers. Built from the repository's root:
#   docker build -f infra/images/hikcore.Dockerfile -t hikcore .
FROM python:3.11-slim AS build
RUN apt-get update && apt-get install -y --no-install-recommends build-essential \
    && rm -rf /var/lib/apt/lists/*
COPY . /src
WORKDIR /src
RUN python -m venv /opt/hikcore \
    && /opt/hikcore/bin/pip install --no-cache-dir -c constraints.txt setuptools wheel Cython \
    && /opt/hikcore/bin/pip install --no-cache-dir -c constraints.txt --no-build-isolation ".[prefect]"

FROM python:3.11-slim
COPY --from=build /opt/hikcore /opt/hikcore
RUN useradd --create-home --home-dir /var/lib/hikcore hikcore
USER hikcore
WORKDIR /var/lib/hikcore
ENV PATH=/opt/hikcore/bin:$PATH \
    PREFECT_HOME=/var/lib/hikcore/prefect \
    HIKCORE_STATE_FOLDER=/var/lib/hikcore/state \
    XDG_CACHE_HOME=/var/lib/hikcore/cache \
    DO_NOT_TRACK=1
