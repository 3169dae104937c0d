# First stage: the wheel and the environment it runs in, from the locks, with hashes.
FROM python:3.11-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1
WORKDIR /src
# --without-pip: what installs into it stays in this stage.
RUN python -m venv /opt/build && python -m venv --without-pip /opt/gatepost
# Locks before sources: an edit of ours leaves these layers as they are.
COPY requirements.lock requirements-build.lock ./
RUN /opt/build/bin/pip install --no-compile --no-deps --require-hashes \
        --requirement requirements-build.lock \
    && /opt/build/bin/pip --python /opt/gatepost/bin/python install \
        --no-compile --no-deps --require-hashes --requirement requirements.lock
COPY . .
# sqlite-utils asks for pip, to install plugins of its own; nothing here does, so it goes again, and
# so do the packages' own tests. Everything is compiled here, for the root filesystem is read-only;
# by the content's hash, so that the same sources give the same files.
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /dist . \
    && /opt/build/bin/pip --python /opt/gatepost/bin/python install --no-compile --no-deps \
        /dist/*.whl \
    && /opt/build/bin/pip --python /opt/gatepost/bin/python uninstall --yes pip \
    && /opt/build/bin/python deploy/trim.py /opt/gatepost \
    && /opt/gatepost/bin/python -m compileall -q --invalidation-mode unchecked-hash \
        /opt/gatepost/lib

FROM python:3.11-slim
COPY --from=build /opt/gatepost /opt/gatepost
COPY deploy/health.py /opt/gatepost/health.py
# A number and not a name, so that orchestrators can see that it is not root.
RUN mkdir /data && chown 10001:10001 /data
# One volume. The project folder is /data itself unless GATEPOST_PROJECT names another, and what is
# pulled and remembered goes to .gatepost in it unless GATEPOST_HOME does. HOME is there so that
# nothing ever looks for root's; nothing is written outside /data and /tmp.
ENV PATH=/opt/gatepost/bin:$PATH \
    HOME=/data \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /data
VOLUME /data
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 \
    CMD ["python", "/opt/gatepost/health.py"]
ENTRYPOINT ["gatepost"]
CMD ["run"]
