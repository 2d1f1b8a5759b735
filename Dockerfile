# The image of ringback. Dependencies have a layer that is rebuilt only if pyproject.toml's requirements or constraints.txt
# change; a change to the source rebuilds only the small layer after it.
FROM python:3.13-slim AS requirements

WORKDIR /build
COPY pyproject.toml ./

# Only the requirements: other changes to pyproject.toml must not reinstall them.
RUN python -c "import tomllib; read = tomllib.load(open('pyproject.toml', 'rb')); \
      open('run.txt', 'w').write('\n'.join(read['project']['dependencies'])); \
      open('build.txt', 'w').write('\n'.join(read['build-system']['requires']))"


# Install the dependencies, and the build backend apart from them, with the versions of constraints.txt. Only wheels: the
# image has no compiler.
FROM python:3.13-slim AS dependencies

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_ROOT_USER_ACTION=ignore

WORKDIR /build
COPY constraints.txt ./
COPY --from=requirements /build/run.txt /build/build.txt ./

# The modules are compiled now, because the runtime user cannot write there, and a start that compiles takes three times as
# long. Hashes instead of times keep the bytecode valid if a tool changes the files' times. Removed: 40 MB of place names,
# which ringback does not read. Not compiled: other modules that it does not import.
RUN python -m venv --without-pip /opt/ringback \
 && python -m venv --without-pip /opt/backend \
 && python -m pip --python /opt/ringback/bin/python install --only-binary :all: --no-compile \
      --constraint constraints.txt --requirement run.txt \
 && python -m pip --python /opt/backend/bin/python install --only-binary :all: \
      --constraint constraints.txt --requirement build.txt \
 && rm -r /opt/ringback/lib/python3.*/site-packages/phonenumbers/geodata \
 && python -m compileall -q -j 0 --invalidation-mode unchecked-hash \
      -x '/(carrierdata|tzdata|testing|tests|mssql|mysql|oracle)/' /opt/ringback/lib


# Build the wheel and install it into a folder that is copied over the dependencies.
FROM dependencies AS package

COPY LICENSE README.md pyproject.toml ./
COPY migrations ./migrations
COPY src ./src
RUN /opt/backend/bin/python -m hatchling build -t wheel -d dist \
 && python -m pip --python /opt/ringback/bin/python install --no-deps --no-index --no-compile \
      --prefix /package dist/*.whl \
 && python -m compileall -q -j 0 --invalidation-mode unchecked-hash -s /package -p /opt/ringback /package/lib


# The same base image, because the virtual environment needs the Python that created it.
FROM python:3.13-slim

# The base image lacks the bytecode of Python's own modules; without it, every start and health check compiles them.
RUN python -m compileall -q -j 0 --invalidation-mode unchecked-hash \
      -x '/(config-.*|dist-packages|ensurepip|idlelib|lib2to3|pydoc_data|site-packages|test|tests|tkinter|turtledemo)/' \
      "$(python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"

# Root's group owns the folders, as the user and every user ID that the image does not know belong to it. /data is also
# open to other users and groups; a new volume or tmpfs has the mode of the folder that it is mounted on. /authority is for
# a volume that clients also read; set authority_folder to it.
RUN useradd --uid 10001 --gid 0 --no-create-home --home-dir /data --shell /usr/sbin/nologin ringback \
 && install --directory --mode=1777 /data \
 && install --directory --mode=0775 /authority

ENV PATH=/opt/ringback/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    RINGBACK_DATABASE_URL=sqlite:////data/ringback.db \
    RINGBACK_HOST=0.0.0.0 \
    RINGBACK_LOG_FORMAT=json

LABEL org.opencontainers.image.title="ringback" \
      org.opencontainers.image.description="A local stand-in for Twilio's OutgoingCallerIds REST API" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.base.name="python:3.13-slim"

WORKDIR /data
COPY --from=dependencies /opt/ringback /opt/ringback
COPY --from=package /package /opt/ringback

# A fixed user ID keeps the owner of a volume's files when the image is replaced.
USER 10001:0
EXPOSE 8010
STOPSIGNAL SIGTERM
# Failures during the start period do not count; the first success ends it.
HEALTHCHECK --interval=5s --timeout=4s --start-period=60s --retries=2 CMD ["ringback", "ready"]

ENTRYPOINT ["ringback"]
CMD ["serve"]
