# Build the wheel and install it into a virtual environment, with the versions of constraints.txt.
FROM python:3.13-slim AS build

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_ROOT_USER_ACTION=ignore

WORKDIR /build
COPY LICENSE README.md constraints.txt pyproject.toml ./
COPY migrations ./migrations
COPY src ./src

# Compile the modules now: the runtime user cannot write there, and a start that compiles takes three times as long.
RUN python -m venv /opt/ringback \
 && python -m pip wheel --no-deps --wheel-dir dist . \
 && /opt/ringback/bin/python -m pip install --constraint constraints.txt dist/*.whl \
 && /opt/ringback/bin/python -m pip uninstall --yes pip \
 && python -m compileall -q -j 0 /opt/ringback/lib


# The same base image, because the virtual environment needs the Python that created it.
FROM python:3.13-slim

ENV PATH=/opt/ringback/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    RINGBACK_DATABASE_URL=sqlite:////data/ringback.db \
    RINGBACK_HOST=0.0.0.0 \
    RINGBACK_LOG_FORMAT=json

# A fixed user ID keeps the owner of a volume's files when the image is replaced. A new volume takes its owner from the
# folder that it is mounted on. /authority is for a volume that clients also read; set authority_folder to it.
RUN groupadd --gid 10001 ringback \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin ringback \
 && install --directory --owner=ringback --group=ringback --mode=0750 /data \
 && install --directory --owner=ringback --group=ringback --mode=0755 /authority

COPY --from=build /opt/ringback /opt/ringback

USER 10001:10001
WORKDIR /data
VOLUME ["/data"]
EXPOSE 8010
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=4s --start-period=10s --retries=3 CMD ["ringback", "ready"]

ENTRYPOINT ["ringback"]
CMD ["serve"]
