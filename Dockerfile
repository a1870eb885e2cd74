# Reads and serves with the build that travels with the repository; nothing is trained here.
FROM python:3.13-slim
RUN useradd --create-home reader
WORKDIR /home/reader/digit-reader
COPY requirements.lock pyproject.toml README.md ./
RUN pip install --no-cache-dir --no-compile --require-hashes --requirement requirements.lock
COPY --chown=reader . .
RUN pip install --no-cache-dir --no-compile --no-deps --no-build-isolation --editable . && chown reader .
USER reader
ENV MLFLOW_DISABLE_TELEMETRY=true
EXPOSE 8501
HEALTHCHECK --start-period=30s CMD python -c "import urllib.request as u; u.urlopen('http://localhost:8501/_stcore/health')"
CMD ["sh", "-c", "python -m pipeline.register && exec streamlit run app/server.py --server.address=0.0.0.0"]
