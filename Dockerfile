FROM python:3.11-slim AS build

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1

WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY projector projector
COPY api api
COPY cli cli
COPY sql sql

# Wheels only: a dependency that would have to be compiled is an error here, not a compiler in the image.
RUN pip wheel --no-deps --wheel-dir /wheels . \
    && python -m venv --without-pip /opt/projector \
    && pip --python /opt/projector/bin/python install --only-binary :all: --constraint constraints.txt /wheels/*.whl


FROM python:3.11-slim

COPY --from=build /opt/projector /opt/projector

RUN useradd --create-home --uid 10001 projector
USER projector
WORKDIR /home/projector

ENV PATH=/opt/projector/bin:$PATH PYTHONUNBUFFERED=1

# One image for all commands: run, serve, install, …
ENTRYPOINT ["projector"]
CMD ["--help"]
