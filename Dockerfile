# First stage: the wheel and the environment it runs in, from the locks, with hashes.
FROM python:3.11-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1
WORKDIR /src
# --without-pip: what installs into it stays in this stage.
RUN python -m venv /opt/build && python -m venv --without-pip /opt/gatepost
# Locks before sources: an edit of ours leaves these layers as they are.
COPY requirements.lock requirements-build.lock ./
RUN /opt/build/bin/pip install --no-deps --require-hashes --requirement requirements-build.lock \
    && /opt/build/bin/pip --python /opt/gatepost/bin/python install \
        --no-deps --require-hashes --requirement requirements.lock
COPY . .
# sqlite-utils asks for pip, to install plugins of its own; nothing here does, so it goes again.
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /dist . \
    && /opt/build/bin/pip --python /opt/gatepost/bin/python install --no-deps /dist/*.whl \
    && /opt/build/bin/pip --python /opt/gatepost/bin/python uninstall --yes pip \
    && /opt/gatepost/bin/python -m compileall -q /opt/gatepost/lib

FROM python:3.11-slim
COPY --from=build /opt/gatepost /opt/gatepost
# A number and not a name, so that orchestrators can see that it is not root.
RUN mkdir /data && chown 10001:10001 /data
# The project folder is mounted at /data; the lake and the state go to /data/.gatepost unless
# GATEPOST_HOME says otherwise. HOME is there so that nothing ever looks for root's.
ENV PATH=/opt/gatepost/bin:$PATH \
    HOME=/data \
    PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /data
VOLUME /data
STOPSIGNAL SIGTERM
ENTRYPOINT ["gatepost"]
CMD ["--help"]
