# Mooring: `docker build --target serve -t mooring .` and `docker run -p 8080:8080 mooring serve`.
# Targets: `serve`, and `full` with PyTorch and transformers for handlers that need them. Without --target it is `serve`,
# too, but Docker without BuildKit builds every stage above it then, and PyTorch is several GB.

ARG PYTHON=python:3.11-slim

FROM ${PYTHON} AS packages
COPY docker/requirements.txt docker/slim.py /build/
# Every file's hash is in requirements.txt; nothing is compiled. pip writes the byte code.
RUN python -m venv --without-pip /opt/mooring \
 && pip --python /opt/mooring/bin/python install --no-cache-dir --no-deps --require-hashes --only-binary :all: \
      -r /build/requirements.txt \
 && python /build/slim.py /opt/mooring/lib/python3.11/site-packages
COPY src/mooring /opt/mooring/lib/python3.11/site-packages/mooring
RUN /opt/mooring/bin/python -m compileall -q /opt/mooring/lib/python3.11/site-packages/mooring


FROM ${PYTHON} AS base
RUN apt-get update \
 && apt-get install -y --no-install-recommends nginx-light libnginx-mod-http-lua \
 && rm -rf /var/lib/apt/lists/* /var/log/* /usr/share/nginx/html /etc/nginx/sites-enabled \
 && useradd --system --uid 1001 --create-home --shell /usr/sbin/nologin mooring \
 && mkdir -p /opt/ml/model
COPY docker/entrypoint.sh /usr/local/bin/mooring-entrypoint
COPY --from=packages /opt/mooring /opt/mooring
# The default service, to copy and edit: see docs/container.md.
COPY src/mooring/handler/default_service.py /opt/mooring/default_service.py
RUN printf '#!/bin/sh\nexec /opt/mooring/bin/python -m mooring "$@"\n' >/usr/local/bin/moor \
 && chmod 755 /usr/local/bin/moor /usr/local/bin/mooring-entrypoint

ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Mooring" \
      org.opencontainers.image.description="A Hugging Face question-answering model, answering over HTTP" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      com.amazonaws.sagemaker.capabilities.accept-bind-to-port=true \
      com.amazonaws.sagemaker.capabilities.multi-models=true

# Everything that is written goes below /tmp, for a root file system that may be read-only.
# A new container would only spend a quarter of a second on keeping what it has compiled, for nobody.
# PATH and PIP_PYTHON: `python` and `pip` are those of Mooring's environment, also in an image that is made from this one.
ENV PATH=/opt/mooring/bin:$PATH \
    PIP_PYTHON=/opt/mooring/bin/python \
    MOORING_FRONT=nginx \
    MOORING_HOST=0.0.0.0 \
    MOORING_RUN_CODE=1 \
    SAGEMAKER_BASE_DIR=/opt/ml \
    HF_HOME=/tmp/huggingface \
    MOORING_COMPILE_CACHE_BYTES=0 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
    CMD ["/opt/mooring/bin/python", "-m", "mooring.container.healthcheck"]
ENTRYPOINT ["mooring-entrypoint"]
CMD ["serve"]


FROM base AS serve


FROM base AS full
# PyPI's torch is built for GPUs and several GB large: TORCH_OPTIONS names the index of the CPU build, for example.
ARG TORCH="torch>=2.6"
ARG TORCH_OPTIONS=""
RUN pip --python /opt/mooring/bin/python install --no-cache-dir ${TORCH_OPTIONS} "${TORCH}" "transformers>=4.57"


FROM serve
