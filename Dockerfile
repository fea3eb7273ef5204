# One image for every process: `docker run planshift web --host 0.0.0.0`, `… worker --queues pdf`, `… migrate`.
FROM python:3.13-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/planshift
WORKDIR /src
# The packages first: they change less often than the code.
COPY requirements-runtime.lock ./
RUN /opt/planshift/bin/pip install --require-hashes -r requirements-runtime.lock
COPY . ./
RUN /opt/planshift/bin/pip install --no-build-isolation --no-deps .

FROM python:3.13-slim
RUN useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin planshift
COPY --from=build /opt/planshift /opt/planshift
# The sample catalogues, to load and to start one's own from.
COPY catalogs /app/catalogs
# A volume mounted here takes over the owner.
RUN install --directory --owner=planshift /var/lib/planshift/documents
WORKDIR /app
ENV PATH=/opt/planshift/bin:$PATH PYTHONUNBUFFERED=1
USER planshift
ENTRYPOINT ["planshift"]
CMD ["--help"]
