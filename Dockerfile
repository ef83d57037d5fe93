# loadlab with helm, its notebooks and locustfiles: for `loadlab cronjob` and for notebooks inside a cluster.
#
#   docker build --tag registry.example/loadlab:1 .
#
# A guard.yaml beside this file goes into the image too. Runs as user 1000 and needs nothing writable but /tmp.

FROM alpine/helm:4.3.0 AS helm

FROM python:3.13-slim AS build
WORKDIR /src
RUN python -m venv /opt/loadlab
COPY constraints.txt pyproject.toml README.md LICENSE ./
COPY loadlab ./loadlab
RUN /opt/loadlab/bin/python -m pip install --no-cache-dir --disable-pip-version-check \
        --constraint constraints.txt --compile .

FROM python:3.13-slim
COPY --from=helm /usr/bin/helm /usr/local/bin/helm
COPY --from=build /opt/loadlab /opt/loadlab
WORKDIR /loadlab
COPY notebooks ./notebooks
COPY locustfiles ./locustfiles
COPY LICENSE guard.yaml* ./
ENV PATH=/opt/loadlab/bin:$PATH \
    HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 1000:1000
CMD ["loadlab", "--help"]
