# Reads and serves with the build that travels with the repository; nothing is trained here.
FROM python:3.13-slim
RUN useradd --create-home reader
WORKDIR /home/reader/digit-reader
COPY requirements.lock pyproject.toml README.md ./
RUN pip install --no-cache-dir --no-compile --require-hashes --requirement requirements.lock
COPY --chown=reader . .
RUN pip install --no-cache-dir --no-compile --no-deps --no-build-isolation --editable . && chown reader .
USER reader
# The volume for corrections takes its owner from here.
RUN mkdir --parents data/feedback
ENV MLFLOW_DISABLE_TELEMETRY=true
EXPOSE 8501
HEALTHCHECK --interval=10s --start-period=60s CMD python -c "import urllib.request as u; u.urlopen('http://localhost:8501/_stcore/health')"
CMD ["sh", "-c", "python -m pipeline.register && exec streamlit run app/server.py --server.address=0.0.0.0"]
