# The API, the dispatcher, the webhook worker and the migrations: everything that runs no model and decodes no audio.
# From the root of the repository: docker build -f docker/api.Dockerfile -t hansard-api:0.1.0 .

# An exact release on an exact Debian: the Python that the tests run on, and one that pocketsphinx 5.1.1 has a wheel for
# (for 3.12 there is none, and the images hold no compiler). To hold it to the byte, write @sha256:… behind the tag,
# with the digest that `docker buildx imagetools inspect python:3.11.15-slim-trixie` prints.
FROM python:3.11.15-slim-trixie AS base
# The folder that a process is started in decides no import. HOME: the only place that can be written to.
ENV HOME=/tmp \
    PATH=/app/bin:/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONSAFEPATH=1 \
    PYTHONUNBUFFERED=1

FROM base AS dependencies
RUN python -m venv /opt/venv && echo /app > /opt/venv/lib/python3.11/site-packages/app.pth
RUN --mount=type=bind,source=pyproject.toml,target=/src/pyproject.toml \
    --mount=type=bind,source=docker/requirements.py,target=/src/requirements.py \
    --mount=type=cache,target=/root/.cache/pip,sharing=locked \
    export HOME=/root && \
    python /src/requirements.py /src/pyproject.toml api tracing > /opt/venv/requirements.txt && \
    pip install --requirement /opt/venv/requirements.txt

FROM dependencies AS app
# Building writes beside the sources: into a layer over them that is thrown away.
RUN --mount=type=bind,target=/src,rw \
    --mount=type=cache,target=/root/.cache/pip,sharing=locked \
    HOME=/root pip install --no-deps --target /app /src

FROM base
LABEL org.opencontainers.image.title="hansard-api" \
      org.opencontainers.image.licenses="Apache-2.0"
# Two layers: the large one changes with pyproject.toml, the small one with the code.
COPY --from=dependencies /opt/venv /opt/venv
COPY --from=app /app /app
# A number, by which Kubernetes can tell that it is not root.
USER 10001:10001
WORKDIR /tmp
EXPOSE 8000 9090
# Exec form: the process is the first of its container and hears the SIGTERM that asks it to finish.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=4 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
ENTRYPOINT ["hansard"]
CMD ["serve", "api", "--host", "0.0.0.0", "--port", "8000"]
