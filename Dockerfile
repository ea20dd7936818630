# Two stages: dependencies and the product are built where compilers may be; what runs holds neither.
FROM python:3.13-slim AS build
WORKDIR /src
RUN python -m venv /opt/supporters
COPY requirements.lock ./
RUN /opt/supporters/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE CHANGELOG.md Makefile Dockerfile ./
COPY src ./src
COPY templates ./templates
COPY migrations ./migrations
RUN /opt/supporters/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.13-slim
RUN useradd --system --uid 10001 --create-home supporters && install -d -o supporters /data
COPY --from=build /opt/supporters /opt/supporters
ENV PATH=/opt/supporters/bin:$PATH SUPPORTERS_DATA_DIR=/data PYTHONUNBUFFERED=1
USER supporters
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/healthz', timeout=2)"]
CMD ["sh", "-c", "supporters migrate && exec supporters serve --host 0.0.0.0"]
